"""The nasty example: what each method does on a bilevel objective that jumps at its minimiser.

`hard.Nasty` is min over x in [-1, 1] of x^2 + y^2 with y a minimiser of x y on [-1, 1]. Rows of
five kinds:

- ``answer``: every method of `fb.methods.list()` with its defaults: refused, with which sentence,
  or run, with which warnings, and where x is in the end;
- ``penalty function``: its values at x;
- ``slope``: its derivative beside 0 from the oracles at exact lower solutions, +-lambda;
- ``path``: x over the iterations;
- ``amplitude``: the greatest |x| in the second half of a long run with the fixed step eta on the
  penalty function.

Gradient descent on the penalty function itself, that is with exact lower solutions, overshoots 0 by
eta lambda. The step of Prox-F2SA on the penalty function is lr_x nu = eta, but its lower iterates
are late: z moves by `prox` |x| in an iteration, if the lower steps reach the proximal point, and
takes 2 / (prox |x|) iterations to cross the box. There is no theory for how far x goes meanwhile.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

import fastbilevel as fb

from ..record import Table
from .figures import Findings
from .fits import log_log_slope

EXACT = "descent, exact lower solutions"
PROXIMAL = {
    "prox-f2sa, 10 lower steps, prox = 1": {"inner_steps": 10, "prox": 1.0, "lr_y": 0.5},
    "prox-f2sa, 100 lower steps, prox = 10": {"inner_steps": 100, "prox": 10.0, "lr_y": 0.5},
}
START, BESIDE_ZERO = 0.5, 1e-9
SHOWN = 300


def run(quick: bool, seed: int = 0) -> Findings:
    problem = fb.problems.hard.Nasty(x0=START)
    penalties = (10.0, 30.0) if quick else (10.0, 30.0, 100.0)
    reaches = np.array([0.3, 0.1, 0.03] if quick else [0.3, 0.1, 0.03, 0.01])
    # So many records that they are not in step with the oscillation.
    iterations, records = (4_000, 97) if quick else (40_000, 397)
    rows = [answer(problem, method, seed) for method in fb.methods.list()]
    for penalty in penalties:
        rows += penalty_function(problem, penalty)
        rows += slopes(problem, penalty)
        exact = descent(problem, penalty, reaches / penalty, iterations)
        for reach, path in zip(reaches, exact.T, strict=True):
            rows.append(amplitude(EXACT, penalty, reach / penalty, path[iterations // 2 :]))
        for name, options in PROXIMAL.items():
            for reach in reaches:
                path = proximal(
                    problem, penalty, reach, options, iterations, every=iterations // records
                )
                rows.append(amplitude(name, penalty, reach / penalty, path[path.size // 2 :]))
    penalty, reach = penalties[0], reaches[1]
    paths = {EXACT: descent(problem, penalty, np.array([reach / penalty]), SHOWN)[:, 0]}
    for name, options in PROXIMAL.items():
        paths[name] = proximal(problem, penalty, reach, options, SHOWN, every=1)
    for name, path in paths.items():
        steps = enumerate(path)
        rows += [row("path", name, penalty, reach / penalty, at=t, value=x) for t, x in steps]
    findings = Findings(rows)
    findings.tables = [answers(findings), slope_table(findings), amplitudes(findings)]
    return findings


def row(
    kind: str, method: str, penalty: float | str = "", step: float | str = "", *,
    at: float | str = "", value: float | str = "", text: str = "",
) -> dict[str, Any]:  # fmt: skip
    """A row of any kind: numbers are Python's."""
    numbers = {"penalty": penalty, "step": step, "at": at, "value": value}
    plain = {k: v if isinstance(v, str) else float(v) for k, v in numbers.items()}
    return {"kind": kind, "method": method, **plain, "text": text}


def answer(problem: fb.problems.hard.Nasty, method: str, seed: int) -> dict[str, Any]:
    """Run a method with its defaults, and note what it says."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = fb.minimize(problem, method=method, maxiter=1000, seed=seed)
        except TypeError as error:
            return row("answer", method, text=f"refused: {error}")
    said = [f"{each.category.__name__}: {each.message}" for each in caught]
    return row("answer", method, value=result.x_last[0], text=" ".join(said))


def penalty_function(problem: fb.problems.hard.Nasty, penalty: float) -> list[dict[str, Any]]:
    """Its values on a grid that has 0 in it."""
    grid = np.linspace(-1, 1, 401)
    values = problem.penalty_value(grid, penalty)
    return [
        row("penalty function", "", penalty, at=x, value=v)
        for x, v in zip(grid, values, strict=True)
    ]


def slopes(problem: fb.problems.hard.Nasty, penalty: float) -> Iterator[dict[str, Any]]:
    """f_x + lambda (g_x(x, y_lambda) - g_x(x, y*)) on either side of 0, and away from it."""
    for at in (-BESIDE_ZERO, BESIDE_ZERO, START):
        x = np.array([at])
        y, z = problem.lower_solution(x, 1 / penalty), problem.lower_solution(x)
        g_x = problem.grad_lower_x(x, y) - problem.grad_lower_x(x, z)
        slope = problem.grad_upper_x(x, y) + penalty * g_x
        yield row("slope", "", penalty, at=at, value=slope[0])


def descent(
    problem: fb.problems.hard.Nasty, penalty: float, steps: np.ndarray, iterations: int
) -> np.ndarray:
    """Projected gradient descent on the penalty function, (iterations, len(steps))."""
    low, high = problem.default_bounds
    x, path = np.full(steps.size, START), np.empty((iterations, steps.size))
    for t in range(iterations):
        path[t] = x
        x = np.clip(x - steps * problem.penalty_gradient(x, penalty), low, high)
    return path


def proximal(
    problem: fb.problems.hard.Nasty,
    penalty: float,
    reach: float,
    options: dict[str, Any],
    iterations: int,
    every: int,
) -> np.ndarray:
    """x of every so many iterations of Prox-F2SA; `reach` is eta lambda = lr_x."""
    path: list[float] = []

    def note(intermediate_result: fb.BilevelResult) -> None:
        path.append(float(intermediate_result.x_last[0]))

    with warnings.catch_warnings():
        # An `answer` has it.
        warnings.simplefilter("ignore", fb.ConditioningWarning)
        fb.minimize(
            problem, method="prox-f2sa", nu=1 / penalty, lr_x=float(reach), maxiter=iterations,
            record_every=every, callback=note, **options,
        )  # fmt: skip
    return np.array([START, *path])


def amplitude(method: str, penalty: float, step: float, tail: np.ndarray) -> dict[str, Any]:
    return row("amplitude", method, penalty, step, value=np.abs(tail).max())


def answers(findings: Findings) -> Table:
    """What every method says."""
    table = Table(
        f"Nasty example, started at x = {START}: the answers of the methods",
        ["method", "x after 1,000 iterations", "sentence"],
    )
    for found in findings.where(kind="answer"):
        end = "" if found["value"] == "" else f"{found['value']:.3f}"
        table.add(found["method"], end, found["text"])
    return table


def slope_table(findings: Findings) -> Table:
    """Slopes of the penalty function from the oracles."""
    table = Table(
        "Nasty example: slope of the penalty function",
        ["lambda", f"at x = -{BESIDE_ZERO:g}", f"at x = {BESIDE_ZERO:g}", f"at x = {START}"],
    )
    for penalty in dict.fromkeys(findings.column("penalty", kind="slope")):
        values = findings.column("value", kind="slope", penalty=penalty)
        table.add(f"{penalty:g}", *(f"{value:.6g}" for value in values))
    return table


def amplitudes(findings: Findings) -> Table:
    """Greatest |x| relative to eta lambda, and how it grows with that."""
    rows = findings.where(kind="amplitude")
    reaches = sorted({round(r["step"] * r["penalty"], 9) for r in rows}, reverse=True)
    table = Table(
        "Nasty example: greatest |x| in the long run / (eta lambda)",
        [
            "method",
            "lambda",
            *(f"eta lambda = {reach:g}" for reach in reaches),
            "|x| as (eta lambda) to the power of",
        ],
        notes=[
            f"Theory for {EXACT}: the ratio is 1, the power 1. No power is fitted where x goes to "
            "0, which it does if the lower iterates cross the box fast and lambda is small."
        ],
    )
    for method in (EXACT, *PROXIMAL):
        for penalty in dict.fromkeys(r["penalty"] for r in rows):
            chosen = findings.where(kind="amplitude", method=method, penalty=penalty)
            reach = np.array([r["step"] * r["penalty"] for r in chosen])
            found = np.array([r["value"] for r in chosen])
            slope = log_log_slope(reach, found) if found.min() > 1e-6 else ""
            ratios = (f"{ratio:.2g}" if ratio > 1e-6 else "0" for ratio in found / reach)
            table.add(method, f"{penalty:g}", *ratios, slope)
    return table


def draw(findings: Findings, figure: Any) -> None:
    left, middle, right = figure.subplots(1, 3)
    for penalty in dict.fromkeys(findings.column("penalty", kind="penalty function")):
        points = {"kind": "penalty function", "penalty": penalty}
        x, value = findings.column("at", **points), findings.column("value", **points)
        left.plot(x, value, label=f"lambda = {penalty:g}")
    left.set(title="Penalty function", xlabel="x")
    for method in (EXACT, *PROXIMAL):
        points = {"kind": "path", "method": method}
        middle.plot(findings.column("at", **points), findings.column("value", **points), lw=1)
        rows = findings.where(kind="amplitude", method=method)
        kept = [r for r in rows if r["value"] > 1e-6]
        right.loglog(
            [r["step"] * r["penalty"] for r in kept], [r["value"] for r in kept], "o", label=method
        )
    reach = np.array(sorted({r["step"] * r["penalty"] for r in findings.where(kind="amplitude")}))
    right.loglog(reach, reach, "k-", lw=1, label="eta lambda")
    first = findings.where(kind="path")[0]
    title = f"x, lambda = {first['penalty']:g}, eta lambda = {first['penalty'] * first['step']:g}"
    middle.set(title=title, xlabel="iteration")
    right.set(title="Greatest |x| in the long run", xlabel="eta lambda")
    left.legend(fontsize="small")
    handles, labels = right.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize="small")
