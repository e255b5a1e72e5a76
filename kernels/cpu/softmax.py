"""Numba twin of `kernels.reference.softmax`."""

from __future__ import annotations

import math

import numba
import numpy as np

from .jit import kernel
from .simd_softmax import largest_and_rest, softmax, softmax_curvature


@kernel
def residual(Z, labels, rows, coefficients, C):
    numba.literally(C)
    for r in range(rows.size):
        softmax(Z, r * C, coefficients[r], C)
        Z[r * C + labels[rows[r]]] -= coefficients[r]


@kernel
def losses(Z, labels, rows, out, C):
    numba.literally(C)
    for r in range(rows.size):
        largest, rest = largest_and_rest(Z, r * C, C)
        out[r] = math.log1p(rest) + (largest - np.float64(Z[r * C + labels[rows[r]]]))


@kernel
def curvature(Z, U, rows, coefficients, C):
    numba.literally(C)
    for r in range(rows.size):
        softmax_curvature(Z, U, r * C, coefficients[r], C)


@kernel
def combine_losses(Z, labels, rows, alpha, accumulator, g, C):
    numba.literally(g)
    numba.literally(C)
    for r in range(rows.size):
        total = 0.0
        for j in range(g):
            at = (r * g + j) * C
            largest, rest = largest_and_rest(Z, at, C)
            total += alpha[j] * (math.log1p(rest) + (largest - np.float64(Z[at + labels[rows[r]]])))
        accumulator[r] += total
