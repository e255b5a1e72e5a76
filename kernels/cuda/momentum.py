"""CUDA twin of `kernels.reference.momentum`."""

from __future__ import annotations

from .launch import MOST_ALONE, launch_alone, launch_over, launch_sums


def recursive_momentum(h, new, old, momentum):
    arguments = h, new, old, float(momentum)
    launch_over(h.size, "momentum.recursive_momentum", (h.dtype,), *arguments, h.size)


def extrapolate(v, previous, momentum):
    arguments = v, previous, float(momentum)
    launch_over(v.size, "momentum.extrapolate", (v.dtype,), *arguments, v.size)


def restart(x, previous, memory):
    n, dtypes = x.size, (x.dtype,)
    if n <= MOST_ALONE:
        launch_alone(n, "momentum.restart", dtypes, x, previous, memory, memory, 0, n)
        return
    parts, count = launch_sums(n, "momentum.move_sums", dtypes, x, previous)
    launch_alone(count, "momentum.restart", dtypes, x, previous, memory, parts, count, n)
    launch_over(n, "momentum.forget", dtypes, x, previous, parts, n)
