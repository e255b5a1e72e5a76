"""Fused second-order oracles of all softmax regression problems, each written once.

``Y`` (2, n_y) holds a lower iterate y and a direction v. Constants of the texts are `C`, the number
of classes, and `sparse`, the design family: CSR or dense.

`data` is that of `_softmax_texts`. `work` is ``(scratch, slopes, done, memory, shift, e, placed,
total)``: scratch of the curvature kernels; slopes (m,) float64, one per row of the largest
minibatch; the state of the linear steps, see `linear_step`; the others as in `_softmax_texts`.
"""

from __future__ import annotations

from typing import Any


def make_lower_products(k: Any, C: int, sparse: bool, learned: bool) -> Any:
    """g_y, g_yy v and g_xy v on one minibatch, which is read once.

    Of the lower objective x is in the penalty if it is `learned`, in the row weights if not.
    """
    design = k.csr_curvature if sparse else k.dense_curvature

    def lower_products(data, samplers, work, x, Y, step, G, cross):
        train, _, (_, row_index, col_index, scale), kind, _ = data
        scratch, slopes, _, _, shift, e, placed, total = work
        rows, block = k.draw.draw_batch(samplers[0], step, 0)
        k.penalty.penalty_values(learned, row_index, col_index, scale, x, e, placed)
        k.weights.shift_of(kind, x, shift)
        design.derivatives(train, rows, block, x, Y, placed, G, slopes, scratch, C, kind, shift[0])
        if learned:
            k.penalty.penalty_products(row_index, col_index, scale, x, Y[0], Y[1], total, cross)
        else:
            cross[:] = 0
            k.weights.weight_gradient(
                kind, x, shift[0], train[2], rows, slopes, 1.0 / rows.size, cross
            )

    return lower_products


def make_cross_product(k: Any, C: int, sparse: bool, learned: bool) -> Any:
    """g_xy v; one minibatch, or, where x is in the penalty, no data."""
    design = k.csr_curvature if sparse else k.dense_curvature

    def cross_product(data, samplers, work, x, Y, step, out):
        train, _, (_, row_index, col_index, scale), kind, _ = data
        scratch, slopes, _, _, shift, _, _, total = work
        if learned:
            k.penalty.penalty_products(row_index, col_index, scale, x, Y[0], Y[1], total, out)
        else:
            rows, block = k.draw.draw_batch(samplers[2], step, 0)
            design.directional(train, rows, block, Y, slopes, scratch, C)
            k.weights.shift_of(kind, x, shift)
            out[:] = 0
            k.weights.weight_gradient(
                kind, x, shift[0], train[2], rows, slopes, 1.0 / rows.size, out
            )

    return cross_product


def make_upper_gradients(k: Any, C: int, sparse: bool) -> Any:
    """f_y on one minibatch; f_x is 0."""
    design = k.csr_curvature if sparse else k.dense_curvature

    def upper_gradients(data, samplers, work, x, Y, step, F_y, F_x):
        scratch, placed = work[0], work[6]
        rows, block = k.draw.draw_batch(samplers[3], step, 0)
        design.gradient(
            data[1], rows, block, x, Y[0], placed[:0], F_y, scratch, C, k.weights.NONE, 0.0
        )
        F_x[:] = 0

    return upper_gradients


def make_lower_gradient(k: Any, C: int, sparse: bool) -> Any:
    """g_y on one minibatch."""
    design = k.csr_curvature if sparse else k.dense_curvature

    def lower_gradient(data, samplers, work, x, Y, step, out):
        train, _, (learned, row_index, col_index, scale), kind, _ = data
        scratch, _, _, _, shift, e, placed, _ = work
        rows, block = k.draw.draw_batch(samplers[0], step, 0)
        k.penalty.penalty_values(learned, row_index, col_index, scale, x, e, placed)
        k.weights.shift_of(kind, x, shift)
        design.gradient(train, rows, block, x, Y[0], placed, out, scratch, C, kind, shift[0])

    return lower_gradient


def make_hessian_product(k: Any, C: int, sparse: bool) -> Any:
    """g_yy v on one minibatch."""
    design = k.csr_curvature if sparse else k.dense_curvature

    def hessian_product(data, samplers, work, x, Y, step, out):
        train, _, (learned, row_index, col_index, scale), kind, _ = data
        scratch, _, _, _, shift, e, placed, _ = work
        rows, block = k.draw.draw_batch(samplers[4], step, 0)
        k.penalty.penalty_values(learned, row_index, col_index, scale, x, e, placed)
        k.weights.shift_of(kind, x, shift)
        design.product(train, rows, block, x, Y, placed, out, scratch, C, kind, shift[0])

    return hessian_product


def make_linear_descent(k: Any, C: int, sparse: bool) -> Any:
    """Steps on the linear system g_yy v = b, each on a fresh minibatch; see `linear_step`."""
    design = k.csr_curvature if sparse else k.dense_curvature

    def linear_descent(data, samplers, work, x, Y, b, total, lr, steps, first_step, mode):
        train, _, (learned, row_index, col_index, scale), kind, _ = data
        scratch, _, done, memory, shift, e, placed, _ = work
        k.penalty.penalty_values(learned, row_index, col_index, scale, x, e, placed)
        k.weights.shift_of(kind, x, shift)
        for s in range(steps):
            rows, block = k.draw.draw_batch(samplers[4], first_step + s, 0)
            design.linear_step(
                train,
                rows,
                block,
                x,
                Y,
                placed,
                b,
                total,
                lr,
                mode,
                s,
                done,
                memory,
                scratch,
                C,
                kind,
                shift[0],
            )
        design.finish(Y, placed, b, total, lr, mode, steps, done, memory, C)

    return linear_descent
