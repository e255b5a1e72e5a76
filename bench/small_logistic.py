"""A tiny dense problem (ijcnn1 shape, batch 64), F2SA-2: ours and jitted JAX loops.

We run softmax with C = 2; JAX runs the same, and logistic regression with half the numbers, which
has the same solution path. One thread, process CPU time, interleaved.
Run `python -m bench.small_logistic`.
"""

from __future__ import annotations

from .timing import Task, interleave, ratios, spread, use_one_core

use_one_core()

import functools  # noqa: E402

import numpy as np  # noqa: E402

import fastbilevel as fb  # noqa: E402

from .baselines import jax_dense  # noqa: E402
from .baselines.setting import setting_of  # noqa: E402
from .data import ijcnn1_shape  # noqa: E402
from .dense_setting import JaxLoop, compare, our_run  # noqa: E402
from .record import Table, arguments, publish  # noqa: E402

BATCH, INNER_STEPS = 64, 10
# Whole blocks of 64 rows, since JAX slices have one length: 35,000 training rows less 56.
ROWS, VALIDATION_ROWS = 34_944, 8_704
LOOPS = (
    ("JAX, softmax with C = 2", jax_dense.make_softmax_penalty, 2),
    ("JAX, logistic", jax_dense.make_logistic_penalty, 1),
)


def main() -> None:
    options = arguments(__doc__)
    rounds, count = (2, 500) if options.quick else (25, 2000)
    data = ijcnn1_shape(ROWS, VALIDATION_ROWS)
    setting = setting_of(2, nu=0.1, lr_y=0.5, lr_x=0.01)
    problem = fb.problems.LearnToRegularize(data.X, data.y, data.X_val, data.y_val)
    run = our_run(problem, BATCH, setting, INNER_STEPS, count)
    common = (data, BATCH, setting, INNER_STEPS, count, rounds + 3)
    loops = {}
    for label, make, columns in LOOPS:
        loops[label] = JaxLoop(make, *common, columns=columns)
        flipped = functools.partial(make, flip=True)
        loops[f"{label}, gradients as (R'X)'"] = JaxLoop(flipped, *common, columns=columns)
    tasks = {name: Task(loop.advance, count) for name, loop in loops.items()}
    times = interleave({"ours": Task(run.advance, count), **tasks}, rounds)
    ours = times["ours"].cpu
    table = Table(
        f"ijcnn1 shape (d = 22, two classes, n = {ROWS}), batch 64, F2SA-2, one outer iteration "
        "(K = 10), one thread, float32",
        ["", "us", "us per inner step", "/ fastbilevel", "difference in x, y"],
        notes=[
            "Process CPU time, median (least–greatest) over interleaved rounds of "
            f"{count} outer iterations; the minibatches are the same."
        ],
    )
    table.add("fastbilevel", spread(ours, 1e-6), spread(ours, 1e-6 * INNER_STEPS), "", "")
    for name, loop in loops.items():
        cpu = times[name].cpu
        table.add(
            name,
            spread(cpu, 1e-6),
            spread(cpu, 1e-6 * INNER_STEPS),
            spread(ratios(cpu, ours)),
            compare(run, loop, both_columns),
        )
    table.raw = {name: entry.cpu for name, entry in times.items()}
    run.close()
    publish("small_logistic", [table], options)


def both_columns(W: np.ndarray) -> np.ndarray:
    """(q, d, 1) difference of two columns that are each other's negative -> (q, d, 2)."""
    return W if W.shape[2] == 2 else np.concatenate([-W / 2, W / 2], axis=2)


if __name__ == "__main__":
    main()
