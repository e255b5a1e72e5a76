"""CUDA twin of `kernels.reference.csr_curvature`.

As in the csr family, residuals and curvatures are one launch, in which a block owns a row, and sums
over the rows another one, in which a block owns features. Linear steps first bring the features of
the minibatch up to date, in a launch of its own. For minibatches that are no fixed blocks the sums
take one more launch, that of `csr.backward`.
"""

from __future__ import annotations

import numpy as np

from ..reference.csr_curvature import POWERS, SOLVE, SUM
from ..reference.weights import NONE
from .constants import OWNERS, THREADS
from .csr_arguments import MOST_ROWS, add_rows, columns_of, owners, row_threads, rows_of
from .launch import MOST_BLOCKS, launch, shift_arguments

__all__ = ["POWERS", "SOLVE", "SUM"]


def _residuals(side, rows, x, Y, cross, work, matrices, C, kind, shift):
    """Residuals of a minibatch; with two matrices, curvatures and slopes too."""
    launch(
        "csr_curvature.residuals",
        (Y.dtype, side[0][1].dtype),
        min(rows.size, MOST_ROWS),
        row_threads(matrices * C),
        *(*rows_of(side, rows), *side[1:3], x, x.size, *shift_arguments(shift), kind),
        *(Y, cross, work[0], matrices, Y.size // (matrices * C), C),
    )


def _accumulate(side, rows, block, work, skipped, stride, V, penalty, out, matrices, C):
    """Penalty term and the sum over the rows, from some of the `stride` numbers of each row."""
    d = V.size // (matrices * C)
    launch(
        "csr_curvature.accumulate",
        (V.dtype, side[0][1].dtype),
        owners(d),
        OWNERS,
        *(*columns_of(side, rows, block), work[0], skipped, stride),
        *(V, *_penalty(penalty), out, matrices, d, C),
    )
    _add_other_rows(side, rows, block, work, skipped, stride, 1.0, out, matrices, C)


def _add_other_rows(side, rows, block, work, skipped, stride, factor, out, matrices, C):
    """Add the sum over the rows of a minibatch that is no fixed block."""
    if block < 0:
        minibatch, Z = rows_of(side, rows), work[0][skipped:]
        add_rows(
            *(minibatch, (*minibatch[:-1], 0), Z, 0, stride, factor, None),
            *(out, C, out.size // matrices, matrices * C),
        )


def _penalty(penalty):
    """The penalty and how many columns it has, 0 if there is none."""
    return penalty, penalty.shape[1] if penalty.size else 0


def gradient(side, rows, block, x, y, penalty, out, work, C, kind, shift):
    _residuals(side, rows, x, y, None, work, 1, C, kind, shift)
    _accumulate(side, rows, block, work, 0, C, y, penalty, out, 1, C)


def product(side, rows, block, x, Y, penalty, out, work, C, kind, shift):
    _residuals(side, rows, x, Y, None, work, 2, C, kind, shift)
    _accumulate(side, rows, block, work, C, 2 * C, Y[1], penalty, out, 1, C)


def directional(side, rows, block, Y, cross, work, C):
    _residuals(side, rows, Y, Y, cross, work, 2, C, NONE, 0.0)


def derivatives(side, rows, block, x, Y, penalty, G, cross, work, C, kind, shift):
    _residuals(side, rows, x, Y, cross, work, 2, C, kind, shift)
    _accumulate(side, rows, block, work, 0, 2 * C, Y, penalty, G, 2, C)


def _blocks_over(n):
    """The grid of `catch_up` for n features in one list."""
    return min(-(-n // THREADS), MOST_BLOCKS), 1


def _catch_up(grid, where, index, Y, penalty, b, total, lr, mode, step, done, mark, C):
    """Bring features of v to where step number `step` begins, and note `mark` for them."""
    launch(
        "csr_curvature.catch_up",
        (Y.dtype, index),
        grid,
        THREADS,
        *(*where, *_penalty(penalty), Y[1], b, total, float(lr), mode, step, done, mark),
        *(done.size, C),
    )


def linear_step(
    side, rows, block, x, Y, penalty, b, total, lr, mode, step, done, memory, work, C, kind, shift
):  # fmt: skip
    columns = columns_of(side, rows, block)
    starts, features = columns[:2]
    indptr, indices, _ = side[0]
    if columns[-1] >= 0:
        where = _blocks_over(done.size), (starts, features, None, block, 1)
    else:
        where = (1, min(rows.size, MOST_ROWS)), (indptr, indices, rows, 0, rows.size)
    _catch_up(*where, indices.dtype, Y, penalty, b, total, lr, mode, step, done, -1, C)
    _residuals(side, rows, x, Y, None, work, 2, C, kind, shift)
    launch(
        "csr_curvature.linear_step",
        (Y.dtype, indices.dtype),
        owners(done.size) if rows.size else 0,
        OWNERS,
        *(*columns, work[0], Y[1], b, *_penalty(penalty), float(lr), mode, step, done),
        *(done.size, C),
    )
    _add_other_rows(side, rows, block, work, C, 2 * C, -lr, Y[1], 1, C)


def finish(Y, penalty, b, total, lr, mode, steps, done, memory, C):
    where = _blocks_over(done.size), (None, None, None, 0, 1)
    _catch_up(*where, np.int64, Y, penalty, b, total, lr, mode, steps, done, 0, C)
