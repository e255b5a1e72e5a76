"""Numba twin of `kernels.reference.dense_curvature`.

The data are gone through panel by panel as in the dense family: logits of y and v together, their
derivatives, and the sums over the samples, while the data of the panel are in the second-level
cache. Linear steps take y and v apart, since y has the same logits in all of them: what they need
of it is remembered, block by block.
"""

from __future__ import annotations

import numpy as np

from ..layout_dense import PANEL, STRIP
from ..reference.csr_curvature import SOLVE, SUM
from .class_differences import class_differences, set_gradient, take_step
from .dense import samples_of_panel
from .jit import build, kernel
from .lane_curvature import lane_curvature, lane_derivatives, lane_probabilities
from .lane_residuals import lane_residuals
from .panel_products import panel_gradient, panel_logits
from .small_blocks import block_gradient, block_logits
from .weights import row_coefficients


@kernel(constants=("C",))
def _list_samples(side, rows, block, work, C):
    """Address and label of all samples; whether they are read as tiles instead."""
    (matrix,), classes, _, (tiles,) = side
    addresses, labels, coefficients, _, _, sums, _ = work
    base, row_bytes = matrix.ctypes.data, matrix.shape[1] * matrix.itemsize
    for r in range(rows.size):
        labels[r] = classes[rows[r]]
        addresses[r] = base + rows[r] * row_bytes
    # Samples that only fill a tile have no weight.
    for r in range(rows.size, -(-rows.size // PANEL) * PANEL):
        coefficients[r] = 0.0
    for i in range(sums.size):
        sums[i] = 0.0
    return C == 2 and block >= 0 and tiles.size > 0


@kernel(constants=("g", "C"))
def _set(penalty, V, gradient, out, d, g, C):
    """``out <- e V + G``."""
    if penalty.size == 0:
        set_gradient(V, d, penalty, 0, gradient, out, g, C)
    elif penalty.size == 1:
        set_gradient(V, d, penalty, 1, gradient, out, g, C)
    else:
        set_gradient(V, d, penalty, 2, gradient, out, g, C)


@kernel(constants=("C",))
def gradient(side, rows, block, x, y, penalty, out, work, C, kind, shift):
    addresses, labels, coefficients, _, differences, sums, Z = work
    matrix, tiles, m = side[0][0], side[3][0], rows.size
    d = matrix.shape[1]
    class_differences(y, d, differences, 1, C)
    row_coefficients(kind, x, shift, side[2], rows, 1.0 / m, coefficients)
    if _list_samples(side, rows, block, work, C):
        for part in range(-(-m // PANEL)):
            block_logits(tiles, block, part, differences, Z, 1)
            for at in range(0, PANEL, STRIP):
                lane_residuals(Z, at, labels, coefficients, part * PANEL + at, 0, 1, C)
            block_gradient(tiles, block, part, Z, sums, 1)
    else:
        panel = samples_of_panel(d * matrix.itemsize)
        for first in range(0, m, panel):
            after = min(m, first + panel)
            panel_logits(addresses, first, after, m, d, differences, Z, 0, 1, C)
            for sample in range(first, after, STRIP):
                lane_residuals(Z, sample - first, labels, coefficients, sample, 0, 1, C)
            panel_gradient(addresses, first, after, m, 0, d, d, Z, 0, sums, 1, C)
    _set(penalty, y, sums, out, d, 1, C)


def _build_sweep(skipped, summed):
    """Derivatives of all samples at y along v, and slopes; sums of residuals, curvatures or both.

    The sums begin with column group `skipped`, 0 for residuals and 1 for curvatures; `summed` of
    them are taken.
    """

    def sweep(side, rows, block, Y, work, C):
        addresses, labels, coefficients, slopes, differences, sums, Z = work
        matrix, tiles, m = side[0][0], side[3][0], rows.size
        d = matrix.shape[1]
        class_differences(Y.reshape(Y.size), d, differences, 2, C)
        if _list_samples(side, rows, block, work, C):
            for part in range(-(-m // PANEL)):
                block_logits(tiles, block, part, differences, Z, 2)
                for at in range(0, PANEL, STRIP):
                    lane_derivatives(Z, at, labels, coefficients, part * PANEL + at, slopes, C)
                if summed:
                    block_gradient(tiles, block, part, Z[skipped * PANEL :], sums, summed)
        else:
            panel, start = samples_of_panel(d * matrix.itemsize), skipped * (C - 1) * PANEL
            for first in range(0, m, panel):
                after = min(m, first + panel)
                panel_logits(addresses, first, after, m, d, differences, Z, 0, 2, C)
                for sample in range(first, after, STRIP):
                    lane_derivatives(Z, sample - first, labels, coefficients, sample, slopes, C)
                if summed:
                    panel_gradient(addresses, first, after, m, 0, d, d, Z, start, sums, summed, C)

    return build(sweep, constants=("C",))


@kernel
def _copy(source, target, count):
    for r in range(count):
        target[r] = source[r]


_slopes, _curvatures, _both = _build_sweep(0, 0), _build_sweep(1, 1), _build_sweep(0, 2)


@kernel(constants=("C",))
def product(side, rows, block, x, Y, penalty, out, work, C, kind, shift):
    coefficients, sums = work[2], work[5]
    row_coefficients(kind, x, shift, side[2], rows, 1.0 / rows.size, coefficients)
    _curvatures(side, rows, block, Y, work, C)
    _set(penalty, Y[1], sums, out, side[0][0].shape[1], 1, C)


@kernel(constants=("C",))
def directional(side, rows, block, Y, cross, work, C):
    _slopes(side, rows, block, Y, work, C)
    _copy(work[3], cross, rows.size)


@kernel(constants=("C",))
def derivatives(side, rows, block, x, Y, penalty, G, cross, work, C, kind, shift):
    coefficients, sums = work[2], work[5]
    row_coefficients(kind, x, shift, side[2], rows, 1.0 / rows.size, coefficients)
    _both(side, rows, block, Y, work, C)
    _copy(work[3], cross, rows.size)
    d = side[0][0].shape[1]
    _set(penalty, Y.reshape(Y.size), sums, G.reshape(G.size), d, 2, C)


@kernel(constants=("C",))
def linear_step(
    side, rows, block, x, Y, penalty, b, total, lr, mode, step, done, memory, work, C, kind, shift
):  # fmt: skip
    addresses, _, coefficients, _, differences, sums, U = work
    P, known, of_y = memory
    matrix, tiles, m, V = side[0][0], side[3][0], rows.size, Y[1]
    d = matrix.shape[1]
    of_v = differences[: of_y.size]
    if step == 0:
        known[:] = 0
        class_differences(Y[0], d, of_y, 1, C)
    class_differences(V, d, of_v, 1, C)
    row_coefficients(kind, x, shift, side[2], rows, 1.0 / m, coefficients)
    tiled = _list_samples(side, rows, block, work, C)
    panel = PANEL if tiled else samples_of_panel(d * matrix.itemsize)
    place, remembered = np.int64(0), False
    if block >= 0 and known.size > 0:
        place, remembered = block * (P.size // known.size), known[block] != 0
        known[block] = 1
    for first in range(0, m, panel):
        after, part = min(m, first + panel), first // PANEL
        if tiled:
            block_logits(tiles, block, part, of_v, U, 1)
            if not remembered:
                block_logits(tiles, block, part, of_y, P[place:], 1)
            after = first + PANEL
        else:
            panel_logits(addresses, first, after, m, d, of_v, U, 0, 1, C)
            if not remembered:
                panel_logits(addresses, first, after, m, d, of_y, P, place, 1, C)
        for at in range(0, after - first, STRIP):
            if not remembered:
                lane_probabilities(P, place + at, C)
            lane_curvature(U, at, P, place + at, coefficients, first + at, C)
        if tiled:
            block_gradient(tiles, block, part, U, sums, 1)
        else:
            panel_gradient(addresses, first, after, m, 0, d, d, U, 0, sums, 1, C)
        place += (C - 1) * PANEL
    if penalty.size == 1:
        take_step(V, 0, d, d, penalty, 1, lr, sums, 1, C)
    else:
        take_step(V, 0, d, d, penalty, 0, lr, sums, 1, C)
    if mode == SOLVE:
        for i in range(V.size):
            V[i] += lr * b[i]
    if mode == SUM:
        for i in range(V.size):
            total[i] += V[i]


@kernel
def finish(Y, penalty, b, total, lr, mode, steps, done, memory, C):
    pass
