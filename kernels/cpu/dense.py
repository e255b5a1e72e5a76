"""Numba twin of `kernels.reference.dense`.

`descent_step` lists the samples of both minibatches by address, and from there on does not
distinguish them. It goes through them by panels: logits, residuals, gradient, while the data of the
panel are in the second-level cache. The logits are cut by samples and the gradient by features, so
every number is summed by one thread, in the same order for any number of threads.
"""

from __future__ import annotations

import numba
import numpy as np
from numba import prange

from ..layout_dense import GROUP, PANEL, PANEL_BYTES, STRIP, UNIT
from ..reference.weights import NONE
from .class_differences import class_differences, descend
from .jit import build, kernel
from .lane_residuals import lane_residuals
from .panel_products import add_gradient, logits_by_rows, panel_gradient, panel_logits
from .small_blocks import block_gradient, block_logits, prefetch_block
from .weights import row_weight


@kernel
def forward(X, rows, V, Z, width):
    numba.literally(width)
    matrix = X[0]
    d = matrix.shape[1]
    logits_by_rows(rows, rows.size, matrix.ctypes.data, d * matrix.itemsize, d, V, Z, width)


@kernel
def _panel(row_bytes):
    """Samples of a panel."""
    return max(STRIP, min(PANEL, PANEL_BYTES // row_bytes // STRIP * STRIP))


@kernel
def backward(X, rows, Z, scale, G, width):
    numba.literally(width)
    matrix = X[0]
    d = matrix.shape[1]
    base, row_bytes = matrix.ctypes.data, d * matrix.itemsize
    factor, panel = matrix.dtype.type(scale), _panel(row_bytes)
    for first in range(0, rows.size, panel):
        stop = min(rows.size, first + panel)
        add_gradient(rows, first, stop, rows.size, base, row_bytes, d, Z, factor, G, width)


@kernel
def flush(V, scale, width):
    pass


@kernel
def _note_addresses(X, rows, addresses, at):
    """Where the data of the samples of one level begin, from entry `at` on."""
    matrix = X[0]
    base, row_bytes = matrix.ctypes.data, matrix.shape[1] * matrix.itemsize
    for r in range(rows.size):
        addresses[at + r] = base + rows[r] * row_bytes


@kernel
def _note_samples(side, rows, x, kind, shift, factors, work, at):
    """Label and coefficient ``factor_j r_i s(x_i)/m`` of the samples of one level, from `at` on."""
    labels, given = side[1], side[2]
    noted, coefficients = work[1], work[2]
    share = 1.0 / max(1, rows.size)
    for r in range(rows.size):
        i = rows[r]
        noted[at + r] = labels[i]
        coefficients[0, at + r] = share * given[i]
    if kind != NONE:
        for r in range(rows.size):
            coefficients[0, at + r] *= row_weight(kind, x[rows[r]], shift, x.size)
    for j in range(coefficients.shape[0] - 1, -1, -1):
        for r in range(at, at + rows.size):
            coefficients[j, r] = factors[j] * coefficients[0, r]


@kernel
def _residuals(work, panel, origin, first, stop, samples, d, g, C):
    """Residuals of the samples first..stop-1; the panels of Z begin with sample `origin`."""
    numba.literally(g)
    numba.literally(C)
    addresses, labels, coefficients, differences, _, Z, _ = work
    stride = coefficients.shape[1]
    while first < stop:
        # Up to the end of a panel.
        number, local = divmod(first - origin, panel)
        after = min(stop, first + panel - local)
        at = number * g * (C - 1) * PANEL + local
        panel_logits(addresses, first, after, samples, d, differences, Z, at, g, C)
        for sample in range(first, after, STRIP):
            place = at + sample - first
            lane_residuals(Z, place, labels, coefficients, sample, stride, g, C)
        first = after


@kernel
def _gradient(work, panel, origin, stop, samples, feature, features, d, g, C):
    """Gradient of the samples origin..stop-1 in some features, panel by panel."""
    numba.literally(g)
    numba.literally(C)
    addresses, _, _, _, gradient, Z, _ = work
    at = 0
    for first in range(origin, stop, panel):
        after = min(stop, first + panel)
        panel_gradient(
            addresses, first, after, samples, feature, features, d, Z, at, gradient, g, C
        )
        at += g * (C - 1) * PANEL


@kernel
def _share(d, part, parts):
    """First feature of a thread, and the one after its last."""
    units = -(-d // UNIT)
    return units * part // parts * UNIT, min(d, units * (part + 1) // parts * UNIT)


@kernel
def _add_block(side, rows, block, x, kind, shift, factors, work, g):
    """Add the gradient of a fixed block of two classes with few features."""
    numba.literally(g)
    tiles = side[3][0]
    _, labels, coefficients, differences, gradient, Z, _ = work
    _note_samples(side, rows, x, kind, shift, factors, work, np.int64(0))
    parts = -(-rows.size // PANEL)
    # Samples that only fill the last tile have no weight.
    coefficients[:, rows.size : parts * PANEL] = 0.0
    for part in range(parts):
        block_logits(tiles, block, part, differences, Z, g)
        for first in range(0, PANEL, STRIP):
            sample = part * PANEL + first
            lane_residuals(Z, first, labels, coefficients, sample, coefficients.shape[1], g, 2)
        block_gradient(tiles, block, part, Z, gradient, g)


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
        differences, gradient, ones = work[3], work[4], work[6]
        # Not literal numbers, for which the kernels below would be compiled once more.
        none, start = np.int64(NONE), np.int64(0)
        d = train[0][0].shape[1]
        panel = _panel(d * V.itemsize)
        together = panel * GROUP if threaded else panel
        class_differences(V, d, differences, g, C)
        gradient[:] = 0.0
        tiled = train[3][0].size > 0 and val[3][0].size > 0 and block_g >= 0 and block_f >= 0
        if C == 2 and tiled:
            prefetch_block(train[3][0], block_g, 0)
            prefetch_block(val[3][0], block_f, 0)
            _add_block(train, rows_g, block_g, x, kind, shift, ones, work, g)
            _add_block(val, rows_f, block_f, x, none, 0.0, weights, work, g)
        else:
            samples = rows_g.size + rows_f.size
            _note_addresses(train[0], rows_g, work[0], start)
            _note_addresses(val[0], rows_f, work[0], rows_g.size)
            _note_samples(train, rows_g, x, kind, shift, ones, work, start)
            _note_samples(val, rows_f, x, none, 0.0, weights, work, rows_g.size)
            for origin in range(0, samples, together):
                stop = min(samples, origin + together)
                strips = -(-(stop - origin) // STRIP)
                for t in prange(parts):
                    first = origin + strips * t // parts * STRIP
                    after = min(stop, origin + strips * (t + 1) // parts * STRIP)
                    _residuals(work, panel, origin, first, after, samples, d, g, C)
                for t in prange(parts):
                    first, after = _share(d, t, parts)
                    _gradient(work, panel, origin, stop, samples, first, after, d, g, C)
        for t in prange(parts):
            first, after = _share(d, t, parts)
            if penalty.size == 1:
                descend(V, first, after, d, penalty, 1, lr, gradient, g, C)
            else:
                descend(V, first, after, d, penalty, 0, lr, gradient, g, C)

    return build(descent_step, threaded)


descent_step = _build_descent_step(False)
descent_step_threaded = _build_descent_step(True)
