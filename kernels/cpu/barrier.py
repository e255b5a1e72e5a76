"""Numba twin of `kernels.reference.barrier`."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .projection import project


@kernel(fastmath=True, inline=True)
def dynamic_barrier(
    x, y, m, f_x, f_y, G_x, g_y, values, eta, use_values, lr, kind, a, b, barrier_out, norm_out,
    flag,
):  # fmt: skip
    product, square = 0.0, 0.0
    for i in range(x.size):
        difference = np.float64(G_x[1, i]) - np.float64(G_x[0, i])
        product += f_x[i] * difference
        square += difference * difference
    for i in range(y.size):
        slope = np.float64(g_y[i])
        product += f_y[i] * slope
        square += slope * slope
    phi = eta * (values[1] - values[0]) if use_values else eta * square
    lam = 0.0
    if square != 0.0:
        lam = (phi - product) / square
        # Written so that NaN stays NaN.
        if lam < 0.0:
            lam = 0.0
    for i in range(x.size):
        m[i] = f_x[i] + lam * (np.float64(G_x[1, i]) - np.float64(G_x[0, i]))
    # In a loop of its own: in the one above m[i] would enter before it is rounded to its dtype.
    total = 0.0
    for i in range(x.size):
        total += np.float64(m[i]) * np.float64(m[i])
    for i in range(y.size):
        direction = f_y[i] + lam * g_y[i]
        total += direction * direction
    barrier_out[0] = phi
    barrier_out[1] = lam
    barrier_out[2] = product
    barrier_out[3] = square
    norm_out[0] = math.sqrt(total)
    if not math.isfinite(norm_out[0]):
        flag[0] = 1
    if flag[0] == 0:
        for i in range(x.size):
            x[i] -= lr * m[i]
        project(x, kind, a, b)
        for i in range(y.size):
            y[i] -= lr * (f_y[i] + lam * g_y[i])
