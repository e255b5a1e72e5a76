"""Softmax regression on CSR data: gradient, curvature, and steps on the linear system of a solver.

The objective of a minibatch is ``sum_r c_r CE_r(y) + 1/2 sum_ic e_ic y_ic^2`` with the weights
``c_r = r_i s(x_i) / m`` of its m rows ``i = rows[r]``. Sides, blocks and layouts are those of the
csr family; iterates y and directions v are (d, C), flat. Penalties e are (d, 1) or (d, C), from the
penalty family; one of size 0 stands for none.

``curvature v = sum_r c_r X[r]^T (diag(p_r) - p_r p_r^T) X[r] v + e v`` is the product of the second
derivative at y with v, where ``p_r = softmax(X[r] y)``.
"""

from __future__ import annotations

import numpy as np

from . import csr
from .softmax import curvature, residual
from .softmax import derivatives as derivatives_of_rows
from .weights import row_coefficients

# What a linear step does: v - lr H v; the same, added up; v - lr (H v - b).
POWERS, SUM, SOLVE = range(3)


def _coefficients(side, rows, x, kind, shift):
    """c_r, (m,) float64."""
    out = np.empty(rows.size)
    row_coefficients(kind, x, shift, side[2], rows, 1.0 / max(1, rows.size), out)
    return out


def _logits(design, side, rows, V, C):
    """Logits of the minibatch, flat float64."""
    Z = np.empty(rows.size * C)
    design.forward(side[0], rows, V.astype(np.float64), Z, C)
    return Z


def _with_penalty(design, side, rows, Z, penalty, V, C):
    """``X^T Z + e V``, flat float64."""
    G = np.zeros(V.size)
    if penalty.size:
        G += (penalty * V.reshape(penalty.shape[0], -1).astype(np.float64)).reshape(-1)
    design.backward(side[0], rows, Z, 1.0, G, C)
    return G


def _gradient(design, side, rows, x, y, penalty, C, kind, shift):
    Z = _logits(design, side, rows, y, C)
    residual(Z, side[1], rows, _coefficients(side, rows, x, kind, shift), C)
    return _with_penalty(design, side, rows, Z, penalty, y, C)


def _product(design, side, rows, x, Y, penalty, C, kind, shift):
    Z, U = (_logits(design, side, rows, V, C) for V in Y)
    curvature(Z, U, rows, _coefficients(side, rows, x, kind, shift), C)
    return _with_penalty(design, side, rows, U, penalty, Y[1], C)


def _directional(design, side, rows, Y, C):
    Z, U = (_logits(design, side, rows, V, C) for V in Y)
    cross = np.empty(rows.size)
    derivatives_of_rows(Z, U, side[1], rows, np.ones(rows.size), cross, C)
    return cross


def gradient(side, rows, block, x, y, penalty, out, work, C, kind, shift):
    """Gradient of the minibatch: ``out <- sum_r c_r X[r]^T (softmax(X[r] y) - e_{y_r}) + e y``.

    Parameters
    ----------
    side : tuple
        Data, labels, weights and blocks of one level.
    rows : (m,) int64 array
        Minibatch; an empty one adds nothing.
    block : int
        Number of the fixed block that the minibatch is, or -1 for other rows.
    x : (n_x,) float array
        Upper variable; read only for the row weights, by `kind`.
    y : (d*C,) float array
    penalty : (d, 1), (d, C) or (0, any) float64 array
        e.
    out : (d*C,) float array
        Overwritten.
    work : tuple
        From `layout_csr.curvature_workspace`; contents are undefined before and after.
    C : int
        Classes.
    kind : int
        Weighting s of the rows, see the weights family.
    shift : float
        From `weights.shift_of`.
    """
    out[:] = _gradient(csr, side, rows, x, y, penalty, C, kind, shift)


def product(side, rows, block, x, Y, penalty, out, work, C, kind, shift):
    """Hessian-vector product of the minibatch: ``out <- curvature v`` at y, ``y, v = Y``.

    Arguments as in `gradient`; Y (2, d*C) float array, e of size 0 is not allowed.
    """
    out[:] = _product(csr, side, rows, x, Y, penalty, C, kind, shift)


def directional(side, rows, block, Y, cross, work, C):
    """Slopes of the cross-entropies: ``cross[r] <- <softmax(X[r] y) - e_{y_r}, X[r] v>``.

    They are the derivatives of CE_r at y along v; ``y, v = Y``.

    Parameters
    ----------
    side, rows, block, work, C
        As in `gradient`.
    Y : (2, d*C) float array
    cross : (>= m,) float64 array
        The first m elements are overwritten.
    """
    cross[: rows.size] = _directional(csr, side, rows, Y, C)


def derivatives(side, rows, block, x, Y, penalty, G, cross, work, C, kind, shift):
    """Gradient, Hessian-vector product and slopes of one minibatch, in one pass over its rows.

    ``G[0] <- gradient`` at y, ``G[1] <- curvature v`` and `cross` as in `directional`.

    Parameters
    ----------
    side, rows, block, x, penalty, work, C, kind, shift
        As in `product`.
    Y : (2, d*C) float array
        y and v.
    G : (2, d*C) float array
        Overwritten.
    cross : (>= m,) float64 array
        As in `directional`.
    """
    G[0] = _gradient(csr, side, rows, x, Y[0], penalty, C, kind, shift)
    G[1] = _product(csr, side, rows, x, Y, penalty, C, kind, shift)
    cross[: rows.size] = _directional(csr, side, rows, Y, C)


def _catch_up(chosen, step, Y, penalty, b, total, lr, mode, done, C):
    """Bring the rows `chosen` of v, and their part of `total`, to where step number `step` begins.

    No row of data changed them since, so they only decayed: in closed form.
    """
    V, B, T = (a.reshape(-1, C) for a in (Y[1], b, total))
    for i in chosen:
        passed, keep = step - done[i], 1.0 - lr * penalty[i]
        power, powers = np.ones_like(keep), np.zeros_like(keep)
        for _ in range(passed):
            power *= keep
            powers += power
        row = V[i].astype(np.float64)
        if mode == SUM:
            # The v after the last step of this row is not in the total yet.
            T[i] += (powers + (done[i] > 0)) * row
        V[i] = power * row + (lr * (1.0 + powers - power) * B[i] if mode == SOLVE else 0.0)
        done[i] = step


def linear_step(
    side, rows, block, x, Y, penalty, b, total, lr, mode, step, done, memory, work, C, kind, shift,
):  # fmt: skip
    """One step on the linear system ``H v = b``, H the curvature of the minibatch at y, in place.

    `POWERS`: ``v <- v - lr H v``. `SUM`: the same, then ``total <- total + v``. `SOLVE`: ``v <- v -
    lr (H v - b)``.

    A step touches the features of its minibatch alone. The others only decay, which needs no data
    and is left to be done in closed form when they are met again: row i of v is that after
    ``done[i]`` steps, and lacks in the total from then on. `finish` does what is left to do.

    Parameters
    ----------
    side, rows, block, x, work, C, kind, shift
        As in `product`.
    Y : (2, d*C) float array
        y, and v, which is changed.
    penalty : (d, 1) or (d, C) float64 array
        e.
    b : (d*C,) float array
        Read by `SOLVE` only.
    total : (d*C,) float array
        Changed by `SUM` only.
    lr : float
        Step size.
    mode : int
    step : int
        Steps since `finish`; x, Y[0], penalty, b, lr and mode are those of step 0.
    done : (d,) int32 array
        0 in the first step.
    memory : tuple
        From `layout_csr.linear_memory`: what of the blocks does not change from step to step.
    """
    chosen = np.unique(csr._rows(side[0], rows, done.size).indices)
    _catch_up(chosen, step, Y, penalty, b, total, lr, mode, done, C)
    step_of_all = _product(csr, side, rows, x, Y, penalty, C, kind, shift)
    if mode == SOLVE:
        step_of_all -= b
    V = Y[1].reshape(-1, C)
    V[chosen] -= lr * step_of_all.reshape(-1, C)[chosen]
    done[chosen] = step + 1


def finish(Y, penalty, b, total, lr, mode, steps, done, memory, C):
    """Do what `steps` linear steps have left; ``done <- 0``. Arguments as in `linear_step`."""
    _catch_up(np.arange(done.size), steps, Y, penalty, b, total, lr, mode, done, C)
    done[:] = 0
