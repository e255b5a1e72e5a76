"""Outer iterations per second of all methods with one lower step each, on scalar problems.

Process CPU time, one thread, after a warm-up; compiling is reported apart. The bar is 200,000 and
the aim 1,000,000 iterations per second. Beside it F3SA as a plain NumPy loop and as a jitted
`lax.scan`, for scale. Run `python -m bench.single_loop`.
"""

from __future__ import annotations

from .timing import Task, interleave, ratios, spread, use_one_core

use_one_core()

import statistics  # noqa: E402
import warnings  # noqa: E402
from typing import Any  # noqa: E402

from fastbilevel._numerics.curvature import ConditioningWarning  # noqa: E402

from .baselines import scalar_f3sa  # noqa: E402
from .method_setting import variants  # noqa: E402
from .ours import Stepper  # noqa: E402
from .record import Table, arguments, publish  # noqa: E402
from .scalar_setting import AIM, BAR, Case, cases, q1, verdict  # noqa: E402

OPTIONS = {
    "inner_steps": 1,
    "lr_z": 0.1,
    "lr_y": 0.1,
    "lr_inner": 0.1,
    "lr_x": 0.01,
    "lr": 0.01,
    "momentum": 0.5,
}
SCALE = scalar_f3sa.F3SASetting(penalty=10.0, lr_z=0.1, lr_x=0.01, eta=0.5)
# A NumPy loop is slower by orders of magnitude.
NUMPY_SHARE = 50


def rates_of(problem: Case, methods: dict[str, dict[str, Any]], rounds: int, count: int) -> Any:
    """Iterations per second of the methods that suit a problem, and seconds of compiling."""
    runs = {
        label: Stepper(problem.problem, count, n_threads=1, **problem.batches, **options)
        for label, options in methods.items()
        if problem.suits(**options)
    }
    tasks = {label: Task(run.advance, count) for label, run in runs.items()}
    times = interleave(tasks, rounds, warm_up=False)
    compiling = {label: run.intermediate.timings["compile"] for label, run in runs.items()}
    for run in runs.values():
        run.close()
    return {label: [1.0 / t for t in entry.cpu] for label, entry in times.items()}, compiling


def all_methods(rounds: int, count: int) -> Table:
    """One row per method, one column per problem."""
    methods = variants(OPTIONS, {"order": (1, 2)})
    problems = cases()
    table = Table(
        "Thousand outer iterations per second, one lower step each, one thread, float64",
        ["", *problems, "compiling or loading, s"],
        notes=[
            f"Process CPU time, median (least–greatest) over {rounds} interleaved rounds of "
            f"{count} iterations; 'aim' is {AIM:,} a second, 'bar' {BAR:,}. The last column is the "
            "largest of the row and not part of the others; it depends on what the disk cache had. "
            "Empty: the problem has bounds of y that the method does not know, or g + w f has no "
            "minimum. Noise, and the own problem, with batches of 1.",
        ],
    )
    measured = {name: rates_of(case, methods, rounds, count) for name, case in problems.items()}
    for label in methods:
        cells = []
        for rates, _ in measured.values():
            found = rates.get(label)
            cells.append(
                f"{spread(found, 1e3)} {verdict(statistics.median(found))}" if found else ""
            )
        seconds = max(compiling.get(label, 0.0) for _, compiling in measured.values())
        table.add(label, *cells, f"{seconds:.1f}")
    table.raw = {name: rates for name, (rates, _) in measured.items()}
    return table


def for_scale(rounds: int, count: int) -> Table:
    """F3SA on Q1 without noise: ours, JAX and NumPy."""
    import jax

    run = Stepper(
        q1(),
        count,
        method="f3sa",
        n_threads=1,
        penalty=SCALE.penalty,
        lr_z=SCALE.lr_z,
        lr_x=SCALE.lr_x,
        momentum=SCALE.eta,
    )
    few = count // NUMPY_SHARE
    with jax.enable_x64(True):
        jax_run, jax_state = scalar_f3sa.jax_loop(SCALE)
        numpy_run, numpy_state = scalar_f3sa.numpy_loop(SCALE)
        tasks = {
            "fastbilevel": Task(run.advance, count),
            "JAX, lax.scan": Task(lambda: jax.block_until_ready(jax_run(jax_state, count)), count),
            "NumPy loop": Task(lambda: numpy_run(numpy_state, few), few),
        }
        times = interleave(tasks, rounds)
    run.close()
    ours = times["fastbilevel"].cpu
    table = Table(
        "F3SA on Q1 without noise, one outer iteration, one thread, float64",
        ["", "us", "/ fastbilevel"],
    )
    for name, entry in times.items():
        table.add(name, spread(entry.cpu, 1e-6), spread(ratios(entry.cpu, ours)))
    table.raw = {name: entry.cpu for name, entry in times.items()}
    return table


def main() -> None:
    options = arguments(__doc__)
    # The lower level of the Polyak-Lojasiewicz example is not strongly convex, on purpose.
    warnings.simplefilter("ignore", ConditioningWarning)
    rounds, count = (2, 10_000) if options.quick else (9, 200_000)
    publish("single_loop", [all_methods(rounds, count), for_scale(rounds, count)], options)


if __name__ == "__main__":
    main()
