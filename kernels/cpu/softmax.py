"""Numba twin of `kernels.reference.softmax`."""

from __future__ import annotations

import math

import numba
import numpy as np

from .jit import kernel
from .simd_curvature import softmax_derivatives
from .simd_softmax import largest_and_rest, softmax, softmax_curvature


@kernel
def residual(Z, labels, rows, coefficients, C):
    numba.literally(C)
    for r in range(rows.size):
        softmax(Z, r * C, coefficients[r], C)
        Z[r * C + labels[rows[r]]] -= coefficients[r]


@kernel
def _loss(Z, at, label, C):
    """Cross-entropy of the row at entry `at`, float64; small ones keep their digits."""
    numba.literally(C)
    largest, rest = largest_and_rest(Z, at, C)
    return math.log1p(rest) + (largest - np.float64(Z[at + label]))


@kernel
def losses(Z, labels, rows, out, C):
    numba.literally(C)
    for r in range(rows.size):
        out[r] = _loss(Z, r * C, labels[rows[r]], C)


@kernel
def curvature(Z, U, rows, coefficients, C):
    numba.literally(C)
    for r in range(rows.size):
        softmax_curvature(Z, U, r * C, coefficients[r], C)


@kernel
def combine_losses(Z, labels, rows, alpha, accumulator, g, C):
    numba.literally(C)
    for r in range(rows.size):
        label, total = labels[rows[r]], 0.0
        for j in range(g):
            total += alpha[j] * _loss(Z, (r * g + j) * C, label, C)
        accumulator[r] += total


@kernel
def derivatives(Z, U, labels, rows, coefficients, cross, C):
    numba.literally(C)
    for r in range(rows.size):
        c = Z.dtype.type(coefficients[r])
        cross[r] = softmax_derivatives(Z, U, r * C, labels[rows[r]], c, C)
