"""Interleaved timing: every round runs every task once, so that all see the same machine."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def use_one_core() -> None:
    """Bind this process to one core and its libraries to one thread.

    To be called before NumPy and the competitors are imported: their thread pools read the
    environment and the number of usable cores then.
    """
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


class Task(NamedTuple):
    """Something to time: `run()` does `count` units of work."""

    run: Callable[[], object]
    count: int = 1


class Times(NamedTuple):
    """Seconds per unit of work, one entry per round."""

    cpu: list[float]
    wall: list[float]


def interleave(tasks: dict[str, Task], rounds: int, warm_up: bool = True) -> dict[str, Times]:
    """Process CPU time and wall time of every task in every round.

    Parameters
    ----------
    tasks : dict of str to Task
    rounds : int
        Each runs all tasks once, in order.
    warm_up : bool
        Run everything once before, untimed.
    """
    times = {name: Times([], []) for name in tasks}
    if warm_up:
        for task in tasks.values():
            task.run()
    for _ in range(rounds):
        for name, task in tasks.items():
            cpu, wall = time.process_time(), time.perf_counter()
            task.run()
            times[name].cpu.append((time.process_time() - cpu) / task.count)
            times[name].wall.append((time.perf_counter() - wall) / task.count)
    return times


def ratios(of: list[float], to: list[float]) -> list[float]:
    """`of` / `to` round by round: a slow minute of the machine is in both."""
    return [a / b for a, b in zip(of, to, strict=True)]


def spread(values: list[float], unit: float = 1.0, digits: int = 3) -> str:
    """Median, and in brackets the least and the greatest value, in multiples of `unit`."""

    def text(value: float) -> str:
        return f"{value / unit:.{digits}g}" if value / unit < 1000 else f"{value / unit:.0f}"

    return f"{text(statistics.median(values))} ({text(min(values))}–{text(max(values))})"
