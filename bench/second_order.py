"""Six second-order methods on dense data: ours and jitted JAX loops.

Hyper-cleaning of MNIST shape and learned penalties on rows of ijcnn1 shape, batches of 64, D = Q =
T = M = 10. One thread, process CPU time, interleaved. Run `python -m bench.second_order`.
"""

from __future__ import annotations

from .timing import Task, interleave, ratios, spread, use_one_core

use_one_core()

import functools  # noqa: E402
import itertools  # noqa: E402
import statistics  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any, NamedTuple  # noqa: E402

import numpy as np  # noqa: E402

import fastbilevel as fb  # noqa: E402

from .baselines import jax_second_order_oracles as oracles  # noqa: E402
from .data import Dense, ijcnn1_shape, images  # noqa: E402
from .record import Table, arguments, publish  # noqa: E402
from .second_order_setting import (  # noqa: E402
    JOINT,
    Drawn,
    JaxRun,
    check_same,
    device_arrays,
    options_of,
    our_run,
    seconds_of,
)

METHODS = ("soba", "saba", "ma-soba", "stocbio", "mrbo", "amigo")
BATCH, REG = 64, 1e-3
STEPS = {"inner_steps": 10, "neumann_steps": 10, "linear_steps": 10}
MOMENTA = {"momentum": 0.1, "lower_momentum": 0.1}
WRITINGS = {False: "jax.grad, jax.jvp", True: "by hand"}
# Relative distance of float32 iterates that rounding explains.
TOLERANCE = 1e-4


class Case(NamedTuple):
    """A problem for both sides.

    Attributes
    ----------
    title : str
    data : Dense
        Whole blocks: JAX slices have one length.
    problem : BilevelProblem
    make_oracles : callable
        Of `baselines.jax_second_order_oracles`, without data and form.
    settings : dict
    models : dict of int to str
        Names of what JAX runs, by the number of columns of its targets.
    per_row : bool
        x has an entry for each training row.
    """

    title: str
    data: Dense
    problem: Any
    make_oracles: Callable[..., Any]
    settings: dict[str, Any]
    models: dict[int, str]
    per_row: bool


def cleaning(n: int, n_val: int) -> Case:
    """Hyper-cleaning with sigmoid weights."""
    data = images(n, n_val)
    problem = fb.problems.HyperCleaning(
        data.X, data.y, data.X_val, data.y_val, reg=REG, weights="sigmoid"
    )
    rates = {"lr_y": 0.05, "lr_v": 0.05, "neumann_lr": 0.05, "lr_x": 1.0}
    make = functools.partial(oracles.cleaning, batch=BATCH, reg=REG)
    title = f"Hyper-cleaning 784 x 10, n = {n}"
    settings = STEPS | MOMENTA | rates
    return Case(title, data, problem, make, settings, {10: "softmax"}, True)


def learned_penalties(n: int, n_val: int) -> Case:
    """One penalty per feature, two classes; JAX also runs logistic regression."""
    data = ijcnn1_shape(n, n_val)
    problem = fb.problems.LearnToRegularize(data.X, data.y, data.X_val, data.y_val)
    rates = {"lr_y": 0.5, "lr_v": 0.5, "neumann_lr": 0.5, "lr_x": 0.1}
    make = functools.partial(oracles.learned_penalty, batch=BATCH)
    title = f"ijcnn1 shape (d = 22, two classes), n = {n}"
    models = {2: "softmax with C = 2", 1: "logistic"}
    return Case(title, data, problem, make, STEPS | MOMENTA | rates, models, False)


def forms(method: str, columns: int, unrolled: bool) -> dict[str, dict[str, bool]]:
    """All writings of a JAX loop, by the name of its form."""
    written_out = (False, True) if unrolled and method not in JOINT else (False,)
    layout = {False: f"W as d x {columns}", True: f"W as {columns} x d"}
    return {
        f"{WRITINGS[by_hand]}, {layout[flip]}" + ", unrolled" * unroll: {
            "by_hand": by_hand,
            "flip": flip,
            "unroll": unroll,
        }
        for by_hand, flip, unroll in itertools.product((False, True), (False, True), written_out)
    }


def measure(
    case: Case, method: str, count: int, rounds: int, quick: bool
) -> tuple[list[list[str]], dict[str, list[float]]]:
    """Rows of the table and seconds per outer iteration, in every round, of one method."""
    options = options_of(method, case.settings)
    n, n_val = case.data.y.size, case.data.y_val.size
    drawn = Drawn(method, options, n, n_val, BATCH)
    run, loading = seconds_of(lambda: our_run(case.problem, method, options, BATCH, count))
    rows = drawn.orders[0] if case.per_row else np.arange(case.problem.n_x)
    x0 = np.zeros(rows.size, case.data.X.dtype)
    loops, compiling, distances = {}, {}, {}
    for columns, model in case.models.items():
        arrays = device_arrays(case.data, drawn.orders, columns)
        found = list(forms(method, columns, unrolled=not case.per_row).items())
        for name, form in found[-1:] if quick else found:
            unroll = form.pop("unroll")
            make = functools.partial(case.make_oracles, **form)
            loop = JaxRun(
                method, make, arrays, options, drawn, count, x0, rows, form["flip"], unroll
            )
            label = f"{model}, {name}"
            _, compiling[label] = seconds_of(loop.advance)
            distances[label] = check_same(label, run.intermediate, *loop.result(), TOLERANCE)
            loops[label] = loop
    tasks = {label: Task(loop.advance, count) for label, loop in loops.items()}
    times = interleave({"ours": Task(run.advance, count), **tasks}, rounds)
    run.close()
    cpu = {label: entry.cpu for label, entry in times.items()}
    lines = [[f"{method}, fastbilevel", rates(cpu["ours"]), "", "", f"{loading:.1f}", ""]]
    for model, writing in itertools.product(case.models.values(), WRITINGS.values()):
        group = [label for label in loops if label.startswith(f"{model}, {writing}")]
        if not group:
            continue
        best = min(group, key=lambda label: statistics.median(cpu[label]))
        lines.append(
            [
                f"{method}, JAX {model}, {writing}",
                rates(cpu[best]),
                spread(ratios(cpu[best], cpu["ours"])),
                best.removeprefix(f"{model}, {writing}, "),
                f"{compiling[best]:.1f}",
                distances[best],
            ]
        )
    return lines, {f"{method}, {label}": seconds for label, seconds in cpu.items()}


def rates(seconds: list[float]) -> str:
    """Outer iterations per second."""
    return spread([1 / value for value in seconds])


def table_of(case: Case, counts: tuple[int, int], rounds: int, quick: bool) -> Table:
    """All methods on one problem; `counts` are iterations of one turn, without and with loops."""
    table = Table(
        f"{case.title}, batches of {BATCH}, one outer iteration (D = Q = T = M = 10), one thread, "
        "float32",
        [
            "",
            "outer iterations per second",
            "/ fastbilevel",
            "fastest form",
            "first call, s",
            "difference in x, y",
        ],
        notes=[
            f"Process CPU time, median (least–greatest) over {rounds} interleaved rounds of "
            f"{counts[0]} outer iterations ({counts[1]} of methods with inner steps). The "
            "difference from us is that of the iterates after the first of them, on the same "
            "minibatches, relative. '/ fastbilevel': time over ours. First call: with compiling, "
            "ours from disk where there is machine code already."
        ],
    )
    for method in METHODS:
        count = counts[0] if method in JOINT else counts[1]
        lines, raw = measure(case, method, count, rounds, quick)
        for line in lines:
            table.add(*line)
        table.raw |= raw
    return table


def main() -> None:
    options = arguments(__doc__)
    quick = options.quick
    rounds = 2 if quick else 11
    # Whole blocks of 64 rows; iterations of one turn.
    small = 1280, 640
    cases = (
        (cleaning(*(small if quick else (19_968, 4_992))), (50, 10) if quick else (1000, 100)),
        (
            learned_penalties(*(small if quick else (34_944, 8_704))),
            (200, 50) if quick else (8000, 1000),
        ),
    )
    tables = [table_of(case, counts, rounds, quick) for case, counts in cases]
    publish("second_order", tables, options)


if __name__ == "__main__":
    main()
