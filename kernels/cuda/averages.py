"""CUDA twin of `kernels.reference.averages`."""

from __future__ import annotations

from .launch import launch_over


def moving_average(h, new, weight):
    launch_over(h.size, "averages.moving_average", (h.dtype,), h, new, float(weight), h.size)


def saga(new, row, average, weight):
    arguments = new, row, average, float(weight)
    launch_over(new.size, "averages.saga", (new.dtype,), *arguments, new.size)
