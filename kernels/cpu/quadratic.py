"""Numba twin of `kernels.reference.quadratic`."""

from __future__ import annotations

import numpy as np

from .draw import normals
from .jit import kernel


@kernel(inline=True)
def add_product(A, rows, v, factor, out):
    samples = 1 if A.shape[0] == 1 else rows.size
    for p in range(out.size):
        total = 0.0
        for s in range(samples):
            i = 0 if A.shape[0] == 1 else rows[s]
            for q in range(v.size):
                total += A[i, p, q] * v[q]
        out[p] += factor * total / samples


@kernel(inline=True)
def add_transposed_product(A, rows, v, factor, out):
    samples = 1 if A.shape[0] == 1 else rows.size
    for p in range(out.size):
        total = 0.0
        for s in range(samples):
            i = 0 if A.shape[0] == 1 else rows[s]
            for q in range(v.size):
                total += A[i, q, p] * v[q]
        out[p] += factor * total / samples


@kernel(inline=True)
def add_vector(b, rows, factor, out):
    samples = 1 if b.shape[0] == 1 else rows.size
    for p in range(out.size):
        total = 0.0
        for s in range(samples):
            total += b[0 if b.shape[0] == 1 else rows[s], p]
        out[p] += factor * total / samples


@kernel
def add_noise(rows, lane, sigma, k0, k1, scratch, out):
    if sigma == 0.0:
        return
    for i in rows:
        normals(i, lane, k0, k1, scratch)
        for p in range(out.size):
            out[p] += sigma / rows.size * scratch[p]


@kernel(inline=True)
def add_dot(u, v, factor, out):
    total = 0.0
    for i in range(u.size):
        total += np.float64(u[i]) * np.float64(v[i])
    out[0] += factor * total
