"""Numba twin of `kernels.reference.csr`.

The forward pass runs by rows, the backward pass by features, both over copies of the block made by
`layout_csr.build_blocks`: whoever owns a row or a feature is its only writer, so there are no races
and the result does not depend on the number of threads. Every pass is a parallel region of its own.
In particular the backward passes of the two blocks of a step may not share one: a feature of both
blocks may belong to different threads there.

Minibatches that are no fixed blocks are read at their places in the data, and their backward pass
adds row by row, on one thread.
"""

from __future__ import annotations

import sys

import numpy as np
from numba import prange

from ..descent import make_descend
from ..reference.csr import SMALLEST_SCALE
from ..reference.weights import NONE
from . import draw
from .jit import build, kernel
from .simd_rows import accumulate, gather, multiply_row, prefetch_row, prefetch_stream, scatter
from .simd_softmax import softmax
from .weights import row_coefficients

# How far ahead memory is asked for: rows of data in the forward pass, features and the rows of the
# iterate that they need in the backward pass. Measured; 4 to 16 are much alike.
ROWS_AHEAD = 4
FEATURES_AHEAD = 8
# Features whose block entries are asked for at a time.
CHUNK = 16
# What a feature costs in the backward pass beyond its entries, in entries.
FEATURE_COST = 3


@kernel(constants=("width",))
def forward(X, rows, V, Z, width):
    indptr, indices, values = X
    last = indices.size - 1
    for r in range(rows.size):
        start, stop = indptr[rows[r]], indptr[rows[r] + 1]
        gather(indices, values, values, V, start, stop, last, Z, r * width, 1, width, 0)


@kernel(constants=("width",))
def backward(X, rows, Z, scale, G, width):
    indptr, indices, values = X
    factor = values.dtype.type(scale)
    for r in range(rows.size):
        start, stop = indptr[rows[r]], indptr[rows[r] + 1]
        scatter(indices, values, values, Z, r * width, start, stop, G, factor, 1, width, 0)


@kernel(constants=("width",))
def flush(V, scale, width):
    for i in range(scale.size):
        multiply_row(V, i, scale[i], 1, width)
        scale[i] = 1.0


@kernel
def _next_scale(penalty, lr, lazy, scale, factors, inverse):
    """Note the scale, multiply it by 1 - lr e, count the rows that must take it over.

    It stays as it is if the decay is not `lazy`.
    """
    small = 0
    rate = factors.dtype.type(lr)
    for i in range(scale.size):
        factors[i] = scale[i]
        if lazy:
            scale[i] *= 1.0 - lr * penalty[i]
        inverse[i] = rate / factors.dtype.type(scale[i])
        if not scale[i] > SMALLEST_SCALE:
            small += 1
    return small


@kernel(constants=("g", "C"))
def _take_over(V, scale, lr, inverse, g, C):
    """Rows whose scale is too small take it over."""
    for i in range(scale.size):
        if not scale[i] > SMALLEST_SCALE:
            multiply_row(V, i, scale[i], g, C)
            scale[i] = 1.0
            inverse[i] = lr


@kernel(constants=("g", "C"))
def _decay(penalty, lr, V, g, C, start, stop):
    """Decay in place, one penalty per feature and class."""
    for i in range(start, stop):
        for j in range(g):
            for c in range(C):
                at = (i * g + j) * C + c
                V[at] -= lr * penalty[i, c] * V[at]


@kernel(constants=("g", "C"))
def _residuals(
    indptr, indices, values, first, labels, rows, coefficients, weights, V, factors, Z, g, C
):
    """Residuals of a minibatch at all offsets, ``c_r w_j (softmax(X[r] W_j) - e_y)``.

    The rows lie at `first` and behind it; each at its own number if `first` is negative.
    """
    last = indices.size - 1
    for r in range(rows.size):
        soon = min(r + ROWS_AHEAD, rows.size - 1)
        i, ahead = (rows[r], rows[soon]) if first < 0 else (first + r, first + soon)
        prefetch_stream(indices, indptr[ahead], indptr[ahead + 1])
        prefetch_stream(values, indptr[ahead], indptr[ahead + 1])
        at = r * g * C
        gather(indices, values, factors, V, indptr[i], indptr[i + 1], last, Z, at, g, C, 1)
        label = labels[rows[r]]
        for j in range(g):
            coefficient = Z.dtype.type(coefficients[r] * weights[j])
            softmax(Z, at + j * C, coefficient, C)
            Z[at + j * C + label] -= coefficient


@kernel(inline=True)
def _cut(pointer, start, stop, part, parts):
    """Where part `part` of `parts` of the features start..stop-1 begins, of about equal cost."""
    if part == 0 or part == parts:
        return start if part == 0 else stop
    origin = pointer[start] + FEATURE_COST * start
    goal = origin + (pointer[stop] + FEATURE_COST * stop - origin) * part // parts
    low, high = start, stop
    while low < high:
        middle = (low + high) // 2
        if pointer[middle] + FEATURE_COST * middle < goal:
            low = middle + 1
        else:
            high = middle
    return low


@kernel(constants=("g", "C"))
def _step_by_features(
    starts, features, pointer, local_row, values, block, part, parts, Z, V, inverse, g, C
):
    """Subtract the gradient of one block, for one part of its features."""
    start = _cut(pointer, starts[block], starts[block + 1], part, parts)
    stop = _cut(pointer, starts[block], starts[block + 1], part + 1, parts)
    for c in range(start, stop):
        if (c - start) % CHUNK == 0:
            soon, later = pointer[min(c + CHUNK, stop)], pointer[min(c + 2 * CHUNK, stop)]
            prefetch_stream(local_row, soon, later)
            prefetch_stream(values, soon, later)
        prefetch_row(V, features[min(c + FEATURES_AHEAD, stop - 1)], g, C)
        i = features[c]
        accumulate(local_row, values, Z, pointer[c], pointer[c + 1], V, i, -inverse[i], g, C)


@kernel(constants=("g", "C"))
def _step_by_rows(indptr, indices, values, rows, Z, V, inverse, g, C):
    """Subtract the gradient of any rows."""
    minus = Z.dtype.type(-1.0)
    for r in range(rows.size):
        start, stop = indptr[rows[r]], indptr[rows[r] + 1]
        scatter(indices, values, inverse, Z, r * g * C, start, stop, V, minus, g, C, 1)


def _build_descent_step(threaded):
    def descent_step(
        train, rows_g, block_g, val, rows_f, block_f, x, weights, penalty, lr,
        V, scale, work, g, C, kind, shift, n_threads,
    ):  # fmt: skip
        # Both levels have the same types, so one copy of the code serves them.
        sides, batches, blocks = (train, val), (rows_g, rows_f), (block_g, block_f)
        (Z_g, Z_f), (c_g, c_f), offset_weights, factors, inverse = work
        logits, coefficients = (Z_g, Z_f), (c_g, c_f)
        parts = n_threads if threaded else 1
        lazy = penalty.shape[1] == 1
        for j in range(g):
            offset_weights[0, j] = 1.0
            offset_weights[1, j] = weights[j]
        small = _next_scale(penalty.reshape(penalty.size), lr, lazy, scale, factors, inverse)
        for s in range(2):
            (indptr, indices, values), labels, given, copies = sides[s]
            rows, Z, c, w = batches[s], logits[s], coefficients[s], offset_weights[s]
            m, first = rows.size, np.int64(-1)
            if blocks[s] >= 0:
                first, indptr, indices, values = (
                    copies[5][blocks[s]],
                    copies[6],
                    copies[7],
                    copies[8],
                )
            row_coefficients(NONE if s else kind, x, shift, given, rows, 1.0 / m, c)
            for t in prange(parts):
                a, b = m * np.int64(t) // parts, m * np.int64(t + 1) // parts
                _residuals(
                    indptr, indices, values, first + a if first >= 0 else first, labels,
                    rows[a:b], c[a:b], w, V, factors, Z[a * g * C :], g, C,
                )  # fmt: skip
        if small:
            _take_over(V, scale, lr, inverse, g, C)
        if not lazy:
            d = scale.size
            for t in prange(parts):
                a, b = d * np.int64(t) // parts, d * np.int64(t + 1) // parts
                _decay(penalty, lr, V, g, C, a, b)
        for s in range(2):
            (indptr, indices, values), _, _, copies = sides[s]
            rows, block, Z = batches[s], blocks[s], logits[s]
            starts, features, pointer, local_row, entries = copies[:5]
            if rows.size == 0:
                continue
            if block < 0:
                _step_by_rows(indptr, indices, values, rows, Z, V, inverse, g, C)
            else:
                for t in prange(parts):
                    _step_by_features(
                        starts, features, pointer, local_row, entries, block, np.int64(t), parts,
                        Z, V, inverse, g, C,
                    )  # fmt: skip

    return build(descent_step, threaded)


descent_step = _build_descent_step(False)
descent_step_threaded = _build_descent_step(True)

descend = build(make_descend(draw, sys.modules[__name__], False))
descend_threaded = build(make_descend(draw, sys.modules[__name__], True))
