"""Weights of training rows: the caller's times a function s of the upper variable.

`kind` says which function: `NONE` s = 1, `SIGMOID` s(x_i) = 1/(1 + exp(-x_i)), `CLIP`
s(x_i) = min(max(x_i, 0), 1), `SOFTMAX` s(x_i) = n exp(x_i) / sum_k exp(x_k). The last one is
computed from a shift, the logarithm of the sum, that `shift_of` finds once. With `NONE` x is not
read and may have any size. All arithmetic is in float64.
"""

from __future__ import annotations

import math

import numpy as np

NONE, SIGMOID, CLIP, SOFTMAX = range(4)


def shift_of(kind, x, out):
    """``out[0] <- log(sum_k exp(x_k))`` for `SOFTMAX`, 0 for the others.

    Parameters
    ----------
    kind : int
    x : (n,) float array
    out : (1,) float64 array
        Overwritten.
    """
    out[0] = 0.0
    if kind == SOFTMAX:
        top = float(np.max(x))
        out[0] = top + math.log(np.sum(np.exp(x.astype(np.float64) - top)))


def row_weight(kind, value, shift, n):
    """s of one row, a float64.

    Parameters
    ----------
    kind : int
    value : float
        The row's x_i; not read for `NONE`.
    shift : float
        From `shift_of`; read for `SOFTMAX` only.
    n : int
        Size of x; read for `SOFTMAX` only.
    """
    value = float(value)
    if kind == SIGMOID:
        # Each side in the form that cannot overflow.
        if value >= 0.0:
            return 1.0 / (1.0 + math.exp(-value))
        return math.exp(value) / (1.0 + math.exp(value))
    if kind == CLIP:
        # Written so that NaN stays NaN.
        return 0.0 if value < 0.0 else 1.0 if value > 1.0 else value
    if kind == SOFTMAX:
        return n * math.exp(value - shift)
    return 1.0


def row_slope(kind, value):
    """The derivative of `row_weight` for the kinds whose s depends on the row's own x_i only.

    For `CLIP` it is 1 on the closed interval [0, 1], so that a weight that a projected method has
    brought to an end can leave it again.
    """
    value = float(value)
    if kind == SIGMOID:
        # s(x) (1 - s(x)) without the cancellation for large x.
        return row_weight(SIGMOID, value, 0.0, 0) * row_weight(SIGMOID, -value, 0.0, 0)
    if kind == CLIP:
        return 0.0 if value < 0.0 or value > 1.0 else 1.0 if value >= 0.0 else value
    return 0.0


def row_coefficients(kind, x, shift, given, rows, scale, out):
    """``out[r] <- scale given[i] s(x_i)``, i = rows[r].

    Parameters
    ----------
    kind : int
    x : (n,) float array
        Upper variable.
    shift : float
        From `shift_of`.
    given : (n,) float array
        The caller's weights, mean 1.
    rows : (m,) int64 array
    scale : float
    out : (>= m,) float array
        The first m elements are overwritten.
    """
    for r, i in enumerate(rows):
        value = x[i] if kind != NONE else 0.0
        out[r] = scale * float(given[i]) * row_weight(kind, value, shift, x.size)


def weighted_sum(kind, x, shift, given, rows, losses, scale, out):
    """``out[0] <- out[0] + scale sum_r given[i] s(x_i) losses[r]``, i = rows[r].

    Parameters
    ----------
    kind, x, shift, given, rows, scale
        As in `row_coefficients`.
    losses : (>= m,) float64 array
    out : (1,) float64 array
    """
    for r, i in enumerate(rows):
        value = x[i] if kind != NONE else 0.0
        out[0] += scale * float(given[i]) * row_weight(kind, value, shift, x.size) * losses[r]


def weight_gradient(kind, x, shift, given, rows, losses, scale, out):
    """Add the gradient in x of ``scale sum_r given[i] s(x_i) losses[r]``, i = rows[r], to `out`.

    Parameters
    ----------
    kind, x, shift, given, rows, scale
        As in `row_coefficients`.
    losses : (>= m,) float64 array
        Taken as constants.
    out : (n,) float array
        Changed in place; for `SOFTMAX` everywhere, for the others in the elements `rows`.
    """
    total = 0.0
    for r, i in enumerate(rows):
        term = scale * float(given[i]) * losses[r]
        if kind == SOFTMAX:
            term *= row_weight(kind, x[i], shift, x.size)
            total += term
            out[i] += term
        elif kind != NONE:
            out[i] += term * row_slope(kind, x[i])
    if kind == SOFTMAX:
        for i in range(x.size):
            out[i] -= total * math.exp(float(x[i]) - shift)


def row_products(Z, U, m, C, out):
    """``out[r] <- sum_c Z[r, c] U[r, c]`` for r < m.

    Parameters
    ----------
    Z, U : (>= m*C,) float arrays
        Flat, row-major.
    m, C : int
    out : (>= m,) float64 array
        The first m elements are overwritten.
    """
    shape = (m, C)
    products = Z[: m * C].astype(np.float64).reshape(shape) * U[: m * C].reshape(shape)
    out[:m] = products.sum(axis=1)
