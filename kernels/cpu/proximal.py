"""Numba twin of `kernels.reference.proximal`."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .projection import project


@kernel(inline=True)
def proximal_step(y, previous, center, rate, kind, a, b):
    for i in range(y.size):
        y[i] = y[i] - rate * (np.float64(previous[i]) - np.float64(center[i]))
    project(y, kind, a, b)


@kernel(inline=True)
def smooth(center, y, smoothing):
    for i in range(y.size):
        center[i] = (1.0 - smoothing) * center[i] + smoothing * y[i]
