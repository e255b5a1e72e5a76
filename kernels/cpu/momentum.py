"""Numba twin of `kernels.reference.momentum`."""

from __future__ import annotations

import numpy as np

from ..reference.momentum import LEFT_AFTER_RESTART
from .jit import kernel


@kernel(inline=True)
def recursive_momentum(h, new, old, momentum):
    estimate, gradient = h.reshape(h.size), new.reshape(new.size)
    if momentum == 1.0:
        for i in range(estimate.size):
            estimate[i] = gradient[i]
    else:
        before, weight = old.reshape(old.size), 1.0 - momentum
        for i in range(estimate.size):
            past = np.float64(estimate[i]) - np.float64(before[i])
            estimate[i] = gradient[i] + weight * past


@kernel(inline=True)
def extrapolate(v, previous, momentum):
    here, before = v.reshape(v.size), previous.reshape(previous.size)
    for i in range(here.size):
        value = here[i]
        here[i] = value + momentum * (np.float64(value) - np.float64(before[i]))
        before[i] = value


@kernel(fastmath=True, inline=True)
def restart(x, previous, memory):
    moved = 0.0
    for i in range(x.size):
        step = np.float64(x[i]) - np.float64(previous[i])
        moved += step * step
    memory[0] += 1.0
    memory[1] += moved
    if memory[0] * memory[1] > max(memory[2], memory[3]) ** 2:
        for i in range(x.size):
            previous[i] = x[i]
        memory[0] = 0.0
        memory[1] = 0.0
        memory[2] *= LEFT_AFTER_RESTART
