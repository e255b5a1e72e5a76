"""`fastbilevel warmup`: every method on every built-in problem, compiled in two processes."""

from __future__ import annotations

import multiprocessing
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

PROCESSES = 2
# How minibatches are drawn decides which kernels run.
SAMPLINGS = ("blocks", "epochs")


class Done(NamedTuple):
    """What was compiled for a problem: the methods, those that do not fit it, and the seconds."""

    problem: str
    methods: int
    unfit: int
    seconds: float


def run() -> None:
    """Compile, or load from the disk cache, and say what."""
    from fastbilevel.problems.typical import built_in

    start = time.perf_counter()
    # A forked process would share the locks of the compiler.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        for done in pool.map(compile_for, built_in()):
            unfit = f", {done.unfit} do not fit" if done.unfit else ""
            print(
                f"{done.problem}: {done.methods} methods{unfit}, {done.seconds:.1f} s", flush=True
            )
    print(
        f"Compiled, or loaded from the disk cache, in {time.perf_counter() - start:.0f} s. Other "
        "numbers of classes take a second or two each when they first occur."
    )


def compile_for(problem: str) -> Done:
    """Run every method on one of `built_in`, two iterations on minibatches each way."""
    from fastbilevel import methods, minimize
    from fastbilevel.kernels.compiling import seconds_compiling
    from fastbilevel.problems.typical import built_in

    made = built_in()[problem]()
    before, unfit = seconds_compiling(), 0
    batch = None if made.infinite or made.n_lower < 4 else 4
    for method in methods.list():
        for sampling in SAMPLINGS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    minimize(
                        made,
                        method=method,
                        maxiter=2,
                        batch_size=batch,
                        val_batch_size=batch,
                        sampling=sampling,
                        n_threads=1,
                    )
                except (TypeError, ValueError):
                    # Say it once for both samplings.
                    unfit += sampling == SAMPLINGS[0]
    return Done(problem, len(methods.list()) - unfit, unfit, seconds_compiling() - before)
