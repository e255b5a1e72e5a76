"""Numba twin of `kernels.reference.powers`."""

from __future__ import annotations

import numpy as np

from ..reference.powers import LARGEST_WHOLE
from ..reference.weights import NONE
from .jit import kernel
from .weights import row_slope, row_weight


@kernel(inline=True)
def absolute_power(value, exponent):
    size = abs(np.float64(value))
    if exponent <= LARGEST_WHOLE and np.floor(exponent) == exponent:
        left, result = np.int64(exponent), 1.0
        while left > 0:
            if left & 1:
                result *= size
            size *= size
            left >>= 1
        return result
    return size**exponent


@kernel
def subtract_targets(Z, targets, rows):
    for r in range(rows.size):
        Z[r] -= targets[rows[r]]


@kernel
def losses(Z, m, power, out):
    for r in range(m):
        out[r] = absolute_power(Z[r], power)


@kernel
def slopes(Z, coefficients, m, power):
    for r in range(m):
        z = np.float64(Z[r])
        Z[r] = coefficients[r] * power * z * absolute_power(z, power - 2.0)


@kernel
def curvatures(Z, U, coefficients, m, power):
    for r in range(m):
        factor = coefficients[r] * power * (power - 1.0)
        U[r] = factor * absolute_power(Z[r], power - 2.0) * np.float64(U[r])


@kernel
def directional(Z, U, m, power, out):
    for r in range(m):
        z = np.float64(Z[r])
        out[r] = power * z * absolute_power(z, power - 2.0) * np.float64(U[r])


@kernel
def row_coefficients(kind, x, given, rows, power, scale, out):
    for r in range(rows.size):
        i = rows[r]
        value = np.float64(x[i]) if kind != NONE else 0.0
        s = row_weight(kind, value, 0.0, 0)
        out[r] = scale * np.float64(given[i]) * absolute_power(s, power)


@kernel
def weight_gradient(kind, x, given, rows, terms, power, scale, out):
    if kind == NONE:
        return
    for r in range(rows.size):
        i = rows[r]
        s = row_weight(kind, np.float64(x[i]), 0.0, 0)
        slope = power * absolute_power(s, power - 1.0) * row_slope(kind, np.float64(x[i]))
        out[i] += scale * np.float64(given[i]) * slope * terms[r]


@kernel
def add_norm(y, power, scale, out):
    total = 0.0
    for i in range(y.size):
        total += absolute_power(y[i], power)
    out[0] += scale * total


@kernel
def add_norm_gradient(y, power, scale, out):
    for i in range(y.size):
        z = np.float64(y[i])
        out[i] += scale * power * z * absolute_power(z, power - 2.0)


@kernel
def add_norm_product(y, v, power, scale, out):
    for i in range(y.size):
        factor = scale * power * (power - 1.0)
        out[i] += factor * absolute_power(y[i], power - 2.0) * np.float64(v[i])
