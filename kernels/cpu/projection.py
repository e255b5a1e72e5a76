"""Numba twin of `kernels.reference.projection`."""

from __future__ import annotations

import math

import numpy as np

from ..reference.projection import BALL, BOX, SIMPLEX
from .jit import kernel


@kernel(inline=True)
def project(v, kind, a, b):
    if kind == BOX:
        _project_on_box(v, a, b)
    elif kind == BALL:
        _project_on_ball(v, a, np.float64(b[0]))
    elif kind == SIMPLEX:
        _project_on_simplex(v, np.float64(b[0]))


@kernel
def _project_on_box(v, lower, upper):
    for i in range(v.size):
        # Written so that NaN stays NaN.
        if v[i] < lower[i]:
            v[i] = lower[i]
        elif v[i] > upper[i]:
            v[i] = upper[i]


@kernel
def _project_on_ball(v, centre, radius):
    largest = 0.0
    for i in range(v.size):
        size = abs(np.float64(v[i]) - centre[i])
        if size > largest:
            largest = size
    if largest == 0.0:
        return
    length = 0.0
    for i in range(v.size):
        ratio = (np.float64(v[i]) - centre[i]) / largest
        length += ratio * ratio
    factor = radius / largest / math.sqrt(length)
    if factor < 1.0:
        for i in range(v.size):
            v[i] = centre[i] + factor * (np.float64(v[i]) - centre[i])


@kernel
def _project_on_simplex(v, total):
    top = -np.inf
    for i in range(v.size):
        if v[i] > top:
            top = np.float64(v[i])
    threshold, before = -1.0, -1
    while True:
        count, excess = 0, -1.0
        for i in range(v.size):
            above = (np.float64(v[i]) - top) / total - threshold
            if above > 0.0:
                count += 1
                excess += above
        if count == 0:
            break
        threshold += excess / count
        if excess <= 0.0 or count == before:
            break
        before = count
    for i in range(v.size):
        above = (np.float64(v[i]) - top) / total - threshold
        # Written so that NaN stays NaN.
        v[i] = 0.0 if above < 0.0 else total * above
