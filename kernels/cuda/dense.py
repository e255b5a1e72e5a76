"""CUDA twin of `kernels.reference.dense`.

Steps on small minibatches, and `descend` with all its steps in one launch, hold tiles in registers.
Those on large ones multiply by cuBLAS, which reads the data once for all columns.
"""

from __future__ import annotations

import functools
import sys

import numpy as np

from ..descent import make_descend
from . import draw
from .constants import COLUMNS, ROWS, TABLE_SIZE, THREADS, WARP, WARPS
from .dense_launches import crew_size, launch_columns, launch_tiles, row_weights
from .launch import launch, launch_over, launch_teams, scratch, shift_arguments, table
from .layout_dense import MOST_TILED, padded

# Blocks whose work one block does as fast: it does not wait for others between the phases.
FEW_BLOCKS = 4


def forward(X, rows, V, Z, width):
    (matrix,) = X
    m, d = rows.size, matrix.shape[1]
    arguments = matrix, rows, V, Z, m, d, width
    launch_tiles(-(-m // ROWS), d, "dense.forward", (V.dtype,), *arguments)


def backward(X, rows, Z, scale, G, width):
    (matrix,) = X
    m, d = rows.size, matrix.shape[1]
    arguments = matrix, rows, Z, float(scale), G, m, d, width
    launch_columns(width, d, "dense.backward", (G.dtype,), *arguments)


def descent_step(
    train, rows_g, block_g, val, rows_f, block_f, x, weights, penalty, lr,
    V, scale, work, g, C, kind, shift, n_threads,
):  # fmt: skip
    Z, G = work
    numbers = *row_weights(x, kind, shift), table(weights)
    step = V, penalty, penalty.size, float(lr), V.size // (g * C), g, C
    levels = (train, rows_g, block_g), (val, rows_f, block_f)
    if max(rows_g.size, rows_f.size) > MOST_TILED:
        _large_step(levels, numbers, step, Z, G)
    else:
        _tiled_step(levels, numbers, step, Z)


descent_step_threaded = descent_step


def _tiled_step(levels, numbers, step, Z):
    """A step on minibatches that are read tile by tile, for the residuals and for the step."""
    V, *_, d, g, C = step
    stride = padded(g * C)
    sides, data, m = [], [], 0
    for ((matrix,), labels, given, _), rows, _ in levels:
        sides += matrix, labels, given, rows, rows.size
        data += matrix, rows, rows.size
        m += rows.size
    arguments = *sides, *numbers, V, Z, stride, d, g, C
    launch_tiles(-(-m // ROWS) * g, d, "dense.residuals", (V.dtype,), *arguments)
    launch_columns(g * C, d, "dense.update", (V.dtype,), *data, Z, stride, *step)


def _large_step(levels, numbers, step, Z, G):
    """A step on minibatches that are copied and multiplied by cuBLAS."""
    import cupy

    V, *_, d, g, C = step
    width, types = g * C, (V.dtype,)
    W, G = V.reshape(width, d), G.reshape(2, width, d)
    m = sum(rows.size for _, rows, _ in levels)
    copies = scratch(m * d * V.itemsize // 8 + 1).view(V.dtype)
    sides, factors, at = [], [], 0
    for ((matrix,), labels, given, _), rows, block in levels:
        after = at + rows.size
        X, chosen = matrix, None
        # A block of all rows: in which order does not matter, so they stay in that of the matrix.
        if block < 0 or rows.size < matrix.shape[0]:
            X, chosen = copies[at * d : after * d].reshape(-1, d), rows
            # A warp a row.
            launch_over(WARP * rows.size, "dense.gather", types, matrix, rows, X, rows.size, d)
        logits = Z[at * width : after * width].reshape(-1, width)
        if rows.size:
            cupy.matmul(X, W.T, out=logits)
            factors.append((logits.T, X))
        sides += labels, given, chosen, rows.size
        at = after
    arguments = *sides, *numbers, Z, g
    launch_teams(m * g, C, "dense.residuals_of_logits", types, *arguments)
    for out, (residuals, X) in zip(G, factors, strict=False):
        cupy.matmul(residuals, X, out=out)
    launch_over(V.size, "dense.step", types, G, len(factors), *step)


_descend_step_by_step = make_descend(draw, sys.modules[__name__], False)


@functools.cache
def _multiprocessors(cupy, device):
    return cupy.cuda.Device(device).attributes["MultiProcessorCount"]


def descend(
    train, sampler_g, val, sampler_f, x, weights, penalty, lr,
    Y, scale, work, g, C, width, kind, shift, n_threads, steps, first_step, independent,
):  # fmt: skip
    import cupy

    (batch_g, batch_f), d = (sampler_g[4], sampler_f[4]), train[0][0].shape[1]
    if max(batch_g, batch_f) > MOST_TILED:
        _descend_step_by_step(
            *(train, sampler_g, val, sampler_f, x, weights, penalty, lr, Y, scale, work, g, C),
            *(width, kind, shift, n_threads, steps, first_step, independent),
        )
        return
    capacity, stride, types = batch_g + batch_f, padded(width), (Y.dtype,)
    tiles, columns = -(-capacity // ROWS), -(-width // COLUMNS) * -(-d // WARP)
    levels = *_level(train, sampler_g), *_level(val, sampler_f)
    device = _multiprocessors(cupy, cupy.cuda.Device().id)
    at_once = TABLE_SIZE // g
    for first in range(0, Y.shape[0], at_once):
        after = min(Y.shape[0], first + at_once)
        groups = after - first
        residuals = groups * capacity * stride * Y.itemsize // 8 + 1
        listed = 2 * groups * (capacity + 2)
        memory = scratch(residuals + listed)
        Z, rows = memory[listed:].view(Y.dtype), memory[:listed].view(np.int64)
        warps = crew_size(groups * g * tiles, d)
        blocks = max(-(-groups * g * tiles * warps // WARPS), groups * columns)
        blocks = 1 if blocks <= FEW_BLOCKS else min(blocks, device)
        arguments = (
            *(*levels, x, x.size, table(weights[first:after]), penalty, penalty.size),
            *(table(lr[first:after]), Y[first:after], Z, rows, stride, d, g, C, int(kind)),
            *(*shift_arguments(shift), int(steps), int(first_step), int(independent), first),
            *(groups, warps),
        )
        launch("dense_descent.descend", types, blocks, THREADS, *arguments, cooperative=True)


descend_threaded = descend


def _level(side, sampler):
    """Data of a level, and its sampler without the buffer: rows are drawn in the kernel."""
    (matrix,), labels, given, _ = side
    order, _, *numbers = sampler
    return matrix, labels, given, order, *map(int, numbers)


def flush(V, scale, width):
    pass
