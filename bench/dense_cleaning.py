"""Hyper-cleaning of MNIST shape, F2SA-2 with shared minibatches: ours and a jitted JAX loop.

One thread, process CPU time, interleaved. Run `python -m bench.dense_cleaning`.
"""

from __future__ import annotations

from .timing import Task, interleave, ratios, spread, use_one_core

use_one_core()

import functools  # noqa: E402
import statistics  # noqa: E402

import numpy as np  # noqa: E402

import fastbilevel as fb  # noqa: E402

from .baselines import jax_dense  # noqa: E402
from .baselines.setting import setting_of  # noqa: E402
from .data import images  # noqa: E402
from .dense_setting import JaxLoop, compare, our_run  # noqa: E402
from .record import Table, arguments, publish  # noqa: E402

JAX = {"JAX": False, "JAX, gradients as (R'X)'": True}
REG, INNER_STEPS, CLASSES, OFFSETS = 1e-3, 10, 10, 2
# Batch, training rows (whole blocks: JAX slices have one length), outer iterations in one turn.
SIZES = ((64, 19_968, 400), (1000, 20_000, 40))
GEMM = 1024  # rows of a matrix whose product shows what this core can do


def main() -> None:
    options = arguments(__doc__)
    A = np.ones((GEMM, GEMM), np.float32)
    product = functools.partial(np.matmul, A, A)
    rounds = 2 if options.quick else 11
    setting = setting_of(OFFSETS, nu=0.1, lr_y=0.05, lr_x=1.0)
    table = Table(
        "Hyper-cleaning 784 x 10, F2SA-2, one outer iteration (K = 10), one thread, float32",
        ["", "us", "/ fastbilevel", "GFLOP/s", "of gemm", "difference in x, y"],
        notes=[
            "Process CPU time, median (least–greatest) over interleaved rounds; gemm: NumPy's "
            f"product of two {GEMM} x {GEMM} matrices in the same rounds. All see the same "
            "minibatches; the difference from us is that of the final iterates, relative."
        ],
    )
    for batch, n, full_count in SIZES:
        count = full_count // 10 if options.quick else full_count
        data = images(n, 5 * batch * (1000 // batch))
        problem = fb.problems.HyperCleaning(
            data.X, data.y, data.X_val, data.y_val, reg=REG, weights="sigmoid"
        )
        run = our_run(problem, batch, setting, INNER_STEPS, count)
        common = (data, batch, setting, INNER_STEPS, count, rounds + 3, CLASSES)
        loops = {}
        for label, flip in JAX.items():
            make = functools.partial(jax_dense.make_cleaning, reg=REG, flip=flip)
            loops[label] = JaxLoop(make, *common, per_row=True)
        tasks = {"fastbilevel": Task(run.advance, count), "gemm": Task(product)}
        tasks |= {label: Task(loop.advance, count) for label, loop in loops.items()}
        times = interleave(tasks, rounds)
        ours = times["fastbilevel"].cpu
        limit = [2 * GEMM**3 / seconds for seconds in times.pop("gemm").cpu]
        # Two products of two blocks in every inner step, one of one block for the hypergradient.
        flops = (4 * INNER_STEPS + 1) * 2 * batch * data.X.shape[1] * CLASSES * OFFSETS
        for label, (cpu, _) in times.items():
            rates = [flops / seconds for seconds in cpu]
            table.add(
                f"batch {batch}, {label}",
                spread(cpu, 1e-6),
                spread(ratios(cpu, ours)) if label in loops else "",
                spread(rates, 1e9),
                f"{statistics.median(ratios(rates, limit)):.0%}",
                compare(run, loops[label]) if label in loops else "",
            )
            table.raw[f"batch {batch}, {label}"] = cpu
        run.close()
    publish("dense_cleaning", [table], options)


if __name__ == "__main__":
    main()
