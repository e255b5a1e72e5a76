"""Softmax regression on dense data: gradient, curvature, and steps on a solver's linear system.

Everything means what it means in the csr_curvature family, with the sides, blocks and layouts of
the dense family: iterates y and directions v are (C, d), flat, penalties (1, 1) or (1, C*d).
"""

from __future__ import annotations

from . import dense
from .csr_curvature import SOLVE, SUM, _directional, _gradient, _product


def gradient(side, rows, block, x, y, penalty, out, work, C, kind, shift):
    """Gradient of the minibatch, see `csr_curvature.gradient`.

    `penalty` is (1, 1), (1, C*d) or (0, any), `work` from
    `layout_dense.curvature_workspace`.
    """
    out[:] = _gradient(dense, side, rows, x, y, penalty, C, kind, shift)


def product(side, rows, block, x, Y, penalty, out, work, C, kind, shift):
    """Hessian-vector product of the minibatch, see `csr_curvature.product`."""
    out[:] = _product(dense, side, rows, x, Y, penalty, C, kind, shift)


def directional(side, rows, block, Y, cross, work, C):
    """Slopes of the cross-entropies, see `csr_curvature.directional`."""
    cross[: rows.size] = _directional(dense, side, rows, Y, C)


def derivatives(side, rows, block, x, Y, penalty, G, cross, work, C, kind, shift):
    """Gradient, Hessian-vector product and slopes, see `csr_curvature.derivatives`."""
    G[0] = _gradient(dense, side, rows, x, Y[0], penalty, C, kind, shift)
    G[1] = _product(dense, side, rows, x, Y, penalty, C, kind, shift)
    cross[: rows.size] = _directional(dense, side, rows, Y, C)


def linear_step(
    side, rows, block, x, Y, penalty, b, total, lr, mode, step, done, memory, work, C, kind, shift,
):  # fmt: skip
    """One step on the linear system, see `csr_curvature.linear_step`; nothing is left to be done.

    `done` is not used, `memory` comes from `layout_dense.linear_memory`.
    """
    change = _product(dense, side, rows, x, Y, penalty, C, kind, shift)
    if mode == SOLVE:
        change -= b
    Y[1] -= lr * change
    if mode == SUM:
        total += Y[1]


def finish(Y, penalty, b, total, lr, mode, steps, done, memory, C):
    """End a sequence of linear steps: iterates are complete, so nothing changes."""
