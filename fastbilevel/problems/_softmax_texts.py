"""Oracles that all softmax regression problems share, each written once.

The lower objective is the weighted mean cross-entropy of the logits X W plus half a weighted square
of W, ``1/m sum_{i in rows} r_i s(x_i) CE_i(W) + 1/2 sum_ic e_k W_ic^2``; the upper objective is the
mean cross-entropy ``1/m sum_{i in rows} r_i CE_i(W)`` on other data and does not contain x.

Constants of the texts are `C`, the number of classes, and `sparse`, the design family: CSR or
dense.

`data` is ``(train, val, penalty, kind, n_threads)``: two sides ``(X, labels, row_weight, blocks)``,
as the design families describe them; ``penalty = (learned, row_index, col_index, scale)``, the
first arguments of the penalty family; the function s, a `kind` of the weights family.

`work` of the simple oracles, for up to m rows, is ``(Z, U, coefficients, losses, shift, e, placed,
total)``: Z, U (m*C,) logits and directions in them; coefficients (m,) row weights; losses (m,)
float64; shift (1,) float64 of the softmax weights; e and total, float64, one per penalty
coefficient; placed (rows, cols) or (rows, 1) float64, the coefficients at their positions.

`work` of the fused oracles is ``(step, scale, simple)``: scratch of `descent_step`, the lazy decay
(rows,) float64, and the work above, for the outer minibatch and all offsets of a group.
"""

from __future__ import annotations

from typing import Any


def make_value(k: Any, lower: bool, C: int, sparse: bool) -> Any:
    """The lower or the upper objective."""
    design = k.csr if sparse else k.dense

    def value(data, work, x, y, rows, out):
        X, labels, given, _ = data[0] if lower else data[1]
        kind = data[3] if lower else k.weights.NONE
        Z, _, _, losses, shift, e, placed, _ = work
        design.forward(X, rows, y, Z, C)
        k.softmax.losses(Z, labels, rows, losses, C)
        k.weights.shift_of(kind, x, shift)
        out[0] = 0.0
        k.weights.weighted_sum(kind, x, shift[0], given, rows, losses, 1.0 / rows.size, out)
        if lower:
            learned, row_index, col_index, scale = data[2]
            k.penalty.penalty_values(learned, row_index, col_index, scale, x, e, placed)
            k.penalty.add_penalty(placed, y, out)

    return value


def make_gradient(k: Any, lower: bool, C: int, sparse: bool) -> Any:
    """The gradient in y of the lower or of the upper objective."""
    design = k.csr if sparse else k.dense

    def gradient(data, work, x, y, rows, out):
        X, labels, given, _ = data[0] if lower else data[1]
        kind = data[3] if lower else k.weights.NONE
        Z, _, coefficients, _, shift, e, placed, _ = work
        k.weights.shift_of(kind, x, shift)
        k.weights.row_coefficients(kind, x, shift[0], given, rows, 1.0 / rows.size, coefficients)
        design.forward(X, rows, y, Z, C)
        k.softmax.residual(Z, labels, rows, coefficients, C)
        out[:] = 0
        design.backward(X, rows, Z, 1.0, out, C)
        if lower:
            learned, row_index, col_index, scale = data[2]
            k.penalty.penalty_values(learned, row_index, col_index, scale, x, e, placed)
            k.penalty.add_penalty_gradient(placed, y, out)

    return gradient


def make_hvp_lower_yy(k: Any, C: int, sparse: bool) -> Any:
    """``X^T S X v`` with S the curvature of the cross-entropies in the logits, plus ``e v``."""
    design = k.csr if sparse else k.dense

    def hvp_lower_yy(data, work, x, y, v, rows, out):
        X, _, given, _ = data[0]
        Z, U, coefficients, _, shift, e, placed, _ = work
        kind = data[3]
        k.weights.shift_of(kind, x, shift)
        k.weights.row_coefficients(kind, x, shift[0], given, rows, 1.0 / rows.size, coefficients)
        design.forward(X, rows, y, Z, C)
        design.forward(X, rows, v, U, C)
        k.softmax.curvature(Z, U, rows, coefficients, C)
        out[:] = 0
        design.backward(X, rows, U, 1.0, out, C)
        learned, row_index, col_index, scale = data[2]
        k.penalty.penalty_values(learned, row_index, col_index, scale, x, e, placed)
        k.penalty.add_penalty_gradient(placed, v, out)

    return hvp_lower_yy


def make_perturbed_descent(
    k: Any,
    g: int,
    C: int,
    sparse: bool,
    independent: int,
    threaded: bool,
) -> Any:
    """Stochastic gradient steps on all q lower problems g + w_j f (F2SA-p, Algorithm 1)."""
    design = k.csr if sparse else k.dense
    width = g * C

    def perturbed_descent(data, samplers, work, x, Y, weights, lr, steps, first_step):
        descend = design.descend_threaded if threaded else design.descend
        learned, row_index, col_index, scale = data[2]
        train, val, _, kind, n_threads = data
        work_step, row_scale, (_, _, _, _, shift, e, placed, _) = work
        k.penalty.penalty_values(learned, row_index, col_index, scale, x, e, placed)
        k.weights.shift_of(kind, x, shift)
        descend(
            train,
            samplers[0],
            val,
            samplers[1],
            x,
            weights,
            placed,
            lr,
            Y,
            row_scale,
            work_step,
            g,
            C,
            width,
            kind,
            shift[0],
            n_threads,
            steps,
            first_step,
            independent,
        )

    return perturbed_descent
