"""Numba twin of `kernels.reference.softmax`."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .simd_curvature import softmax_derivatives
from .simd_softmax import largest_and_rest, softmax, softmax_curvature


@kernel(constants=("C",))
def residual(Z, labels, rows, coefficients, C):
    for r in range(rows.size):
        softmax(Z, r * C, coefficients[r], C)
        Z[r * C + labels[rows[r]]] -= coefficients[r]


@kernel(constants=("C",), inline=True)
def _loss(Z, at, label, C):
    """Cross-entropy of the row at entry `at`, float64; small ones keep their digits."""
    largest, rest = largest_and_rest(Z, at, C)
    return math.log1p(rest) + (largest - np.float64(Z[at + label]))


@kernel(constants=("C",))
def losses(Z, labels, rows, out, C):
    for r in range(rows.size):
        out[r] = _loss(Z, r * C, labels[rows[r]], C)


@kernel(constants=("C",))
def curvature(Z, U, rows, coefficients, C):
    for r in range(rows.size):
        softmax_curvature(Z, U, r * C, coefficients[r], C)


@kernel(constants=("C",))
def combine_losses(Z, labels, rows, alpha, accumulator, g, C):
    for r in range(rows.size):
        label, total = labels[rows[r]], 0.0
        for j in range(g):
            total += alpha[j] * _loss(Z, (r * g + j) * C, label, C)
        accumulator[r] += total


@kernel(constants=("C",))
def derivatives(Z, U, labels, rows, coefficients, cross, C):
    for r in range(rows.size):
        c = Z.dtype.type(coefficients[r])
        cross[r] = softmax_derivatives(Z, U, r * C, labels[rows[r]], c, C)
