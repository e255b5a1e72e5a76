"""Vector kernels: steps, the combination of offsets, the outer update.

All sums are accumulated in float64, whatever the dtype of the arrays.
"""

from __future__ import annotations

import numpy as np

from .projection import project


def axpy(a, x, y):
    """``y <- y + a x``; x, y (n,)."""
    y += (a * x.astype(np.float64)).astype(y.dtype)


def scale(a, x, out):
    """``out <- a x``; x, out of one shape."""
    out[...] = a * x


def norm(x, out):
    """``out[0] <- ||x||_2``, float64."""
    out[0] = np.sqrt(np.sum(np.square(x, dtype=np.float64)))


def perturbed_step(y, g, f, weight, lr):
    """One gradient step on g + weight f: ``y <- y - lr (g + weight f)``.

    Parameters
    ----------
    y : (n,) float array
        Lower iterate, changed in place.
    g, f : (n,) float arrays
        Gradients of the lower and of the upper objective; `f` is not read if `weight` is 0.
    weight : float
        j nu of F2SA-p, Algorithm 1.
    lr : float
        Step size.
    """
    direction = g.astype(np.float64)
    if weight != 0.0:
        direction = direction + weight * f.astype(np.float64)
    y -= (lr * direction).astype(y.dtype)


def combine_offsets(F, G, weights, alpha, nu, out):
    """Hypergradient estimate from the gradients at q perturbed lower solutions.

    ``out <- sum_j alpha_j (w_j F_j + G_j) / nu`` with w_j = j nu (F2SA-p, Algorithm 1). The
    coefficients add up to zero, so the lower gradients enter as differences to the first of them.

    Parameters
    ----------
    F, G : (q, n) float arrays
        Upper and lower gradients in x at the q iterates.
    weights, alpha : (q,) float64 arrays
        Weights w_j of the upper objective and stencil coefficients.
    nu : float
        Width of the stencil.
    out : (n,) float array
        Overwritten.
    """
    F64, G64 = F.astype(np.float64), G.astype(np.float64)
    out[:] = ((alpha * weights) @ F64 + alpha @ (G64 - G64[0])) / nu


def normalized_momentum(x, m, phi, lr, momentum, normalize, kind, a, b, norm_out, flag):
    """Outer update along a (normalized) moving average of hypergradient estimates.

    ``m <- momentum m + (1 - momentum) phi``, then ``x <- P(x - lr m / ||m||)``, or
    ``x <- P(x - lr m)`` if `normalize` is 0. F2SA-p, Algorithm 1, has momentum 0; UniBiO,
    Algorithm 2, has momentum beta. A zero direction leaves x where it is.

    Parameters
    ----------
    x, m, phi : (n,) float arrays
        Upper variable and moving average, changed in place; hypergradient estimate.
    lr, momentum : float
        Step size; weight of the past in [0, 1).
    normalize : int
        1 to step by exactly `lr`.
    kind, a, b : int and float arrays
        The set that P projects onto, see `projection.project`.
    norm_out : (1,) float64 array
        Overwritten with ||m||.
    flag : (1,) int64 array
        Set to 1, and x left as it is, if ||m|| is not finite. Once set, x never changes again.
    """
    m[:] = (momentum * m.astype(np.float64) + (1.0 - momentum) * phi).astype(m.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        norm(m, norm_out)
    if not np.isfinite(norm_out[0]):
        flag[0] = 1
    if flag[0] or norm_out[0] == 0.0:
        return
    factor = lr / norm_out[0] if normalize else lr
    x[:] = (x - factor * m.astype(np.float64)).astype(x.dtype)
    project(x, kind, a, b)


def recenter(Y, positive, rows, g, cols):
    """Set the iterates of all positive offsets to their mean, and those of all others to theirs.

    The averaging before each outer iteration in the authors' code of F2SA-p; not in the paper.

    Parameters
    ----------
    Y : (n_groups, rows*g*cols) float array
        Stacked lower iterates, changed in place.
    positive : (n_groups, g) int64 array
        1 where the offset is positive, else 0.
    rows, g, cols : int
        Shape of one group.
    """
    V = Y.reshape(Y.shape[0], rows, g, cols)
    for sign in (0, 1):
        members = np.argwhere(positive == sign)
        if len(members):
            mean = sum(V[a, :, j].astype(np.float64) for a, j in members) / len(members)
            for a, j in members:
                V[a, :, j] = mean


def average_offsets(Y, weights, rows, g, cols, out):
    """``out[r, c] <- sum_{a,j} weights[a, j] Y[a][r, j, c]``, iterates of weight 0 not read.

    Parameters
    ----------
    Y : (n_groups, rows*g*cols) float array
        Stacked lower iterates.
    weights : (n_groups, g) float64 array
    rows, g, cols : int
        Shape of one group.
    out : (rows*cols,) float array
        Overwritten.
    """
    V = Y.reshape(Y.shape[0], rows, g, cols)
    total = np.zeros((rows, cols))
    for a, j in np.argwhere(weights != 0.0):
        total += weights[a, j] * V[a, :, j]
    out[:] = total.reshape(-1)
