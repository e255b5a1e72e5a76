"""Softmax regression on logits: residuals, losses, curvature. They do not see how data are stored.

`Z` holds the logits of a minibatch, one row of C numbers per sample and offset, flat. All
arithmetic is in float64, results are rounded to the dtype of the array they are written to. A NaN
or an infinite positive logit makes its whole row NaN.
"""

from __future__ import annotations

import numpy as np


def _probabilities(logits):
    """Softmax along the last axis, float64."""
    logits = logits.astype(np.float64)
    with np.errstate(invalid="ignore"):
        p = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return p / p.sum(axis=-1, keepdims=True)


def _cross_entropies(logits, labels):
    """``logsumexp(logits) - logits[label]`` along the last axis; labels fit the other axes."""
    logits = logits.astype(np.float64)
    with np.errstate(invalid="ignore"):
        shifted = logits - logits.max(axis=-1, keepdims=True)
        chosen = np.take_along_axis(shifted, labels[..., None].astype(np.int64), axis=-1)
        return np.log(np.exp(shifted).sum(axis=-1)) - chosen[..., 0]


def residual(Z, labels, rows, coefficients, C):
    """Gradient of the weighted cross-entropies in the logits.

    ``Z[r, :] <- c_r (softmax(Z[r, :]) - e_y)``, y the label of row ``rows[r]``, e_y a unit vector.

    Parameters
    ----------
    Z : (>= len(rows)*C,) float array
        Logits, overwritten; what lies beyond the rows is not touched.
    labels : (n,) int32 array
        Class of every row of the data, 0 to C-1.
    rows : (m,) int64 array
        Rows of the minibatch.
    coefficients : (>= m,) float array
        Weight c_r of every row of the minibatch.
    C : int
        Number of classes.
    """
    m = rows.size
    logits = Z[: m * C].reshape(m, C)
    p = _probabilities(logits)
    p[np.arange(m), labels[rows]] -= 1.0
    logits[:] = coefficients[:m, None].astype(np.float64) * p


def losses(Z, labels, rows, out, C):
    """Cross-entropies of a minibatch: ``out[r] <- log sum_c exp(Z[r, c]) - Z[r, y]``.

    Parameters
    ----------
    Z : (>= len(rows)*C,) float array
        Logits.
    labels : (n,) int32 array
        Class of every row of the data, 0 to C-1.
    rows : (m,) int64 array
        Rows of the minibatch.
    out : (>= m,) float64 array
        Overwritten.
    C : int
        Number of classes.
    """
    m = rows.size
    out[:m] = _cross_entropies(Z[: m * C].reshape(m, C), labels[rows])


def curvature(Z, U, rows, coefficients, C):
    """Product with the second derivative of the weighted cross-entropies in the logits.

    ``U[r, :] <- c_r (diag(p) - p p^T) U[r, :]`` with ``p = softmax(Z[r, :])``.

    Parameters
    ----------
    Z : (>= len(rows)*C,) float array
        Logits.
    U : (>= len(rows)*C,) float array
        Directions in the logits, overwritten.
    rows : (m,) int64 array
        Rows of the minibatch; only their number is used.
    coefficients : (>= m,) float array
        Weight c_r of every row of the minibatch.
    C : int
        Number of classes.
    """
    m = rows.size
    p = _probabilities(Z[: m * C].reshape(m, C))
    directions = U[: m * C].reshape(m, C)
    product = p * directions.astype(np.float64)
    product -= p * product.sum(axis=1, keepdims=True)
    directions[:] = coefficients[:m, None].astype(np.float64) * product


def combine_losses(Z, labels, rows, alpha, accumulator, g, C):
    """Losses at the offsets of one group, combined: ``accumulator[r] += sum_j alpha_j CE_rj``.

    Parameters
    ----------
    Z : (>= len(rows)*g*C,) float array
        Logits of the g offsets side by side, (len(rows), g, C).
    labels : (n,) int32 array
        Class of every row of the data, 0 to C-1.
    rows : (m,) int64 array
        Rows of the minibatch.
    alpha : (g,) float64 array
        Coefficients of the offsets.
    accumulator : (>= m,) float64 array
        Changed in place.
    g, C : int
        Number of offsets in the group, number of classes.
    """
    m = rows.size
    chosen = np.broadcast_to(labels[rows][:, None], (m, g))
    accumulator[:m] += _cross_entropies(Z[: m * g * C].reshape(m, g, C), chosen) @ alpha


def derivatives(Z, U, labels, rows, coefficients, cross, C):
    """First and second derivative of the weighted cross-entropies in the logits.

    With ``p = softmax(Z[r, :])``, ``u = U[r, :]`` and the unit vector e of the label of row
    ``rows[r]``: ``cross[r] <- <p - e, u>``, ``Z[r, :] <- c_r (p - e)`` and ``U[r, :] <-
    c_r (diag(p) - p p^T) u``.

    Parameters
    ----------
    Z : (>= len(rows)*C,) float array
        Logits, overwritten.
    U : (>= len(rows)*C,) float array
        Directions in the logits, overwritten.
    labels, rows, coefficients, C
        As in `residual`.
    cross : (>= len(rows),) float64 array
        The first elements are overwritten; they are not weighted.
    """
    m = rows.size
    p = _probabilities(Z[: m * C].reshape(m, C))
    p[np.arange(m), labels[rows]] -= 1.0
    cross[:m] = np.sum(p * U[: m * C].reshape(m, C).astype(np.float64), axis=1)
    curvature(Z, U, rows, coefficients, C)
    residual(Z, labels, rows, coefficients, C)
