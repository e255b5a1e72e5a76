"""Numba twin of `kernels.reference.dense`.

`descent_step` lists the samples of both minibatches by address, and from there on does not
distinguish them. It goes through them by panels: logits, residuals, gradient, while the data of the
panel are in the second-level cache. The logits are cut by samples and the gradient by features, so
every number is summed by one thread, in the same order for any number of threads.

The tiles reach the speed of large matrix products for any width. NumPy's product of gathered rows
takes 2.5 times as long as a whole step for 20 columns and 1.2 times for 200 (784 features, batches
of 1,000, AVX-512); it gains on CPUs with 16 registers only, a sixth for 200 columns. So there is no
second way for wide problems.
"""

from __future__ import annotations

import sys

import numpy as np
from numba import prange

from ..descent import make_descend
from ..layout_dense import GROUP, PANEL, STRIP, UNIT, panel_samples
from ..reference.weights import NONE
from . import draw
from .class_differences import class_differences, take_step
from .jit import build, kernel
from .lane_residuals import lane_residuals
from .panel_products import add_gradient, logits_by_rows, panel_gradient, panel_logits
from .small_blocks import block_gradient, block_logits, prefetch_block
from .weights import row_weight

samples_of_panel = kernel(panel_samples)


@kernel(constants=("width",))
def forward(X, rows, V, Z, width):
    matrix = X[0]
    d = matrix.shape[1]
    logits_by_rows(rows, rows.size, matrix.ctypes.data, d * matrix.itemsize, d, V, Z, width)


@kernel(constants=("width",))
def backward(X, rows, Z, scale, G, width):
    matrix = X[0]
    d = matrix.shape[1]
    base, row_bytes = matrix.ctypes.data, d * matrix.itemsize
    factor, panel = matrix.dtype.type(scale), samples_of_panel(row_bytes)
    for first in range(0, rows.size, panel):
        stop = min(rows.size, first + panel)
        add_gradient(rows, first, stop, rows.size, base, row_bytes, d, Z, factor, G, width)


@kernel
def flush(V, scale, width):
    pass


@kernel(constants=("g", "C"))
def _differences(V, d, out, g, C):
    """Iterates relative to the last class."""
    class_differences(V, d, out, g, C)


@kernel(constants=("g", "C"))
def _take_step(V, first, after, d, penalty, lr, gradient, g, C):
    """Decay and the gradient, in some features."""
    if penalty.size == 1:
        take_step(V, first, after, d, penalty, 1, lr, gradient, g, C)
    else:
        take_step(V, first, after, d, penalty, 0, lr, gradient, g, C)


@kernel(constants=("g",))
def _add_tiles(tiles, block, size, sample, work, g):
    """Residuals and gradient of a block of two classes, which lies in tiles."""
    _, labels, coefficients, differences, gradient, Z, _ = work
    for part in range(-(-size // PANEL)):
        block_logits(tiles, block, part, differences, Z, g)
        for first in range(0, PANEL, STRIP):
            lane_residuals(Z, first, labels, coefficients, sample, coefficients.shape[1], g, 2)
            sample += STRIP
        block_gradient(tiles, block, part, Z, gradient, g)


@kernel(constants=("g", "C"))
def _residuals(work, panel, origin, first, stop, samples, d, g, C):
    """Residuals of the samples first..stop-1; the panels of Z begin with sample `origin`."""
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


@kernel(constants=("g", "C"))
def _gradient(work, panel, origin, stop, samples, feature, features, d, g, C):
    """Gradient of the samples origin..stop-1 in some features, panel by panel."""
    addresses, _, _, _, gradient, Z, _ = work
    at = 0
    for first in range(origin, stop, panel):
        after = min(stop, first + panel)
        panel_gradient(
            addresses, first, after, samples, feature, features, d, Z, at, gradient, g, C
        )
        at += g * (C - 1) * PANEL


@kernel(inline=True)
def _share(d, part, parts):
    """First feature of a thread, and the one after its last."""
    units = -(-d // UNIT)
    return units * part // parts * UNIT, min(d, units * (part + 1) // parts * UNIT)


def _build_descent_step(threaded):
    def descent_step(
        train, rows_g, block_g, val, rows_f, block_f, x, weights, penalty, lr,
        V, scale, work, g, C, kind, shift, n_threads,
    ):  # fmt: skip
        # Both levels have the same types, so one copy of the code serves them. Small steps take
        # about a microsecond: every call of a function that is given arrays would show.
        sides, batches, blocks = (train, val), (rows_g, rows_f), (block_g, block_f)
        addresses, labels, coefficients, differences, gradient, Z, factors = work
        # Parallel loops take tuples apart, and cannot take apart what lies at an address.
        arrays = addresses, labels, coefficients, differences, gradient, Z, factors
        d = train[0][0].shape[1]
        tiled = C == 2 and train[3][0].size > 0 and val[3][0].size > 0
        tiled = tiled and block_g >= 0 and block_f >= 0
        if tiled:
            for s in range(2):
                prefetch_block(sides[s][3][0], blocks[s], 0)
        _differences(V, d, differences, g, C)
        for i in range(gradient.size):
            gradient[i] = 0.0
        for j in range(g):
            factors[0, j] = 1.0
            factors[1, j] = weights[j]

        # Address, label and coefficients of all samples; those of a tile begin with a panel.
        samples = 0
        for s in range(2):
            (matrix,), classes, given, _ = sides[s]
            rows, row_bytes = batches[s], d * matrix.itemsize
            base, share = matrix.ctypes.data, 1.0 / max(1, rows.size)
            for r in range(rows.size):
                labels[samples + r] = classes[rows[r]]
                coefficients[0, samples + r] = share * given[rows[r]]
            if not tiled:
                for r in range(rows.size):
                    addresses[samples + r] = base + rows[r] * row_bytes
            after = samples + rows.size
            if s == 0 and kind != NONE:
                for r in range(rows.size):
                    coefficients[0, samples + r] *= row_weight(kind, x[rows[r]], shift, x.size)
            for j in range(g - 1, -1, -1):
                for at in range(samples, after):
                    coefficients[j, at] = factors[s, j] * coefficients[0, at]
            samples = after
            if tiled:
                samples = -(-after // PANEL) * PANEL
                # Samples that only fill a tile have no weight.
                for j in range(g):
                    for at in range(after, samples):
                        coefficients[j, at] = 0.0

        parts = n_threads if threaded else 1
        if tiled:
            sample = 0
            for s in range(2):
                size = batches[s].size
                _add_tiles(sides[s][3][0], blocks[s], size, sample, arrays, g)
                sample += -(-size // PANEL) * PANEL
        else:
            panel = samples_of_panel(d * V.itemsize)
            together = panel * GROUP if threaded else panel
            for origin in range(0, samples, together):
                stop = min(samples, origin + together)
                strips = -(-(stop - origin) // STRIP)
                # Numba joins neighbouring parallel loops of equal length into one, whatever their
                # calls write. These must not be: the gradient needs all residuals. So the first
                # has a length of its own.
                used = min(parts, strips)
                for t in prange(used):
                    # The index of a parallel loop is unsigned, and mixed arithmetic float64.
                    part = np.int64(t)
                    first = origin + strips * part // used * STRIP
                    after = min(stop, origin + strips * (part + 1) // used * STRIP)
                    _residuals(arrays, panel, origin, first, after, samples, d, g, C)
                for t in prange(parts):
                    first, after = _share(d, np.int64(t), parts)
                    _gradient(arrays, panel, origin, stop, samples, first, after, d, g, C)
        for t in prange(parts):
            first, after = _share(d, np.int64(t), parts)
            _take_step(V, first, after, d, penalty, lr, gradient, g, C)

    return build(descent_step, threaded)


descent_step = _build_descent_step(False)
descent_step_threaded = _build_descent_step(True)

descend = build(make_descend(draw, sys.modules[__name__], False))
descend_threaded = build(make_descend(draw, sys.modules[__name__], True))
