"""CUDA twin of `kernels.reference.proximal`."""

from __future__ import annotations

from .domain import domain_arguments, launch_step
from .launch import launch_over


def proximal_step(y, previous, center, rate, kind, a, b):
    arguments = y, previous, center, float(rate), *domain_arguments(kind, a, b, y)
    launch_step(y.size, kind, "proximal.proximal_step", (y.dtype,), *arguments, y.size)


def smooth(center, y, smoothing):
    arguments = center, y, float(smoothing)
    launch_over(center.size, "proximal.smooth", (center.dtype,), *arguments, center.size)
