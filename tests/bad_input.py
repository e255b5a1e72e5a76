"""Every entry point with every kind of bad input, and the table of the answers.

`docs/bad-input.md` is this table; after a change of a sentence it is written anew by
``python tests/bad_input.py``.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

import fastbilevel as fb

PAGE = Path(__file__).parents[1] / "docs" / "bad-input.md"

# Values by what the page calls them. One that an argument wants is taken.
KINDS: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "'abc'": lambda: "abc",
    "NaN": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "1j": lambda: 1j,
    "True": lambda: True,
    "-1": lambda: -1,
    "2.5": lambda: 2.5,
    "10^400": lambda: 10**400,
    "[]": lambda: [],
    "[[1], [1, 2]]": lambda: [[1], [1, 2]],
    "{}": lambda: {},
    "{1, 2}": lambda: {1, 2},
    "generator": lambda: (i for i in range(3)),
    "function": lambda: _a_function,
    "class": lambda: Unrelated,
    "masked": lambda: np.ma.masked_array(np.zeros(4), mask=[1, 0, 0, 0]),
    "objects": lambda: np.array([1.0, None, "a", 2.0], object),
    "strings": lambda: np.array(["a", "b", "c", "d"]),
    "complex": lambda: np.zeros(4, complex),
    "NaN inside": lambda: np.array([0.0, np.nan, 0.0, 0.0]),
    "(2, 2, 2)": lambda: np.zeros((2, 2, 2)),
    "(4, 1)": lambda: np.zeros((4, 1)),
    "sparse": lambda: sp.csr_array(np.eye(4)),
    "dates": lambda: np.array(["2026-01-01"] * 4, "M8[D]"),
}


class Unrelated:
    """A class that no argument wants."""


def _a_function(*arguments, **named):
    """Returns nothing, whatever it is asked."""


ROWS = 4
DATA = np.arange(24.0).reshape(8, 3) % 5
LABELS = np.arange(8) % 2


def _halves(**changes: Any) -> dict[str, Any]:
    data = {"X": DATA[:ROWS], "y": LABELS[:ROWS], "Xv": DATA[ROWS:], "yv": LABELS[ROWS:]}
    return data | changes


def _learn(**changes: Any) -> Any:
    return fb.problems.LearnToRegularize(**_halves(**changes))


def _clean(**changes: Any) -> Any:
    return fb.problems.HyperCleaning(**_halves(**changes))


def _regress(**changes: Any) -> Any:
    return fb.problems.LpRegression(**_halves(**changes))


QUADRATIC = {"H": np.eye(2), "B": np.eye(2), "F": np.eye(2)}
CALLABLES = {
    "grad_lower_y": lambda data, x, y, rows: y - x,
    "grad_upper_y": lambda data, x, y, rows: y,
    "grad_lower_x": lambda data, x, y, rows: -y,
    "x0": [1.0],
    "y0": [0.0],
}


def _quadratic(**changes: Any) -> Any:
    return fb.problems.Quadratic(**QUADRATIC | changes)


def _callables(**changes: Any) -> Any:
    return fb.problems.Problem(None, **CALLABLES | changes)


def _run(**changes: Any) -> Any:
    return fb.minimize(PROBLEM, **{"maxiter": 0} | changes)


PROBLEM = fb.problems.Quadratic.random(4, 5, n=6)
X, Y = np.zeros(4), np.zeros(5)
TEXT = {"n": 4, "d": 8, "classes": 2, "nnz": 2}
CHAIN = fb.problems.hard.CarmonChain(4)
HARD = fb.problems.hard

Entry = tuple[str, Callable[[Any], Any]]
# The argument's name, and the call. The first part of a line is a call of `fastbilevel`.
ENTRIES: dict[str, Entry] = {
    **{f"minimize({name})": (name, lambda v, name=name: _run(**{name: v})) for name in (
        "x0", "y0", "method", "maxiter", "tol", "time_limit", "bounds", "seed", "callback",
        "record_every", "progress", "n_threads",
    )},
    "minimize(problem)": ("problem", lambda v: fb.minimize(v, maxiter=0)),
    **{f"F2SAp({name})": (name, lambda v, name=name: fb.F2SAp(**{name: v})) for name in (
        "order", "nu", "inner_steps", "lr_y", "lr_x", "normalize", "momentum", "shared_samples",
        "batch_size", "val_batch_size", "outer_batch_size", "sampling",
    )},
    "AccF2BA(restart)": ("restart", lambda v: fb.AccF2BA(restart=v)),
    "BOME(barrier)": ("barrier", lambda v: fb.BOME(barrier=v)),
    "ProxF2SA(prox)": ("prox", lambda v: fb.ProxF2SA(prox=v)),
    "UniBiO(power)": ("power", lambda v: fb.UniBiO(power=v)),
    **{f"LearnToRegularize({name})": (name, lambda v, name=name: _learn(**{name: v})) for name in (
        "X", "y", "Xv", "yv", "penalty", "reduction", "sample_weight", "dtype", "check_finite",
    )},
    "LearnToRegularize(groups)": ("groups", lambda v: _learn(penalty="group", groups=v)),
    "HyperCleaning(reg)": ("reg", lambda v: _clean(reg=v)),
    "HyperCleaning(weights)": ("weights", lambda v: _clean(weights=v)),
    "LpRegression(y)": ("y", lambda v: _regress(y=v)),
    "LpRegression(power)": ("power", lambda v: _regress(power=v)),
    **{f"Quadratic({name})": (name, lambda v, name=name: _quadratic(**{name: v})) for name in (
        "H", "B", "c", "noise", "x0", "noise_seed",
    )},
    **{f"Problem({name})": (name, lambda v, name=name: _callables(**{name: v})) for name in (
        "grad_lower_y", "n_lower", "x0",
    )},
    "hard.CarmonChain(length)": ("length", HARD.CarmonChain),
    "hard.Separable(mu)": ("mu", lambda v: HARD.Separable(CHAIN, mu=v)),
    "hard.YStarOracle(regime)": ("regime", lambda v: HARD.YStarOracle(CHAIN, v)),
    "hard.UniformlyConvex(noise)": ("noise", lambda v: HARD.UniformlyConvex(4, v)),
    "hard.Nasty(x0)": ("x0", lambda v: HARD.Nasty(x0=v)),
    "value_upper(x)": ("x", lambda v: PROBLEM.value_upper(v, Y)),
    "value_upper(rows)": ("rows", lambda v: PROBLEM.value_upper(X, Y, rows=v)),
    "hvp_lower_yy(v)": ("v", lambda v: PROBLEM.hvp_lower_yy(X, Y, v)),
    "solve_lower(x)": ("x", lambda v: fb.solve_lower(PROBLEM, v)),
    "solve_lower(weight)": ("weight", lambda v: fb.solve_lower(PROBLEM, X, weight=v)),
    "solve_lower(tol)": ("tol", lambda v: fb.solve_lower(PROBLEM, X, tol=v)),
    "hypergradient(order)": ("order", lambda v: fb.hypergradient(PROBLEM, X, order=v)),
    "hypergradient(nu)": ("nu", lambda v: fb.hypergradient(PROBLEM, X, nu=v)),
    "hypergradient(method)": ("method", lambda v: fb.hypergradient(PROBLEM, X, method=v)),
    "projections.Box(lower)": ("lower", lambda v: fb.projections.Box(v, np.inf)),
    "projections.Ball(radius)": ("radius", fb.projections.Ball),
    "projections.Simplex()(v)": ("v", lambda v: fb.projections.Simplex()(v)),
    "schedules.Power(c)": ("c", lambda v: fb.schedules.Power(v, 0.5)),
    "schedules.theory(eps)": ("eps", lambda v: fb.schedules.theory("f2ba", PROBLEM, eps=v)),
    "schedules.theory(noise)": ("noise", lambda v: fb.schedules.theory("f2ba", PROBLEM, v)),
    "datasets.corrupt_labels(y)": ("y", lambda v: fb.datasets.corrupt_labels(v, 0.5)),
    "datasets.corrupt_labels(rate)": ("rate", lambda v: fb.datasets.corrupt_labels(LABELS, v)),
    "datasets.make_text(n)": ("n", lambda v: fb.datasets.make_text(**TEXT | {"n": v})),
    "datasets.make_text(seed)": ("seed", lambda v: fb.datasets.make_text(**TEXT, seed=v)),
    "datasets.load_svmlight(path)": ("path", fb.datasets.load_svmlight),
    "finite_difference_coefficients(order)": ("order", fb.finite_difference_coefficients),
    "testing.check_problem(rtol)": ("rtol", lambda v: fb.testing.check_problem(PROBLEM, rtol=v)),
}  # fmt: skip


def answer(entry: str, kind: str) -> str:
    """What a call answers: "taken", or the error and its sentence."""
    call = ENTRIES[entry][1]
    try:
        # A progress bar is drawn on standard error.
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            call(KINDS[kind]())
    except (TypeError, ValueError, FileNotFoundError) as error:
        return f"{type(error).__name__}: {error}"
    return "taken"


def names_argument(entry: str, said: str) -> bool:
    """True if an answer is a sentence that names the argument."""
    sentence = said.partition(": ")[2]
    return said == "taken" or (ENTRIES[entry][0] in sentence and sentence.endswith((".", "?")))


def page() -> str:
    """The table, by entry point, with one line for each answer that its kinds share."""
    lines = [
        "# What bad input is answered with",
        "",
        f"{len(ENTRIES)} entry points, each tried with {len(KINDS)} kinds of input; what an entry "
        "point wants is taken. Written by `python tests/bad_input.py`, checked by "
        "`tests/test_bad_input.py`.",
    ]
    for entry in ENTRIES:
        answers: dict[str, list[str]] = {}
        for kind in KINDS:
            said = answer(entry, kind).partition("; got ")[0]
            answers.setdefault(said, []).append(f"`{kind}`")
        lines += ["", f"## {entry}", "", "| input | answer |", "|---|---|"]
        lines += [
            f"| {', '.join(kinds)} | {said.replace('|', chr(92) + '|').replace('<', '&lt;')} |"
            for said, kinds in answers.items()
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
