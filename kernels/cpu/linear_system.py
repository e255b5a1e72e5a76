"""Numba twin of `kernels.reference.linear_system`."""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def joint_step(Y, G, b, sign, lr_y, lr_v):
    y, v, of_y, of_v = Y[0], Y[1], G[0], G[1]
    for i in range(b.size):
        y[i] = np.float64(y[i]) - lr_y * np.float64(of_y[i])
    for i in range(b.size):
        v[i] = np.float64(v[i]) - lr_v * (np.float64(of_v[i]) + sign * np.float64(b[i]))


@kernel
def inverse_scaling(y, power, floor, out):
    for i in range(y.size):
        size = max(abs(np.float64(y[i])), floor)
        out[i] = 1.0 / ((power - 1.0) * size ** (power - 2.0))


@kernel
def scaled_axpy(a, s, x, y):
    for i in range(y.size):
        y[i] = np.float64(y[i]) + a * np.float64(s[i]) * np.float64(x[i])
