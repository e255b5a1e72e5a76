"""Hyper-cleaning of MNIST shape, F2SA-2 with shared minibatches: ours and a jitted JAX loop.

One thread, process CPU time, interleaved. Run `python -m bench.dense_cleaning`.
"""

from __future__ import annotations

from .timing import Task, interleave, ratios, spread, use_one_core

use_one_core()

import functools  # noqa: E402
import statistics  # noqa: E402

import fastbilevel as fb  # noqa: E402
from fastbilevel.rates import measure_limits  # noqa: E402

from .baselines import jax_dense  # noqa: E402
from .baselines.setting import setting_of  # noqa: E402
from .data import images  # noqa: E402
from .dense_setting import JaxLoop, compare, our_run  # noqa: E402
from .record import Table, arguments, publish  # noqa: E402

REG, INNER_STEPS, CLASSES, OFFSETS = 1e-3, 10, 10, 2
# Batch, training rows (whole blocks: JAX slices have one length), outer iterations in one turn.
SIZES = ((64, 19_968, 200), (1000, 20_000, 20))


def main() -> None:
    options = arguments(__doc__)
    rounds = 2 if options.quick else 15
    limits = measure_limits(seconds=0.3)
    setting = setting_of(OFFSETS, nu=0.1, lr_y=0.05, lr_x=1.0)
    table = Table(
        "Hyper-cleaning 784 x 10, F2SA-2, one outer iteration (K = 10), one thread, float32",
        [
            "batch",
            "fastbilevel: us",
            "JAX: us",
            "JAX / fastbilevel",
            "GFLOP/s",
            "of gemm",
            "JAX of gemm",
            "difference in x, y",
        ],
        notes=[
            "Process CPU time, median (least–greatest) over interleaved rounds; gemm: NumPy's "
            f"matrix product on one core, {limits.gemm * 1e-9:.0f} GFLOP/s in the same run. "
            "Both see the same minibatches; the difference is that of the final iterates, relative."
        ],
    )
    for batch, n, count in SIZES:
        data = images(n, 5 * batch * (1000 // batch))
        problem = fb.problems.HyperCleaning(
            data.X, data.y, data.X_val, data.y_val, reg=REG, weights="sigmoid"
        )
        run = our_run(problem, batch, setting, INNER_STEPS, count)
        make = functools.partial(jax_dense.make_cleaning, reg=REG)
        loop = JaxLoop(
            make, data, batch, setting, INNER_STEPS, count, rounds + 3, CLASSES, per_row=True
        )
        tasks = {"ours": Task(run.advance, count), "jax": Task(loop.advance, count)}
        times = interleave(tasks, rounds)
        ours, jax = times["ours"].cpu, times["jax"].cpu
        steps = 2 * INNER_STEPS * 2 * 2 * batch * data.X.shape[1] * CLASSES * OFFSETS
        estimate = 2 * batch * data.X.shape[1] * CLASSES * OFFSETS
        flops = steps + estimate
        rates = [flops / statistics.median(seconds) for seconds in (ours, jax)]
        table.add(
            batch,
            spread(ours, 1e-6),
            spread(jax, 1e-6),
            spread(ratios(jax, ours)),
            f"{rates[0] * 1e-9:.0f}",
            *(f"{rate / limits.gemm:.0%}" for rate in rates),
            compare(run, loop),
        )
        table.raw[f"batch {batch}"] = {"ours": ours, "jax": jax, "gemm": limits.gemm}
        run.close()
    publish("dense_cleaning", [table], options)


if __name__ == "__main__":
    main()
