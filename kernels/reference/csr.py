"""Softmax regression on CSR data: products with the data and the fused SGD step.

The data of one level (training or validation) is a *side* ``(X, labels, row_weight, blocks)``:

* ``X = (indptr, indices, values)``, int64 (n+1,), int32 or int64 (nnz,), float (nnz,): the rows;
* ``labels`` int32 (n,), classes 0 to C-1; ``row_weight`` float (n,), r_i with mean 1;
* ``blocks``: copies of the fixed minibatch blocks, see `layout_csr.build_blocks`.

All may be read-only. An iterate of g offsets is interleaved per feature, ``V`` (d, g, C), flat.
"""

from __future__ import annotations

import sys

import numpy as np
import scipy.sparse as sp

from ..descent import make_descend
from . import draw
from .softmax import residual
from .weights import NONE, row_coefficients

# A row of V takes over its decay factor when the factor has fallen to this.
SMALLEST_SCALE = 2.0**-20


def _rows(X, rows, n_features):
    """The rows as a float64 matrix, repeated ones repeated."""
    indptr, indices, values = X
    shape = (indptr.size - 1, n_features)
    return sp.csr_matrix((values.astype(np.float64), indices, indptr), shape=shape)[rows]


def forward(X, rows, V, Z, width):
    """Logits of a minibatch: ``Z[r, :] <- X[rows[r], :] V``.

    Parameters
    ----------
    X : tuple
        Data by rows.
    rows : (m,) int64 array
        Rows of the minibatch, repeated ones allowed.
    V : (d*width,) float array
        Iterates, (d, width).
    Z : (>= m*width,) float array
        Overwritten with (m, width); what lies beyond is not touched.
    width : int
        Columns of V: offsets times classes.
    """
    V = V.reshape(-1, width)
    Z[: rows.size * width] = (_rows(X, rows, V.shape[0]) @ V.astype(np.float64)).reshape(-1)


def backward(X, rows, Z, scale, G, width):
    """Gradient from the residuals of a minibatch: ``G += scale X[rows, :]^T Z``.

    Parameters
    ----------
    X : tuple
        Data by rows.
    rows : (m,) int64 array
        Rows of the minibatch, repeated ones allowed.
    Z : (>= m*width,) float array
        Residuals, (m, width).
    scale : float
    G : (d*width,) float array
        Gradients (d, width), changed in place.
    width : int
        Columns of Z and G: offsets times classes.
    """
    gradients = G.reshape(-1, width)
    residuals = Z[: rows.size * width].reshape(-1, width).astype(np.float64)
    gradients += scale * (_rows(X, rows, gradients.shape[0]).T @ residuals)


def _gradient(side, rows, W, x, kind, shift, weights):
    """``sum_r c_r X[r]^T (softmax(X[r] W_j) - e_y) w_j`` for every offset, (d, g, C) float64."""
    X, labels, row_weight, _ = side
    d, g, C = W.shape
    coefficients = np.empty(rows.size)
    row_coefficients(kind, x, shift, row_weight, rows, 1.0 / max(1, rows.size), coefficients)
    total = np.zeros((d, g, C))
    for j in range(g):
        Z = np.empty(rows.size * C)
        forward(X, rows, W[:, j].reshape(-1), Z, C)
        residual(Z, labels, rows, weights[j] * coefficients, C)
        G = np.zeros(d * C)
        backward(X, rows, Z, 1.0, G, C)
        total[:, j] = G.reshape(d, C)
    return total


def descent_step(
    train, rows_g, block_g, val, rows_f, block_f, x, weights, penalty, lr, V, scale, work, g, C,
    kind, shift, n_threads,
):  # fmt: skip
    """One SGD step on g + w_j f for the g offsets of a group, in place.

    With the softmax residual ``R_i(W) = x_i^T (softmax(x_i W) - e_{y_i})``, for every offset j

    ``W_j <- (1 - lr e) W_j - lr/m_g sum_{i in rows_g} r_i s(x_i) R_i(W_j)
    - lr w_j/m_f sum_{i in rows_f} r_i R_i(W_j)``,

    the inner step of F2SA-p, Algorithm 1; both sums are at the old W_j.

    The iterates are W = scale[:, None, None] V. With one penalty per feature the decay goes into
    `scale` and V changes only in the features of the minibatches. It is exact: `scale` is float64,
    as a float32 factor would be rounded the same way in every step. A row whose scale would be
    2^-20 or less, zero and negative included, takes the scale over at once: V[i] <- scale_i V[i],
    scale_i <- 1. With one penalty per feature and class V decays in place.

    Parameters
    ----------
    train, val : tuple
        Sides of the lower and of the upper objective, of the same dtypes.
    rows_g, rows_f : (m_g,), (m_f,) int64 arrays
        Minibatches.
    block_g, block_f : int
        Number of the fixed block that the minibatch is, or -1 for other rows; without meaning
        where there are no rows, which add nothing.
    x : (n_x,) float array
        Upper variable; read only for the row weights, by `kind`.
    weights : (g,) float64 array
        w_j = j nu.
    penalty : (d, 1) or (d, C) float64 array
        e, from the penalty family.
    lr : float
        Step size.
    V : (d*g*C,) float array
        Iterates without their scale, changed in place.
    scale : (d,) float64 array
        Scale of every feature, changed in place.
    work : tuple
        From `layout_csr.workspace`; contents are undefined before and after.
    g, C : int
        Offsets in the group, classes.
    kind : int
        Weighting s of the lower rows, see the weights family.
    shift : float
        From `weights.shift_of`.
    n_threads : int
        Read by `descent_step_threaded` alone; the result does not depend on it.
    """
    iterates = V.reshape(-1, g, C)
    W = scale[:, None, None] * iterates
    step = _gradient(train, rows_g, W, x, kind, shift, np.ones(g))
    step += _gradient(val, rows_f, W, x, NONE, 0.0, weights)
    decayed = iterates.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        if penalty.shape[1] == 1:
            scale *= 1.0 - lr * penalty[:, 0]
            small = ~(scale > SMALLEST_SCALE)
            decayed[small] *= scale[small, None, None]
            scale[small] = 1.0
        else:
            decayed -= (lr * penalty[:, None, :]) * decayed
        iterates[:] = decayed - lr / scale[:, None, None] * step


descent_step_threaded = descent_step


def flush(V, scale, width):
    """Move the scale into the iterates: ``V[i, :] <- scale_i V[i, :]``, ``scale <- 1``.

    Parameters
    ----------
    V : (d*width,) float array
        Changed in place.
    scale : (d,) float64 array
        Set to 1.
    width : int
        Columns of V: offsets times classes.
    """
    V.reshape(-1, width)[:] *= scale[:, None]
    scale[:] = 1.0


descend = make_descend(draw, sys.modules[__name__], False)
descend_threaded = descend
