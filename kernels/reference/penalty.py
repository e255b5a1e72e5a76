"""Squared penalties ``1/2 sum_ic e_k W_ic^2`` with one coefficient e_k for a set of positions.

W is a lower iterate in the internal layout (rows, cols). Position (i, c) belongs to the coefficient
``k = row_index[i] + col_index[c]``; a `col_index` of size 1 serves all columns. The coefficients
are ``e_k = scale exp(x_k)``, learned with the upper variable x, or all equal to `scale`. They and
all sums over positions are float64.
"""

from __future__ import annotations

import numpy as np


def _positions(row_index, col_index, size):
    """The number k of the coefficient at each of `size` positions, (rows, cols)."""
    return row_index[:, np.newaxis] + np.broadcast_to(col_index, size // row_index.size)


def penalty_values(learned, row_index, col_index, scale, x, e, out):
    """Coefficients at the positions of a lower iterate.

    Parameters
    ----------
    learned : bool
        Whether e_k is ``scale exp(x_k)`` or `scale`; then x is not read.
    row_index : (rows,) int64 array
    col_index : (cols,) or (1,) int64 array
    scale : float
    x : (n,) float array
    e : (>= number of coefficients,) float64 array
        Scratch.
    out : (rows, cols) or (rows, 1) float64 array
        Overwritten; as many columns as `col_index` has elements.
    """
    e[:] = scale
    if learned:
        e[: x.size] *= np.exp(x.astype(np.float64))
    out[...] = e[_positions(row_index, col_index, out.size)]


def add_penalty_gradient(penalty, v, out):
    """``out_ic <- out_ic + penalty_ic v_ic``: the gradient at v, or the Hessian times v.

    Parameters
    ----------
    penalty : (rows, cols) or (rows, 1) float64 array
        From `penalty_values`.
    v : (rows*cols,) float array
    out : (rows*cols,) float array
        Changed in place.
    """
    out += (penalty * v.reshape(penalty.shape[0], -1)).reshape(-1).astype(out.dtype)


def add_penalty(penalty, v, out):
    """``out[0] <- out[0] + 1/2 sum_ic penalty_ic v_ic^2``; arguments as above, out (1,) float64."""
    squares = np.square(v.reshape(penalty.shape[0], -1), dtype=np.float64)
    out[0] += 0.5 * np.sum(penalty * squares)


def penalty_products(row_index, col_index, scale, x, u, v, total, out):
    """``out_k <- scale exp(x_k) sum_ic u_ic v_ic`` over the positions of each coefficient k.

    With u = v = W it is twice the gradient in x of the penalty, with u = W the product of the mixed
    second derivative with v.

    Parameters
    ----------
    row_index, col_index, scale, x
        As in `penalty_values`.
    u, v : (rows*cols,) float arrays
    total : (n,) float64 array
        Scratch.
    out : (n,) float array
        Overwritten.
    """
    product = u.astype(np.float64) * v.astype(np.float64)
    positions = _positions(row_index, col_index, u.size)
    total[:] = np.bincount(positions.reshape(-1), weights=product, minlength=x.size)
    out[:] = scale * np.exp(x.astype(np.float64)) * total


def penalty_gradient(row_index, col_index, scale, x, Y, alpha, nu, total, out, g, C):
    """The penalty's part of the hypergradient estimate from q stacked lower iterates.

    ``out_k <- scale exp(x_k) / (2 nu) sum_j alpha_j sum_ic W_j,ic^2`` (F2SA-p, Algorithm 1, with
    G_x of a learned penalty). The coefficients alpha_j add up to zero, so the squares enter as
    differences to those of the first iterate R, as products (W_j - R)(W_j + R): what they have in
    common is never rounded.

    Parameters
    ----------
    row_index, col_index, scale, x
        As in `penalty_values`.
    Y : (n_groups, rows*g*cols) float array
        Stacked lower iterates; a group is (rows, g, cols), and C divides cols.
    alpha : (n_groups, g) float64 array
        Stencil coefficients.
    nu : float
        Width of the stencil.
    total : (n,) float64 array
        Scratch.
    out : (n,) float array
        Overwritten.
    g, C : int
        Offsets of a group; classes.
    """
    V = Y.reshape(Y.shape[0], row_index.size, g, -1).astype(np.float64)
    R = V[:1, :, :1]
    differences = np.einsum("aj,aijc->ic", alpha, (V - R) * (V + R))
    positions = _positions(row_index, col_index, differences.size).reshape(-1)
    total[:] = np.bincount(positions, weights=differences.reshape(-1), minlength=x.size)
    out[:] = scale / (2.0 * nu) * np.exp(x.astype(np.float64)) * total
