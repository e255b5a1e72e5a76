"""The step of BOME: descent of f inside a barrier that makes g descend too."""

from __future__ import annotations

import numpy as np

from .projection import project


def dynamic_barrier(
    x, y, m, f_x, f_y, G_x, g_y, values, eta, use_values, lr, kind, a, b, barrier_out, norm_out,
    flag,
):  # fmt: skip
    """One step of BOME (NeurIPS 2022, equation 6) on x and y together.

    With q(x, y) = g(x, y) - g(x, theta), theta the result of the lower steps,
    ``dq = (G_x[1] - G_x[0], g_y)``, ``df = (f_x, f_y)``, ``phi = eta ||dq||^2`` or ``eta q`` and
    ``lam = max((phi - <df, dq>) / ||dq||^2, 0)``, 0 if dq is 0, so that
    <dq, df + lam dq> >= phi: ``m <- f_x + lam dq_x``, ``x <- P(x - lr m)`` and
    ``y <- y - lr (f_y + lam g_y)``. Inner products are summed in float64.

    Parameters
    ----------
    x, y : (n_x,), (n_y,) float arrays
        Changed in place.
    m : (n_x,) float array
        Overwritten with the direction of x.
    f_x, f_y : (n_x,), (n_y,) float arrays
        Upper gradients at (x, y).
    G_x : (2, n_x) float array
        Lower gradients in x at (x, theta) and at (x, y).
    g_y : (n_y,) float array
        Lower gradient in y at (x, y).
    values : (2,) float64 array
        Lower values at (x, theta) and at (x, y); not read if `use_values` is 0.
    eta : float
    use_values : int
        1 for phi = eta q.
    lr : float
    kind, a, b : int and float arrays
        The set of x that P projects onto, see `projection.project`.
    barrier_out : (4,) float64 array
        Overwritten with phi, lam, <df, dq>, ||dq||^2.
    norm_out : (1,) float64 array
        Overwritten with ||df + lam dq||.
    flag : (1,) int64 array
        Set to 1, and x and y left as they are, if that norm is not finite. Once set, they never
        change again.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        dq_x = G_x[1].astype(np.float64) - G_x[0]
        dq_y = g_y.astype(np.float64)
        product = np.sum(f_x * dq_x) + np.sum(f_y * dq_y)
        square = np.sum(np.square(dq_x)) + np.sum(np.square(dq_y))
        phi = eta * (values[1] - values[0]) if use_values else eta * square
        lam = 0.0 if square == 0.0 else np.maximum((phi - product) / square, 0.0)
        m[:] = (f_x + lam * dq_x).astype(m.dtype)
        direction_y = f_y + lam * dq_y
        sides = np.square(m, dtype=np.float64), np.square(direction_y)
        norm_out[0] = np.sqrt(np.sum(sides[0]) + np.sum(sides[1]))
    barrier_out[:] = phi, lam, product, square
    if not np.isfinite(norm_out[0]):
        flag[0] = 1
    if flag[0]:
        return
    x[:] = (x - lr * m.astype(np.float64)).astype(x.dtype)
    project(x, kind, a, b)
    y[:] = (y - lr * direction_y).astype(y.dtype)
