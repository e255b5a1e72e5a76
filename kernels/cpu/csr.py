"""Numba twin of `kernels.reference.csr`.

The forward pass runs by rows of the data, the backward pass by features over the copy of the block
made by `layout_csr.build_blocks`: whoever owns a row or a feature is its only writer, so there are
no races and the result does not depend on the number of threads. Every pass is one parallel region
of its own. In particular the two blocks of a step may not share one: a feature of both blocks may
belong to different threads there.
"""

from __future__ import annotations

import numba
from numba import prange

from ..reference.csr import SMALLEST_SCALE
from ..reference.weights import NONE
from .jit import build, kernel
from .simd_rows import accumulate, gather, multiply_row, prefetch_row, prefetch_stream, scatter
from .simd_softmax import softmax
from .weights import row_weight

# How far ahead memory is asked for: rows of data in the forward pass, features and the rows of the
# iterate that they need in the backward pass. Measured; 4 to 16 are much alike.
ROWS_AHEAD = 4
FEATURES_AHEAD = 8
# Features whose block entries are asked for at a time.
CHUNK = 16
# What a feature costs in the backward pass beyond its entries, in entries.
FEATURE_COST = 3


@kernel
def forward(X, rows, V, Z, width):
    numba.literally(width)
    indptr, indices, values = X
    for r in range(rows.size):
        i = rows[r]
        gather(indices, values, values, V, indptr[i], indptr[i + 1], Z, r * width, 1, width, 0)


@kernel
def backward(X, rows, Z, scale, G, width):
    numba.literally(width)
    indptr, indices, values = X
    factor = values.dtype.type(scale)
    for r in range(rows.size):
        i = rows[r]
        scatter(
            indices,
            values,
            values,
            Z,
            r * width,
            indptr[i],
            indptr[i + 1],
            G,
            factor,
            1,
            width,
            0,
        )


@kernel
def flush(V, scale, width):
    numba.literally(width)
    for i in range(scale.size):
        multiply_row(V, i, scale[i], 1, width)
        scale[i] = 1.0


@kernel
def _next_scale(penalty, lr, scale, factors, inverse):
    """Multiply the scale by 1 - lr e, note the old one, count rows that must take it over."""
    small = 0
    rate = factors.dtype.type(lr)
    for i in range(scale.size):
        factors[i] = scale[i]
        scale[i] *= 1.0 - lr * penalty[i]
        inverse[i] = rate / factors.dtype.type(scale[i])
        if not scale[i] > SMALLEST_SCALE:
            small += 1
    return small


@kernel
def _keep_scale(lr, scale, factors, inverse):
    """What `_next_scale` does where the scale stays as it is."""
    rate = factors.dtype.type(lr)
    for i in range(scale.size):
        factors[i] = scale[i]
        inverse[i] = rate / factors.dtype.type(scale[i])


@kernel
def _take_over(V, scale, lr, inverse, g, C):
    """Rows whose scale is too small take it over."""
    numba.literally(g)
    numba.literally(C)
    for i in range(scale.size):
        if not scale[i] > SMALLEST_SCALE:
            multiply_row(V, i, scale[i], g, C)
            scale[i] = 1.0
            inverse[i] = lr


@kernel
def _decay(penalty, lr, V, g, C, start, stop):
    """Decay in place, one penalty per feature and class."""
    numba.literally(g)
    numba.literally(C)
    for i in range(start, stop):
        for j in range(g):
            for c in range(C):
                at = (i * g + j) * C + c
                V[at] -= lr * penalty[i, c] * V[at]


@kernel
def _residuals(side, rows, start, stop, x, kind, shift, weights, weighted, V, factors, Z, g, C):
    """Weighted residuals of some rows of a minibatch at all offsets, divided by its size."""
    numba.literally(g)
    numba.literally(C)
    (indptr, indices, values), labels, given, _ = side
    for r in range(start, stop):
        i = rows[r]
        ahead = rows[min(r + ROWS_AHEAD, stop - 1)]
        for k in range(indptr[ahead], indptr[ahead + 1], 16):
            prefetch_stream(indices, k)
            prefetch_stream(values, k)
        first = r * g * C
        gather(indices, values, factors, V, indptr[i], indptr[i + 1], Z, first, g, C, 1)
        value = x[i] if kind != NONE else x.dtype.type(0)
        coefficient = given[i] * row_weight(kind, value, shift, x.size) / rows.size
        for j in range(g):
            c = Z.dtype.type(coefficient * weights[j] if weighted else coefficient)
            softmax(Z, first + j * C, c, C)
            Z[first + j * C + labels[i]] -= c


@kernel
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


@kernel
def _step_by_features(blocks, block, part, parts, Z, V, inverse, g, C):
    """Subtract the gradient of one block, for one part of its features."""
    numba.literally(g)
    numba.literally(C)
    starts, features, pointer, local_row, values = blocks
    start = _cut(pointer, starts[block], starts[block + 1], part, parts)
    stop = _cut(pointer, starts[block], starts[block + 1], part + 1, parts)
    for c in range(start, stop):
        if (c - start) % CHUNK == 0:
            first = pointer[min(c + CHUNK, stop)]
            for k in range(first, pointer[min(c + 2 * CHUNK, stop)], 16):
                prefetch_stream(local_row, k)
                prefetch_stream(values, k)
        prefetch_row(V, features[min(c + FEATURES_AHEAD, stop - 1)], g, C)
        i = features[c]
        accumulate(local_row, values, Z, pointer[c], pointer[c + 1], V, i, -inverse[i], g, C)


@kernel
def _step_by_rows(X, rows, Z, V, inverse, g, C):
    """Subtract the gradient of any rows."""
    numba.literally(g)
    numba.literally(C)
    indptr, indices, values = X
    for r in range(rows.size):
        i = rows[r]
        scatter(
            indices,
            values,
            inverse,
            Z,
            r * g * C,
            indptr[i],
            indptr[i + 1],
            V,
            Z.dtype.type(-1.0),
            g,
            C,
            1,
        )


def _build_descent_step(threaded):
    def descent_step(
        train,
        rows_g,
        block_g,
        val,
        rows_f,
        block_f,
        x,
        weights,
        penalty,
        lr,
        V,
        scale,
        work,
        g,
        C,
        kind,
        shift,
        n_threads,
    ):
        numba.literally(g)
        numba.literally(C)
        parts = n_threads if threaded else 1
        Z_g, Z_f, factors, inverse = work
        d, m_g, m_f = scale.size, rows_g.size, rows_f.size
        lazy = penalty.shape[1] == 1
        rate = V.dtype.type(lr)
        flat = penalty.reshape(penalty.size)

        small = 0
        for t in prange(parts):
            a, b = d * t // parts, d * (t + 1) // parts
            if lazy:
                small += _next_scale(flat[a:b], lr, scale[a:b], factors[a:b], inverse[a:b])
            else:
                _keep_scale(lr, scale[a:b], factors[a:b], inverse[a:b])
        for t in prange(parts):
            _residuals(
                train,
                rows_g,
                m_g * t // parts,
                m_g * (t + 1) // parts,
                x,
                kind,
                shift,
                weights,
                False,
                V,
                factors,
                Z_g,
                g,
                C,
            )
            _residuals(
                val,
                rows_f,
                m_f * t // parts,
                m_f * (t + 1) // parts,
                x,
                NONE,
                0.0,
                weights,
                True,
                V,
                factors,
                Z_f,
                g,
                C,
            )
        if small:
            _take_over(V, scale, rate, inverse, g, C)
        if not lazy:
            for t in prange(parts):
                _decay(penalty, lr, V, g, C, d * t // parts, d * (t + 1) // parts)
        if block_g >= 0:
            for t in prange(parts):
                _step_by_features(train[3], block_g, t, parts, Z_g, V, inverse, g, C)
        else:
            _step_by_rows(train[0], rows_g, Z_g, V, inverse, g, C)
        if block_f >= 0:
            for t in prange(parts):
                _step_by_features(val[3], block_f, t, parts, Z_f, V, inverse, g, C)
        else:
            _step_by_rows(val[0], rows_f, Z_f, V, inverse, g, C)

    return build(descent_step, threaded)


descent_step = _build_descent_step(False)
descent_step_threaded = _build_descent_step(True)
