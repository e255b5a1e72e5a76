"""Fused second-order oracles of all softmax regression problems, each written once.

``Y`` (2, n_y) holds a lower iterate y and a direction v. Constants of the texts are `C`, the number
of classes, and `sparse`, the design family: CSR or dense.

`data` is that of `_softmax_texts`, `work` the record below.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import numpy as np

from fastbilevel._texts.protocol import Array, Floats, Integers, record


@record
class Work(NamedTuple):
    """Scratch, and the state of the linear steps.

    Attributes
    ----------
    scratch : tuple of arrays
        Of the curvature kernels.
    slopes : (m,) float64 array
        One number per row of the largest minibatch.
    done, memory : (rows,) int32 array, tuple of arrays
        State of the linear steps, see `linear_step`.
    shift, e, placed, total
        As in the work of `_softmax_texts`.
    """

    scratch: tuple[Any, ...]
    slopes: Floats
    done: Integers
    memory: tuple[Any, ...]
    shift: Floats
    e: Floats
    placed: Annotated[Any, Array(np.float64, 2)]
    total: Floats


def make_oracles(k: Any, sparse: bool, learned: bool) -> dict[str, Any]:
    """The oracles; of the lower objective x is in the penalty if it is `learned`, else in the row
    weights.
    """
    design = k.csr_curvature if sparse else k.dense_curvature

    def lower_products(data, samplers, work, x, pair, draw, G, cross):
        """g_y, g_yy v and g_xy v on one minibatch, which is read once.

        Of the lower objective x is in the penalty if it is `learned`, in the row weights if not.
        """
        train, penalty, kind = data.train, data.penalty, data.kind
        slopes, shift = work.slopes, work.shift
        rows, block = k.draw.draw_batch(samplers.lower, draw, 0)
        k.penalty.penalty_values(
            penalty.learned, penalty.row_index, penalty.col_index, penalty.scale, x, work.e,
            work.placed,
        )  # fmt: skip
        k.weights.shift_of(kind, x, shift)
        design.derivatives(
            train,
            rows,
            block,
            x,
            pair,
            work.placed,
            G,
            slopes,
            work.scratch,
            data.classes,
            kind,
            shift[0],
        )
        if learned:
            k.penalty.penalty_products(
                penalty.row_index, penalty.col_index, penalty.scale, x, pair[0], pair[1],
                work.total, cross,
            )  # fmt: skip
        else:
            cross[:] = 0
            k.weights.weight_gradient(
                kind, x, shift[0], train.weight, rows, slopes, 1.0 / rows.size, cross
            )

    def cross_product(data, samplers, work, x, pair, draw, out):
        """g_xy v; one minibatch, or, where x is in the penalty, no data."""
        train, penalty, kind = data.train, data.penalty, data.kind
        slopes, shift = work.slopes, work.shift
        if learned:
            k.penalty.penalty_products(
                penalty.row_index, penalty.col_index, penalty.scale, x, pair[0], pair[1],
                work.total, out,
            )  # fmt: skip
        else:
            rows, block = k.draw.draw_batch(samplers.outer_lower, draw, 0)
            design.directional(train, rows, block, pair, slopes, work.scratch, data.classes)
            k.weights.shift_of(kind, x, shift)
            out[:] = 0
            k.weights.weight_gradient(
                kind, x, shift[0], train.weight, rows, slopes, 1.0 / rows.size, out
            )

    def upper_gradients(data, samplers, work, x, pair, draw, F_y, F_x):
        """f_y on one minibatch; f_x is 0."""
        rows, block = k.draw.draw_batch(samplers.outer_upper, draw, 0)
        no_penalty = work.placed[:0]
        design.gradient(
            data.val,
            rows,
            block,
            x,
            pair[0],
            no_penalty,
            F_y,
            work.scratch,
            data.classes,
            k.weights.NONE,
            0.0,
        )
        F_x[:] = 0

    def lower_gradient(data, samplers, work, x, pair, draw, out):
        """g_y on one minibatch."""
        penalty, kind, shift = data.penalty, data.kind, work.shift
        rows, block = k.draw.draw_batch(samplers.lower, draw, 0)
        k.penalty.penalty_values(
            penalty.learned, penalty.row_index, penalty.col_index, penalty.scale, x, work.e,
            work.placed,
        )  # fmt: skip
        k.weights.shift_of(kind, x, shift)
        design.gradient(
            data.train,
            rows,
            block,
            x,
            pair[0],
            work.placed,
            out,
            work.scratch,
            data.classes,
            kind,
            shift[0],
        )

    def hessian_product(data, samplers, work, x, pair, draw, out):
        """g_yy v on one minibatch."""
        penalty, kind, shift = data.penalty, data.kind, work.shift
        rows, block = k.draw.draw_batch(samplers.linear, draw, 0)
        k.penalty.penalty_values(
            penalty.learned, penalty.row_index, penalty.col_index, penalty.scale, x, work.e,
            work.placed,
        )  # fmt: skip
        k.weights.shift_of(kind, x, shift)
        design.product(
            data.train,
            rows,
            block,
            x,
            pair,
            work.placed,
            out,
            work.scratch,
            data.classes,
            kind,
            shift[0],
        )

    def linear_descent(data, samplers, work, x, pair, b, total, lr, steps, first, mode):
        """Steps on the linear system g_yy v = b, each on a fresh minibatch; see `linear_step`."""
        penalty, kind, shift, placed = data.penalty, data.kind, work.shift, work.placed
        done, memory = work.done, work.memory
        k.penalty.penalty_values(
            penalty.learned, penalty.row_index, penalty.col_index, penalty.scale, x, work.e,
            placed,
        )  # fmt: skip
        k.weights.shift_of(kind, x, shift)
        for s in range(steps):
            rows, block = k.draw.draw_batch(samplers.linear, first + s, 0)
            design.linear_step(
                data.train, rows, block, x, pair, placed, b, total, lr, mode, s, done, memory,
                work.scratch, data.classes, kind, shift[0],
            )  # fmt: skip
        design.finish(pair, placed, b, total, lr, mode, steps, done, memory, data.classes)

    return locals()
