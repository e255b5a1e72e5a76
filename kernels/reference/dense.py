"""Softmax regression on dense data: products with the data and the fused SGD step.

The data of one level (training or validation) is a *side* ``(X, labels, row_weight, blocks)``:

* ``X = (matrix,)``, (n, d) in C order;
* ``labels`` int32 (n,), classes 0 to C-1; ``row_weight`` float (n,), r_i with mean 1;
* ``blocks = (tiles,)``: the fixed minibatch blocks transposed, see `layout_dense.build_blocks`.

All may be read-only. Iterates are transposed, so that data and iterates run along the features:
``V`` (g, C, d), flat, for g offsets.
"""

from __future__ import annotations

import sys

import numpy as np

from ..descent import make_descend
from . import draw
from .softmax import residual
from .weights import NONE, row_coefficients


def forward(X, rows, V, Z, width):
    """Logits of a minibatch: ``Z[r, :] <- V X[rows[r], :]``.

    Parameters
    ----------
    X : tuple
        Data.
    rows : (m,) int64 array
        Rows of the minibatch, repeated ones allowed.
    V : (width*d,) float array
        Iterates, (width, d).
    Z : (>= m*width,) float array
        Overwritten with (m, width); what lies beyond is not touched.
    width : int
        Rows of V: offsets times classes.
    """
    (matrix,) = X
    iterates = V.reshape(width, -1).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        logits = matrix[rows].astype(np.float64) @ iterates.T
        Z[: rows.size * width] = logits.reshape(-1)


def backward(X, rows, Z, scale, G, width):
    """Gradient from the residuals of a minibatch: ``G += scale Z^T X[rows, :]``.

    Parameters
    ----------
    X : tuple
        Data.
    rows : (m,) int64 array
        Rows of the minibatch, repeated ones allowed.
    Z : (>= m*width,) float array
        Residuals, (m, width).
    scale : float
    G : (width*d,) float array
        Gradients (width, d), changed in place.
    width : int
        Columns of Z, rows of G: offsets times classes.
    """
    (matrix,) = X
    residuals = Z[: rows.size * width].reshape(-1, width).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        G.reshape(width, -1)[:] += scale * (residuals.T @ matrix[rows].astype(np.float64))


def _gradient(side, rows, W, x, kind, shift, weights):
    """``w_j sum_r c_r (softmax(W_j X[r]) - e_y) X[r]^T`` for every offset, (g, C, d) float64."""
    X, labels, row_weight, _ = side
    g, C, d = W.shape
    coefficients = np.empty(rows.size)
    row_coefficients(kind, x, shift, row_weight, rows, 1.0 / max(1, rows.size), coefficients)
    total = np.zeros((g, C, d))
    for j in range(g):
        Z = np.empty(rows.size * C)
        forward(X, rows, W[j].reshape(-1), Z, C)
        residual(Z, labels, rows, weights[j] * coefficients, C)
        backward(X, rows, Z, 1.0, total[j].reshape(-1), C)
    return total


def descent_step(
    train, rows_g, block_g, val, rows_f, block_f, x, weights, penalty, lr, V, scale, work, g, C,
    kind, shift, n_threads,
):  # fmt: skip
    """One SGD step on g + w_j f for the g offsets of a group, in place.

    With the softmax residual ``R_i(W) = (softmax(W x_i) - e_{y_i}) x_i^T``, for every offset j

    ``W_j <- (1 - lr e) W_j - lr/m_g sum_{i in rows_g} r_i s(x_i) R_i(W_j)
    - lr w_j/m_f sum_{i in rows_f} r_i R_i(W_j)``,

    the inner step of F2SA-p, Algorithm 1; both sums are at the old W_j. V is W itself.

    Parameters
    ----------
    penalty : (1, 1) or (1, C*d) float64 array
        e, from the penalty family.
    V : (g*C*d,) float array
        Iterates, changed in place.
    scale : array
        Not used: iterates are never scaled.
    work : tuple
        From `layout_dense.workspace`; contents are undefined before and after.
    train, val, rows_g, rows_f, block_g, block_f, x, weights, lr, g, C, kind, shift, n_threads
        As in `csr.descent_step`.
    """
    iterates = V.reshape(g, C, -1)
    W = iterates.astype(np.float64)
    step = _gradient(train, rows_g, W, x, kind, shift, np.ones(g))
    step += _gradient(val, rows_f, W, x, NONE, 0.0, weights)
    e = penalty if penalty.size == 1 else penalty.reshape(C, -1)
    with np.errstate(invalid="ignore", over="ignore"):
        iterates[:] = (1.0 - lr * e) * W - lr * step


descent_step_threaded = descent_step


def flush(V, scale, width):
    """Bring the scale into the iterates: there is none, so nothing changes.

    Parameters
    ----------
    V : (width*d,) float array
    scale : array
    width : int
    """


descend = make_descend(draw, sys.modules[__name__], False)
descend_threaded = descend
