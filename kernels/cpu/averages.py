"""Numba twin of `kernels.reference.averages`."""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def moving_average(h, new, weight):
    for i in range(h.size):
        h[i] = (1.0 - weight) * np.float64(h[i]) + weight * np.float64(new[i])


@kernel
def saga(new, row, average, weight):
    for i in range(new.size):
        gradient, mean = new[i], np.float64(average[i])
        change = np.float64(gradient) - np.float64(row[i])
        row[i] = gradient
        new[i] = change + mean
        average[i] = mean + weight * change
