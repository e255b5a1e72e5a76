"""Numba twin of `kernels.reference.chain`."""

from __future__ import annotations

import math

import numpy as np

from ..reference.chain import COIN_TAG, HALF_WIDTH, ROOT_HALF
from ..reference.draw import MASK
from .draw import philox, uniform
from .jit import kernel


@kernel(inline=True)
def _psi(t):
    if t <= 0.5:
        return 0.0
    w = 2 * t - 1
    return math.exp(1 - 1 / (w * w))


@kernel(inline=True)
def _psi_slope(t):
    if t <= 0.5:
        return 0.0
    w = 2 * t - 1
    return math.exp(1 - 1 / (w * w)) * 4 / (w * w * w)


@kernel(inline=True)
def _phi(t):
    return HALF_WIDTH * math.erfc(-t * ROOT_HALF)


@kernel
def carmon_value(x, height, scale, out):
    before, total = 1.0, 0.0
    for i in range(x.size):
        t = np.float64(x[i]) / scale
        # One of the two is zero, most often both: then no error function is needed.
        rise, fall = _psi(-before), _psi(before)
        if rise > 0:
            total += rise * _phi(-t)
        elif fall > 0:
            total -= fall * _phi(t)
        before = t
    out[0] = height * total


@kernel
def carmon_gradient(x, height, scale, out):
    factor = height / scale
    before = 1.0
    for i in range(x.size):
        t = np.float64(x[i]) / scale
        slope = 0.0
        weight = _psi(-before) + _psi(before)
        if weight > 0:
            slope -= weight * math.exp(0.5 * (1 - t * t))
        if i + 1 < x.size and abs(t) > 0.5:
            after = np.float64(x[i + 1]) / scale
            slope -= _psi_slope(abs(t)) * _phi(after if t > 0 else -after)
        out[i] = factor * slope
        before = t


@kernel(inline=True)
def coin(sample, probability, k0, k1):
    w0, w1, _, _ = philox(0, sample & MASK, (sample >> 32) & MASK, COIN_TAG, k0, k1)
    return 1.0 if uniform(w0, w1) < probability else 0.0


@kernel
def progress(x, threshold):
    if threshold > 0:
        for i in range(x.size - 1, -1, -1):
            if abs(x[i]) >= threshold:
                return i + 1
        return 0
    for i in range(x.size):
        if x[i] == 0:
            return i
    return x.size


@kernel
def hide_next(x, threshold, rows, probability, k0, k1, out):
    i = progress(x, threshold)
    if rows.size > 0 and i < x.size:
        total = 0.0
        for s in rows:
            total += coin(s, probability, k0, k1)
        out[i] *= total / (rows.size * probability)


@kernel
def path_value(y, start, out):
    before, total = np.float64(start), 0.0
    for i in range(y.size):
        step = np.float64(y[i]) - before
        total += step * step
        before = np.float64(y[i])
    out[0] = total / 8


@kernel
def path_gradient(y, start, out):
    before = np.float64(start)
    for i in range(y.size):
        here = np.float64(y[i])
        after = np.float64(y[i + 1]) if i + 1 < y.size else here
        out[i] = ((here - before) - (after - here)) / 4
        before = here


@kernel(inline=True)
def _half_angle(y):
    total = 0.0
    for i in range(y.size // 2, y.size):
        total += np.float64(y[i])
    return math.pi / math.sqrt(y.size) * total


@kernel
def tail_value(x, y, out):
    out[0] = math.sin(np.float64(x[0])) * math.sin(_half_angle(y))


@kernel
def tail_gradient_x(x, y, out):
    out[0] = math.cos(np.float64(x[0])) * math.sin(_half_angle(y))


@kernel
def tail_gradient_y(x, y, out):
    value = math.pi / math.sqrt(y.size) * math.sin(np.float64(x[0])) * math.cos(_half_angle(y))
    half = y.size // 2
    for i in range(y.size):
        out[i] = value if i >= half else 0.0
