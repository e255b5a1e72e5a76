"""Numba twin of `kernels.reference.sine`."""

from __future__ import annotations

import math

import numpy as np

from ..reference.sine import HALF_PI
from .jit import kernel
from .powers import absolute_power


@kernel(inline=True)
def signed_power(y, power):
    return np.float64(y) * absolute_power(y, power - 2.0)


@kernel
def lower_value(x, y, power, out):
    slope = math.sin(np.float64(x[0]))
    out[0] = absolute_power(y[0], power) / power - np.float64(y[0]) * slope


@kernel
def lower_gradient(x, y, power, out):
    out[0] = signed_power(y[0], power) - math.sin(np.float64(x[0]))


@kernel
def cross(x, v, out):
    out[0] = -math.cos(np.float64(x[0])) * np.float64(v[0])


@kernel
def upper_value(y, power, out):
    w = signed_power(y[0], power)
    out[0] = 1.0 if w > HALF_PI else -1.0 if w < -HALF_PI else math.sin(w)


@kernel
def upper_gradient(y, power, out):
    w = signed_power(y[0], power)
    flat = w > HALF_PI or w < -HALF_PI
    out[0] = 0.0 if flat else math.cos(w) * (power - 1.0) * absolute_power(y[0], power - 2.0)
