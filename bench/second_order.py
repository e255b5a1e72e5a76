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
OURS = "fastbilevel"
# Relative distance of float32 iterates that rounding explains.
TOLERANCE = 1e-4


class Form(NamedTuple):
    """One writing of a JAX loop.

    Attributes
    ----------
    columns : int
        Columns of W: the classes, or 1 for logistic regression.
    by_hand : bool
        Formulas are written out; otherwise `jax.grad` and `jax.jvp` derive them.
    flip : bool
        W is C x d.
    unroll : bool
        Inner steps are written out.
    """

    columns: int
    by_hand: bool
    flip: bool
    unroll: bool

    def __str__(self) -> str:
        writing = "by hand" if self.by_hand else "jax.grad"
        layout = f"W {self.columns} x d" if self.flip else f"W d x {self.columns}"
        return f"{writing}, {layout}" + ", unrolled" * self.unroll


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
    groups : dict of str to tuple
        Columns of the table: values of the first fields of the forms of which the fastest is shown.
    unrolls : bool
        Whether inner steps are also written out.
    per_row : bool
        x has an entry for each training row.
    """

    title: str
    data: Dense
    problem: Any
    make_oracles: Callable[..., Any]
    settings: dict[str, Any]
    groups: dict[str, tuple[Any, ...]]
    unrolls: bool
    per_row: bool

    def forms(self, method: str) -> list[Form]:
        """All writings of a method's loop."""
        columns = dict.fromkeys(group[0] for group in self.groups.values())
        yes_or_no = (False, True)
        unrolls = yes_or_no if self.unrolls and method not in JOINT else (False,)
        return [Form(*form) for form in itertools.product(columns, yes_or_no, yes_or_no, unrolls)]


def cleaning(n: int, n_val: int) -> Case:
    """Hyper-cleaning with sigmoid weights."""
    data = images(n, n_val)
    problem = fb.problems.HyperCleaning(
        data.X, data.y, data.X_val, data.y_val, reg=REG, weights="sigmoid"
    )
    rates = {"lr_y": 0.05, "lr_v": 0.05, "neumann_lr": 0.05, "lr_x": 1.0}
    make = functools.partial(oracles.cleaning, batch=BATCH, reg=REG)
    groups = {
        "jax.grad, W d x C": (10, False, False),
        "jax.grad, W C x d": (10, False, True),
        "by hand, W d x C": (10, True, False),
        "by hand, W C x d": (10, True, True),
    }
    title = f"Hyper-cleaning 784 x 10, n = {n}"
    # Written-out inner steps only take longer to compile where products take the time.
    return Case(title, data, problem, make, STEPS | MOMENTA | rates, groups, False, True)


def learned_penalties(n: int, n_val: int) -> Case:
    """One penalty per feature, two classes; JAX also runs logistic regression."""
    data = ijcnn1_shape(n, n_val)
    problem = fb.problems.LearnToRegularize(data.X, data.y, data.X_val, data.y_val)
    rates = {"lr_y": 0.5, "lr_v": 0.5, "neumann_lr": 0.5, "lr_x": 0.1}
    make = functools.partial(oracles.learned_penalty, batch=BATCH)
    groups = {
        "softmax with C = 2, jax.grad": (2, False),
        "softmax with C = 2, by hand": (2, True),
        "logistic, jax.grad": (1, False),
        "logistic, by hand": (1, True),
    }
    title = f"ijcnn1 shape (d = 22, two classes), n = {n}"
    return Case(title, data, problem, make, STEPS | MOMENTA | rates, groups, True, False)


def measure(
    case: Case, method: str, count: int, rounds: int, quick: bool
) -> tuple[list[str], dict[str, list[float]]]:
    """Row of the table and seconds per outer iteration, in every round, of one method."""
    options = options_of(method, case.settings)
    n, n_val = case.data.y.size, case.data.y_val.size
    drawn = Drawn(method, options, n, n_val, BATCH)
    run, loading = seconds_of(lambda: our_run(case.problem, method, options, BATCH, count))
    rows = drawn.orders[0] if case.per_row else np.arange(case.problem.n_x)
    x0 = np.zeros(rows.size, case.data.X.dtype)
    forms = case.forms(method)
    arrays = {
        columns: device_arrays(case.data, drawn.orders, columns)
        for columns in {form.columns for form in forms}
    }
    loops, compiling, distances = {}, {}, {}
    for form in forms[-1:] if quick else forms:
        make = functools.partial(case.make_oracles, by_hand=form.by_hand, flip=form.flip)
        given = arrays[form.columns], options, drawn, count, x0, rows, form.flip, form.unroll
        loops[form] = JaxRun(method, make, *given)
        _, compiling[form] = seconds_of(loops[form].advance)
        distances[form] = check_same(
            f"JAX, {method}, {form}", run.intermediate, *loops[form].result(), TOLERANCE
        )
    tasks = {form: Task(loop.advance, count) for form, loop in loops.items()}
    times = interleave({OURS: Task(run.advance, count), **tasks}, rounds)
    run.close()
    cpu = {name: entry.cpu for name, entry in times.items()}

    def fastest(group: tuple[Any, ...]) -> Form | None:
        found = [form for form in loops if form[: len(group)] == group]
        return min(found, key=lambda form: statistics.median(cpu[form]), default=None)

    def ratio(form: Form | None) -> str:
        return "" if form is None else spread(ratios(cpu[form], cpu[OURS]))

    best = fastest(())
    line = [
        method,
        rates(cpu[OURS]),
        rates(cpu[best]),
        *(ratio(fastest(group)) for group in case.groups.values()),
        str(best),
        distances[best],
        f"{loading:.1f}; {compiling[best]:.1f}",
    ]
    return line, {f"{method}, {name}": seconds for name, seconds in cpu.items()}


def rates(seconds: list[float]) -> str:
    """Outer iterations per second."""
    return spread([1 / value for value in seconds])


def table_of(case: Case, counts: tuple[int, int], rounds: int, quick: bool) -> Table:
    """All methods on one problem; `counts` are iterations of one turn, without and with loops."""
    table = Table(
        f"{case.title}, batches of {BATCH}, outer iterations per second (D = Q = T = M = 10), one "
        "thread, float32",
        [
            "",
            OURS,
            "fastest JAX loop",
            *(f"{name}: / {OURS}" for name in case.groups),
            "fastest form",
            "difference in x, y",
            "first call, s",
        ],
        notes=[
            f"Process CPU time, median (least–greatest) over {rounds} interleaved rounds of "
            f"{counts[0]} outer iterations ({counts[1]} of methods with inner steps). '/ {OURS}': "
            "time of the fastest JAX loop of its kind over ours. The difference of the fastest "
            "loop from us is that of the iterates after the first of these iterations, on the "
            "same minibatches, relative; that of the others has the same bound. First call: ours "
            "and that of the fastest loop, with compiling, ours from disk where there is machine "
            "code already."
        ],
    )
    for method in METHODS:
        count = counts[0] if method in JOINT else counts[1]
        line, raw = measure(case, method, count, rounds, quick)
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
