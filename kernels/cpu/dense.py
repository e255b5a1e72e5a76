"""Numba twin of `kernels.reference.dense`.

`descent_step` lists the samples of both minibatches by address, and from there on does not
distinguish them. It goes through them by panels: logits, residuals, gradient, while the data of the
panel are in the second-level cache. The logits are cut by samples and the gradient by features, so
every number is summed by one thread, in the same order for any number of threads.
"""

from __future__ import annotations

import numba
from numba import prange

from ..layout_dense import GROUP, PANEL, STRIP, UNIT
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
def backward(X, rows, Z, scale, G, width):
    numba.literally(width)
    matrix = X[0]
    d = matrix.shape[1]
    base, row_bytes = matrix.ctypes.data, d * matrix.itemsize
    factor = matrix.dtype.type(scale)
    for first in range(0, rows.size, PANEL):
        stop = min(rows.size, first + PANEL)
        add_gradient(rows, first, stop, rows.size, base, row_bytes, d, Z, factor, G, width)


@kernel
def flush(V, scale, width):
    pass


@kernel
def _list_samples(side, rows, x, kind, shift, weights, weighted, work, at):
    """Note address, label and coefficients of the samples of one level, from entry `at` on."""
    matrix, labels, given = side[0][0], side[1], side[2]
    addresses, noted, coefficients = work[0], work[1], work[2]
    base, row_bytes = matrix.ctypes.data, matrix.shape[1] * matrix.itemsize
    for r in range(rows.size):
        i = rows[r]
        addresses[at + r] = base + i * row_bytes
        noted[at + r] = labels[i]
        value = x[i] if kind != NONE else x.dtype.type(0)
        c = given[i] * row_weight(kind, value, shift, x.size) / rows.size
        for j in range(coefficients.shape[0]):
            coefficients[j, at + r] = c * weights[j] if weighted else c


@kernel
def _residuals(work, origin, first, stop, samples, d, g, C):
    """Residuals of the samples first..stop-1; the panels of Z begin with sample `origin`."""
    numba.literally(g)
    numba.literally(C)
    addresses, labels, coefficients, differences, _, Z = work
    stride = coefficients.shape[1]
    while first < stop:
        # Up to the end of a panel.
        local = first - origin
        after = min(stop, first + PANEL - local % PANEL)
        at = local // PANEL * (g * (C - 1) * PANEL) + local % PANEL
        panel_logits(addresses, first, after, samples, d, differences, Z, at, g, C)
        for sample in range(first, after, STRIP):
            place = at + sample - first
            lane_residuals(Z, place, labels, coefficients, sample, stride, g, C)
        first = after


@kernel
def _gradient(work, origin, stop, samples, feature, features, d, g, C):
    """Gradient of the samples origin..stop-1 in some features, panel by panel."""
    numba.literally(g)
    numba.literally(C)
    addresses, _, _, _, gradient, Z = work
    for first in range(origin, stop, PANEL):
        after = min(stop, first + PANEL)
        at = (first - origin) * (g * (C - 1))
        panel_gradient(
            addresses, first, after, samples, feature, features, d, Z, at, gradient, g, C
        )


@kernel
def _share(d, part, parts):
    """First feature of a thread, and the one after its last."""
    units = -(-d // UNIT)
    return units * part // parts * UNIT, min(d, units * (part + 1) // parts * UNIT)


@kernel
def _add_block(side, rows, block, x, kind, shift, weights, weighted, work, g):
    """Add the gradient of a fixed block of two classes with few features."""
    numba.literally(g)
    tiles = side[3][0]
    _, labels, coefficients, differences, gradient, Z = work
    _list_samples(side, rows, x, kind, shift, weights, weighted, work, 0)
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
        together = PANEL * GROUP if threaded else PANEL
        differences, gradient = work[3], work[4]
        d = train[0][0].shape[1]
        class_differences(V, d, differences, g, C)
        gradient[:] = 0.0
        tiled = train[3][0].size > 0 and val[3][0].size > 0 and block_g >= 0 and block_f >= 0
        if C == 2 and tiled:
            prefetch_block(val[3][0], block_f, 0)
            _add_block(train, rows_g, block_g, x, kind, shift, weights, False, work, g)
            _add_block(val, rows_f, block_f, x, NONE, 0.0, weights, True, work, g)
        else:
            samples = rows_g.size + rows_f.size
            _list_samples(train, rows_g, x, kind, shift, weights, False, work, 0)
            _list_samples(val, rows_f, x, NONE, 0.0, weights, True, work, rows_g.size)
            for origin in range(0, samples, together):
                stop = min(samples, origin + together)
                strips = -(-(stop - origin) // STRIP)
                for t in prange(parts):
                    first = origin + strips * t // parts * STRIP
                    after = min(stop, origin + strips * (t + 1) // parts * STRIP)
                    _residuals(work, origin, first, after, samples, d, g, C)
                for t in prange(parts):
                    first, after = _share(d, t, parts)
                    _gradient(work, origin, stop, samples, first, after, d, g, C)
        for t in prange(parts):
            first, after = _share(d, t, parts)
            if penalty.size == 1:
                descend(V, first, after, d, penalty, 1, lr, gradient, g, C)
            else:
                descend(V, first, after, d, penalty, 0, lr, gradient, g, C)

    return build(descent_step, threaded)


descent_step = _build_descent_step(False)
descent_step_threaded = _build_descent_step(True)
