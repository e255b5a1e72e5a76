"""Numba twin of `kernels.reference.csr_curvature`.

As in the csr family, the forward pass runs by rows and the backward pass by features over copies of
the block; other minibatches are read at their places in the data and added row by row. The logits
of y and v are gathered row by row in turns, so that a row of data is read from memory once.

Linear steps remember the probabilities at y of every block that they have met since y changed.
"""

from __future__ import annotations

import numpy as np

from ..reference.csr_curvature import SOLVE, SUM
from . import softmax
from .csr import CHUNK, FEATURES_AHEAD, ROWS_AHEAD
from .jit import kernel
from .simd_curvature import add_row, probability_curvature, set_row
from .simd_rows import accumulate, gather, prefetch_row, prefetch_stream, scatter
from .simd_softmax import softmax as softmax_row
from .weights import row_coefficients


@kernel(inline=True)
def _rows_of(side, block):
    """Pointers, features and values by rows, and the number of the block's first row there.

    It is -1 for minibatches that are no blocks: their rows are at their own numbers.
    """
    (indptr, indices, values), _, _, copies = side
    if block >= 0:
        return copies[6], copies[7], copies[8], copies[5][block]
    return indptr, indices, values, np.int64(-1)


@kernel(constants=("C",))
def _gather_one(side, rows, block, V, Z, at, C):
    """Logits of a minibatch at V, into Z from entry `at` on."""
    pointer, indices, values, first = _rows_of(side, block)
    last = indices.size - 1
    for r in range(rows.size):
        soon = min(r + ROWS_AHEAD, rows.size - 1)
        i, ahead = (rows[r], rows[soon]) if first < 0 else (first + r, first + soon)
        prefetch_stream(indices, pointer[ahead], pointer[ahead + 1])
        prefetch_stream(values, pointer[ahead], pointer[ahead + 1])
        start, stop = pointer[i], pointer[i + 1]
        gather(indices, values, values, V, start, stop, last, Z, at + r * C, 1, C, 0)


@kernel(constants=("C",))
def _gather_two(side, rows, block, V, W, Z, at, U, C):
    """Logits of a minibatch at V, into Z from entry `at` on, and at W, into U."""
    pointer, indices, values, first = _rows_of(side, block)
    last = indices.size - 1
    for r in range(rows.size):
        soon = min(r + ROWS_AHEAD, rows.size - 1)
        i, ahead = (rows[r], rows[soon]) if first < 0 else (first + r, first + soon)
        prefetch_stream(indices, pointer[ahead], pointer[ahead + 1])
        prefetch_stream(values, pointer[ahead], pointer[ahead + 1])
        start, stop = pointer[i], pointer[i + 1]
        gather(indices, values, values, V, start, stop, last, Z, at + r * C, 1, C, 0)
        gather(indices, values, values, W, start, stop, last, U, r * C, 1, C, 0)


@kernel(constants=("C",))
def _add_backward(side, rows, block, Z, G, C):
    """``G += X[rows]^T Z``."""
    (indptr, indices, values), _, _, copies = side
    one = values.dtype.type(1.0)
    if block < 0:
        for r in range(rows.size):
            start, stop = indptr[rows[r]], indptr[rows[r] + 1]
            scatter(indices, values, values, Z, r * C, start, stop, G, one, 1, C, 0)
        return
    starts, features, pointer, local_row, entries = copies[:5]
    start, stop = starts[block], starts[block + 1]
    for c in range(start, stop):
        if (c - start) % CHUNK == 0:
            soon, later = pointer[min(c + CHUNK, stop)], pointer[min(c + 2 * CHUNK, stop)]
            prefetch_stream(local_row, soon, later)
            prefetch_stream(entries, soon, later)
        prefetch_row(G, features[min(c + FEATURES_AHEAD, stop - 1)], 1, C)
        accumulate(local_row, entries, Z, pointer[c], pointer[c + 1], G, features[c], one, 1, C)


@kernel(constants=("C",))
def _set_penalty_gradient(penalty, V, out, C):
    """``out <- e V``."""
    if penalty.size == 0:
        out[:] = 0
    elif penalty.shape[1] == 1:
        for i in range(penalty.size):
            set_row(V, penalty[i, 0], out, i, C)
    else:
        of_entry = penalty.reshape(penalty.size)
        for at in range(out.size):
            out[at] = of_entry[at] * V[at]


@kernel(constants=("C",))
def gradient(side, rows, block, x, y, penalty, out, work, C, kind, shift):
    Z, coefficients, _ = work
    row_coefficients(kind, x, shift, side[2], rows, 1.0 / rows.size, coefficients)
    _gather_one(side, rows, block, y, Z, 0, C)
    for r in range(rows.size):
        c = Z.dtype.type(coefficients[r])
        softmax_row(Z, r * C, c, C)
        Z[r * C + side[1][rows[r]]] -= c
    _set_penalty_gradient(penalty, y, out, C)
    _add_backward(side, rows, block, Z, out, C)


@kernel(constants=("C",))
def _derivatives(side, rows, block, Y, cross, work, C):
    """Residuals of a minibatch in the first half of Z, curvatures in the second, and slopes."""
    Z, coefficients, _ = work
    half = rows.size * C
    _gather_two(side, rows, block, Y[0], Y[1], Z, 0, Z[half:], C)
    softmax.derivatives(Z, Z[half:], side[1], rows, coefficients, cross, C)


@kernel(constants=("C",))
def product(side, rows, block, x, Y, penalty, out, work, C, kind, shift):
    Z, coefficients, slopes = work
    row_coefficients(kind, x, shift, side[2], rows, 1.0 / rows.size, coefficients)
    _derivatives(side, rows, block, Y, slopes, work, C)
    _set_penalty_gradient(penalty, Y[1], out, C)
    _add_backward(side, rows, block, Z[rows.size * C :], out, C)


@kernel(constants=("C",))
def directional(side, rows, block, Y, cross, work, C):
    _derivatives(side, rows, block, Y, cross, work, C)


@kernel(constants=("C",))
def derivatives(side, rows, block, x, Y, penalty, G, cross, work, C, kind, shift):
    (Z, coefficients, _), half = work, rows.size * C
    row_coefficients(kind, x, shift, side[2], rows, 1.0 / rows.size, coefficients)
    _derivatives(side, rows, block, Y, cross, work, C)
    for j in range(2):
        _set_penalty_gradient(penalty, Y[j], G[j], C)
        _add_backward(side, rows, block, Z[j * half :], G[j], C)


@kernel(inline=True)
def _powers(keep, count):
    """``keep^count`` and ``keep + ... + keep^count``."""
    power, total = 1.0, 0.0
    for _ in range(count):
        power *= keep
        total += power
    return power, total


@kernel(constants=("C",))
def _catch_up(features, start, stop, step, mark, V, penalty, b, total, lr, mode, done, C):
    """Bring ``features[start:stop]`` of v and the total to where step number `step` begins.

    With `mark` their count becomes -1 until the step is done: they may be met again.
    """
    # One loop with everything in it: a call with arrays would cost more than the arithmetic.
    uniform = penalty.shape[1] == 1
    for k in range(start, stop):
        soon = features[min(k + FEATURES_AHEAD, stop - 1)]
        prefetch_row(V, soon, 1, C)
        if mode == SUM:
            prefetch_row(total, soon, 1, C)
        elif mode == SOLVE:
            prefetch_row(b, soon, 1, C)
        i = features[k]
        if done[i] < 0:
            continue
        passed, met = step - done[i], done[i] > 0
        if uniform:
            power, powers = _powers(1.0 - lr * penalty[i, 0], passed)
            if mode == SUM:
                add_row(V, powers + met, total, i, C)
            if passed:
                add_row(V, power - 1.0, V, i, C)
                if mode == SOLVE:
                    add_row(b, lr * (1.0 + powers - power), V, i, C)
        else:
            for at in range(i * C, (i + 1) * C):
                power, powers = _powers(1.0 - lr * penalty[i, at - i * C], passed)
                if mode == SUM:
                    total[at] += (powers + met) * V[at]
                V[at] *= power
                if mode == SOLVE:
                    V[at] += lr * (1.0 + powers - power) * b[at]
        if mark:
            done[i] = -1


@kernel(constants=("C",))
def _decay(features, start, stop, step, V, penalty, b, lr, mode, done, C):
    """What one step does to ``features[start:stop]`` of v apart from the data, where not done."""
    uniform = penalty.shape[1] == 1
    for k in range(start, stop):
        i = features[k]
        if done[i] == step + 1:
            continue
        if uniform:
            add_row(V, -lr * penalty[i, 0], V, i, C)
        else:
            for at in range(i * C, (i + 1) * C):
                V[at] -= lr * penalty[i, at - i * C] * V[at]
        if mode == SOLVE:
            add_row(b, lr, V, i, C)
        done[i] = step + 1


@kernel(constants=("C",))
def _descend_on_block(side, block, step, V, penalty, b, lr, mode, U, done, C):
    """The step itself, feature by feature: decay, and minus lr times the sum over the rows."""
    starts, features, pointer, local_row, entries = side[3][:5]
    uniform, minus = penalty.shape[1] == 1, entries.dtype.type(-lr)
    start, stop = starts[block], starts[block + 1]
    if not uniform:
        _decay(features, start, stop, step, V, penalty, b, lr, mode, done, C)
    for k in range(start, stop):
        if (k - start) % CHUNK == 0:
            soon, later = pointer[min(k + CHUNK, stop)], pointer[min(k + 2 * CHUNK, stop)]
            prefetch_stream(local_row, soon, later)
            prefetch_stream(entries, soon, later)
        prefetch_row(V, features[min(k + FEATURES_AHEAD, stop - 1)], 1, C)
        i = features[k]
        if uniform:
            add_row(V, -lr * penalty[i, 0], V, i, C)
            if mode == SOLVE:
                add_row(b, lr, V, i, C)
            done[i] = step + 1
        accumulate(local_row, entries, U, pointer[k], pointer[k + 1], V, i, minus, 1, C)


@kernel(constants=("C",))
def _descend_on_rows(side, rows, step, V, penalty, b, lr, mode, U, done, C):
    """The step itself, row by row: what is done to a feature is done when it is first met."""
    indptr, indices, values = side[0]
    minus = values.dtype.type(-lr)
    for r in range(rows.size):
        start, stop = indptr[rows[r]], indptr[rows[r] + 1]
        _decay(indices, start, stop, step, V, penalty, b, lr, mode, done, C)
        scatter(indices, values, values, U, r * C, start, stop, V, minus, 1, C, 0)


@kernel(constants=("C",))
def linear_step(
    side, rows, block, x, Y, penalty, b, total, lr, mode, step, done, memory, work, C, kind, shift
):  # fmt: skip
    P, known, _ = memory
    (U, coefficients, _), V = work, Y[1]
    row_coefficients(kind, x, shift, side[2], rows, 1.0 / rows.size, coefficients)
    if step == 0:
        known[:] = 0
    (indptr, indices, _), (starts, features) = side[0], side[3][:2]
    if block >= 0:
        first, last = starts[block], starts[block + 1]
        _catch_up(features, first, last, step, 0, V, penalty, b, total, lr, mode, done, C)
    else:
        for i in rows:
            first, last = indptr[i], indptr[i + 1]
            _catch_up(indices, first, last, step, 1, V, penalty, b, total, lr, mode, done, C)
    at, remembered = np.int64(0), False
    if block >= 0 and known.size > 0:
        at, remembered = side[3][5][block] * C, known[block] != 0
        known[block] = 1
    if remembered:
        _gather_one(side, rows, block, V, U, 0, C)
    else:
        _gather_two(side, rows, block, Y[0], V, P, at, U, C)
    for r in range(rows.size):
        if not remembered:
            softmax_row(P, at + r * C, P.dtype.type(1.0), C)
        c = U.dtype.type(coefficients[r])
        probability_curvature(P, at + r * C, U, r * C, c, C)
    if block >= 0:
        _descend_on_block(side, block, step, V, penalty, b, lr, mode, U, done, C)
    else:
        _descend_on_rows(side, rows, step, V, penalty, b, lr, mode, U, done, C)


@kernel(constants=("C",))
def finish(Y, penalty, b, total, lr, mode, steps, done, memory, C):
    every = memory[2]
    _catch_up(every, 0, done.size, steps, 0, Y[1], penalty, b, total, lr, mode, done, C)
    done[:] = 0
