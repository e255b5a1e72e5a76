"""Quadratic objectives whose coefficients are one array or a stack of one array per sample."""

from __future__ import annotations

import numpy as np

from .draw import normals


def _mean(stack, rows):
    """Mean of the samples `rows` of a stack, or its only member."""
    if stack.shape[0] == 1:
        return stack[0].astype(np.float64)
    return np.mean(stack[rows].astype(np.float64), axis=0)


def add_product(A, rows, v, factor, out):
    """``out <- out + factor * mean_{i in rows} A_i v``.

    Parameters
    ----------
    A : (m, p, q) float array
        One matrix per sample, or m = 1 and the same matrix for every sample.
    rows : (b,) int64 array
        Sample numbers, possibly repeated; not read if m = 1.
    v : (q,) float array
    factor : float
    out : (p,) float array
        Changed in place.
    """
    out += (factor * (_mean(A, rows) @ v)).astype(out.dtype)


def add_transposed_product(A, rows, v, factor, out):
    """``out <- out + factor * mean_{i in rows} A_i' v``; shapes as in `add_product`, A_i (q, p)."""
    out += (factor * (_mean(A, rows).T @ v)).astype(out.dtype)


def add_vector(b, rows, factor, out):
    """``out <- out + factor * mean_{i in rows} b_i``; b (m, p), out (p,)."""
    out += (factor * _mean(b, rows)).astype(out.dtype)


def add_noise(rows, lane, sigma, k0, k1, scratch, out):
    """``out <- out + sigma * mean_{i in rows} n_i``, n_i standard normal, fixed by i and `lane`.

    Parameters
    ----------
    rows : (b,) int64 array
        Sample numbers; none stands for the expectation, which is 0.
    lane : int
        Which oracle the noise belongs to: oracles with different lanes have independent noise.
    sigma : float
        Standard deviation of one sample, per coordinate.
    k0, k1 : int
        Key of the noise.
    scratch : (p,) float64 array
    out : (p,) float array
        Changed in place.
    """
    if sigma == 0.0 or rows.size == 0:
        return
    total = np.zeros(out.size)
    for i in rows:
        normals(int(i), lane, k0, k1, scratch)
        total += scratch
    out += (sigma / rows.size * total).astype(out.dtype)


def add_dot(u, v, factor, out):
    """``out[0] <- out[0] + factor <u, v>`` in float64."""
    out[0] += factor * np.dot(u.astype(np.float64), v.astype(np.float64))
