"""Euclidean projections onto convex sets."""

from __future__ import annotations

import numpy as np

NONE, BOX, BALL, SIMPLEX = 0, 1, 2, 3


def project(v, kind, a, b):
    """``v <- argmin_{z in Z} ||z - v||``, all arithmetic in float64.

    NaN in v stays NaN.

    Parameters
    ----------
    v : (n,) float array
        Changed in place.
    kind : int
        NONE: v stays as it is. BOX: Z = {a <= z <= b}. BALL: Z = {||z - a|| <= b_0}.
        SIMPLEX: Z = {z >= 0, sum z = b_0}; elements that are NaN are left out of the sum.
    a, b : float arrays
        BOX: (n,) bounds, possibly infinite. BALL: (n,) centre and (1,) radius > 0. SIMPLEX: (0,),
        and the (1,) total > 0. Not read for NONE.
    """
    if kind == BOX:
        v[:] = np.minimum(np.maximum(v, a), b)
    elif kind == BALL:
        _project_on_ball(v, a, np.float64(b[0]))
    elif kind == SIMPLEX:
        _project_on_simplex(v, np.float64(b[0]))


def _project_on_ball(v, centre, radius):
    """``v <- a + (v - a) min(1, r / ||v - a||)``."""
    with np.errstate(invalid="ignore", over="ignore"):
        difference = v.astype(np.float64) - centre
        # Squares of huge and of tiny numbers would leave the range of float64.
        largest = np.fmax.reduce(np.abs(difference), initial=0.0)
        if largest > 0.0:
            length = np.sqrt(np.sum(np.square(difference / largest)))
            factor = radius / largest / length
            if factor < 1.0:
                v[:] = (centre + factor * difference).astype(v.dtype)


def _project_on_simplex(v, total):
    """``v <- max(v - t, 0)`` with the t at which the sum is `total`.

    In w = (v - max v) / total, whose threshold s lies in [-1, 0), Newton's iteration from s = -1 on
    the convex, piecewise linear sum(max(w - s, 0)) - 1 goes up to its root, which it meets as soon
    as no element has left the sum (Michelot 1986).
    """
    with np.errstate(invalid="ignore", over="ignore"):
        wide = v.astype(np.float64)
        w = (wide - np.fmax.reduce(wide, initial=-np.inf)) / total
        threshold, before = -1.0, -1
        while True:
            inside = w > threshold
            count = np.count_nonzero(inside)
            if count == 0:
                break
            excess = np.sum(w[inside] - threshold) - 1.0
            threshold += excess / count
            if excess <= 0.0 or count == before:
                break
            before = count
        v[:] = (total * np.maximum(w - threshold, 0.0)).astype(v.dtype)
