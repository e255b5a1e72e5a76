"""Numba twin of `kernels.reference.weights`."""

from __future__ import annotations

import math

import numpy as np

from ..reference.weights import CLIP, NONE, SIGMOID, SOFTMAX
from .jit import kernel


@kernel
def shift_of(kind, x, out):
    out[0] = 0.0
    if kind == SOFTMAX:
        top = np.float64(x[0])
        for i in range(x.size):
            if x[i] > top:
                top = np.float64(x[i])
        total = 0.0
        for i in range(x.size):
            total += math.exp(np.float64(x[i]) - top)
        out[0] = top + math.log(total)


@kernel(inline=True)
def row_weight(kind, value, shift, n):
    value = np.float64(value)
    if kind == SIGMOID:
        if value >= 0.0:
            return 1.0 / (1.0 + math.exp(-value))
        grown = math.exp(value)
        return grown / (1.0 + grown)
    if kind == CLIP:
        return 0.0 if value < 0.0 else 1.0 if value > 1.0 else value
    if kind == SOFTMAX:
        return n * math.exp(value - shift)
    return 1.0


@kernel(inline=True)
def row_slope(kind, value):
    value = np.float64(value)
    if kind == SIGMOID:
        return row_weight(SIGMOID, value, 0.0, 0) * row_weight(SIGMOID, -value, 0.0, 0)
    if kind == CLIP:
        return 0.0 if value < 0.0 or value > 1.0 else 1.0 if value >= 0.0 else value
    return 0.0


@kernel
def row_coefficients(kind, x, shift, given, rows, scale, out):
    for r in range(rows.size):
        i = rows[r]
        value = np.float64(x[i]) if kind != NONE else 0.0
        out[r] = scale * np.float64(given[i]) * row_weight(kind, value, shift, x.size)


@kernel
def weighted_sum(kind, x, shift, given, rows, losses, scale, out):
    total = 0.0
    for r in range(rows.size):
        i = rows[r]
        value = np.float64(x[i]) if kind != NONE else 0.0
        total += np.float64(given[i]) * row_weight(kind, value, shift, x.size) * losses[r]
    out[0] += scale * total


@kernel
def weight_gradient(kind, x, shift, given, rows, losses, scale, out):
    total = 0.0
    for r in range(rows.size):
        i = rows[r]
        term = scale * np.float64(given[i]) * losses[r]
        if kind == SOFTMAX:
            term *= row_weight(kind, x[i], shift, x.size)
            total += term
            out[i] += term
        elif kind != NONE:
            out[i] += term * row_slope(kind, x[i])
    if kind == SOFTMAX:
        for i in range(x.size):
            out[i] -= total * math.exp(np.float64(x[i]) - shift)


@kernel(fastmath=True)
def row_products(Z, U, m, C, out):
    for r in range(m):
        total = 0.0
        for c in range(C):
            total += np.float64(Z[r * C + c]) * np.float64(U[r * C + c])
        out[r] = total
