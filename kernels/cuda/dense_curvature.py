"""CUDA twin of `kernels.reference.dense_curvature`.

Two launches: derivatives of the samples in their logits, then sums over the samples.
"""

from __future__ import annotations

from ..reference.weights import NONE
from .constants import ROWS
from .dense_launches import launch_columns, launch_tiles, row_weights
from .launch import table
from .layout_dense import padded


def gradient(side, rows, block, x, y, penalty, out, work, C, kind, shift):
    (matrix,), labels, given, _ = side
    (Z,) = work
    m, d, stride = rows.size, matrix.shape[1], padded(C)
    nothing = None, None, None, None, 0
    arguments = (
        *(matrix, labels, given, rows, m, *nothing, *row_weights(x, kind, shift), table(())),
        *(y, Z, stride, d, 1, C),
    )
    launch_tiles(-(-m // ROWS), d, "dense.residuals", (y.dtype,), *arguments)
    _sums(matrix, rows, Z, stride, 1, y, penalty, out, C)


def _sweep(side, rows, x, Y, cross, work, C, kind, shift):
    """Residuals and curvatures, and slopes where they are wanted; columns of a row of Z."""
    (matrix,), labels, given, _ = side
    (Z,) = work
    m, d, stride = rows.size, matrix.shape[1], 2 * padded(C)
    arguments = (
        *(matrix, labels, given, rows, m, *row_weights(x, kind, shift), Y, Z, stride, cross),
        *(d, C),
    )
    launch_tiles(-(-m // ROWS), d, "dense_curvature.sweep", (Y.dtype,), *arguments)
    return matrix, Z, stride


def _sums(matrix, rows, Z, stride, parts, V, penalty, out, C):
    """``out <- Z^T X[rows] + e V`` for `parts` parts of C columns."""
    d = matrix.shape[1]
    arguments = matrix, rows, rows.size, Z, stride, stride // 2, parts, V, penalty, penalty.size
    types, columns = (out.dtype,), parts * padded(C)
    launch_columns(columns, d, "dense_curvature.sums", types, *arguments, out, d, C)


def product(side, rows, block, x, Y, penalty, out, work, C, kind, shift):
    matrix, Z, stride = _sweep(side, rows, x, Y, None, work, C, kind, shift)
    _sums(matrix, rows, Z[stride // 2 :], stride, 1, Y[1], penalty, out, C)


def directional(side, rows, block, Y, cross, work, C):
    # Slopes have no weights: those of the rows are not looked at.
    _sweep(side, rows, side[2], Y, cross, work, C, NONE, 0.0)


def derivatives(side, rows, block, x, Y, penalty, G, cross, work, C, kind, shift):
    matrix, Z, stride = _sweep(side, rows, x, Y, cross, work, C, kind, shift)
    _sums(matrix, rows, Z, stride, 2, Y, penalty, G, C)


def linear_step(
    side, rows, block, x, Y, penalty, b, total, lr, mode, step, done, memory, work, C, kind, shift
):  # fmt: skip
    matrix, Z, stride = _sweep(side, rows, x, Y, None, work, C, kind, shift)
    d = matrix.shape[1]
    arguments = (
        *(matrix, rows, rows.size, Z[stride // 2 :], stride, Y[1], penalty, penalty.size, b),
        *(total, float(lr), int(mode), d, C),
    )
    launch_columns(C, d, "dense_curvature.linear_update", (Y.dtype,), *arguments)


def finish(Y, penalty, b, total, lr, mode, steps, done, memory, C):
    pass
