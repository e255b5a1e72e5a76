"""Steps on the linear system g_yy v = f_y that the second-order methods carry along."""

from __future__ import annotations

import numpy as np


def joint_step(Y, G, b, sign, lr_y, lr_v):
    """One step of y and of v, both along directions at the old point (SOBA, Algorithm 1).

    ``y <- y - lr_y g_y``, ``v <- v - lr_v (g_yy v + sign f_y)``.

    Parameters
    ----------
    Y : (2, n) float array
        y and v, changed in place.
    G : (2, n) float array
        g_y and g_yy v.
    b : (n,) float array
        f_y.
    sign : float
        1 if v stands for -g_yy^-1 f_y (SOBA, SABA), -1 if for g_yy^-1 f_y (MA-SOBA).
    lr_y, lr_v : float
        Step sizes.
    """
    wide, directions = Y.astype(np.float64), G.astype(np.float64)
    Y[0] = wide[0] - lr_y * directions[0]
    Y[1] = wide[1] - lr_v * (directions[1] + sign * b.astype(np.float64))


def inverse_scaling(y, power, floor, out):
    """``out_i <- 1 / ((p - 1) max(|y_i|, floor)^(p - 2))``, the inverse of dw/dy, w = [y]^(p-1).

    Parameters
    ----------
    y : (n,) float array
    power : float
        p >= 2.
    floor : float
        Positive.
    out : (n,) float array
        Overwritten.
    """
    size = np.maximum(np.abs(y.astype(np.float64)), floor)
    out[:] = 1.0 / ((power - 1.0) * size ** (power - 2.0))


def scaled_axpy(a, s, x, y):
    """``y_i <- y_i + a s_i x_i``; s, x, y (n,)."""
    y[:] = y + a * s.astype(np.float64) * x.astype(np.float64)
