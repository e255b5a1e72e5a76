"""The scalar uniformly convex instance: g = |y|^p / p - y sin x and f = sin([y]^(p-1)).

``[y]^(p-1) = y |y|^(p-2)`` is the signed power; f is constant, +-1, where its size exceeds pi/2.
All arithmetic is in float64.
"""

from __future__ import annotations

import math

import numpy as np

from .powers import absolute_power

HALF_PI = 0.5 * math.pi


def signed_power(y, power):
    """w = [y]^(p-1), a float64; y and p floats."""
    return np.float64(y) * absolute_power(y, power - 2.0)


def lower_value(x, y, power, out):
    """``out[0] <- |y|^p / p - y sin x``; x, y (1,), p a float, out (1,) float64."""
    slope = math.sin(float(x[0]))
    out[0] = absolute_power(y[0], power) / power - float(y[0]) * slope


def lower_gradient(x, y, power, out):
    """``out[0] <- [y]^(p-1) - sin x``; as in `lower_value`, out (1,) float."""
    out[0] = signed_power(y[0], power) - math.sin(float(x[0]))


def cross(x, v, out):
    """``out[0] <- -v cos x``: g_x with v = y, and the product with g_xy; all (1,) float arrays."""
    out[0] = -math.cos(float(x[0])) * float(v[0])


def upper_value(y, power, out):
    """``out[0] <- sin(w)``, w = [y]^(p-1) cut off at +-pi/2; y (1,) float, out (1,) float64."""
    w = signed_power(y[0], power)
    out[0] = 1.0 if w > HALF_PI else -1.0 if w < -HALF_PI else math.sin(w)


def upper_gradient(y, power, out):
    """``out[0] <- cos(w) (p-1) |y|^(p-2)``, 0 where w is cut off; y, out (1,) float arrays."""
    w = signed_power(y[0], power)
    flat = w > HALF_PI or w < -HALF_PI
    out[0] = 0.0 if flat else math.cos(w) * (power - 1.0) * absolute_power(y[0], power - 2.0)
