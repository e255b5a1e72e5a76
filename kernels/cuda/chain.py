"""CUDA twin of `kernels.reference.chain`."""

from __future__ import annotations

import math

import numpy as np

from ..reference import chain as reference
from ..reference.chain import coin
from .launch import launch, launch_alone, launch_over
from .sums import add_sum, result

__all__ = ["coin"]


def carmon_value(x, height, scale, out):
    arguments = x, float(scale)
    add_sum("chain.carmon_value", (x.dtype,), x.size, arguments, float(height), out, keep=0)


def carmon_gradient(x, height, scale, out):
    arguments = x, float(height / scale), float(scale), out
    launch_over(x.size, "chain.carmon_gradient", (x.dtype,), *arguments, x.size)


def progress(x, threshold):
    # Called between runs, with a vector of either place; for one on the device it waits.
    if isinstance(x, np.ndarray):
        return reference.progress(x, threshold)
    out = result()
    launch_alone(x.size, "chain.progress", (x.dtype,), x, float(threshold), out, x.size)
    return int(out[0])


def hide_next(x, threshold, rows, probability, k0, k1, out):
    if rows.size == 0:
        return
    arguments = x, float(threshold), rows, rows.size, float(probability), k0, k1, out
    n = max(x.size, rows.size)
    launch_alone(n, "chain.hide_next", (x.dtype,), *arguments, x.size)


def path_value(y, start, out):
    add_sum("chain.path_value", (y.dtype,), y.size, (y, float(start)), 0.125, out, keep=0)


def path_gradient(y, start, out):
    launch_over(y.size, "chain.path_gradient", (y.dtype,), y, float(start), out, y.size)


def _half_angle(y):
    """pi u / 2 with u = (2 / sqrt(n)) times the sum of the second half of y, (1,) float64."""
    half_angle, tail = result(), y[y.size // 2 :]
    factor = math.pi / math.sqrt(y.size)
    add_sum("chain.sum", (y.dtype,), tail.size, (tail,), factor, half_angle, keep=0)
    return half_angle


def tail_value(x, y, out):
    launch("chain.tail_value", (x.dtype,), 1, 1, x, _half_angle(y), out)


def tail_gradient_x(x, y, out):
    launch("chain.tail_gradient_x", (x.dtype,), 1, 1, x, _half_angle(y), out)


def tail_gradient_y(x, y, out):
    arguments = x, _half_angle(y), math.pi / math.sqrt(y.size), out
    launch_over(y.size, "chain.tail_gradient_y", (x.dtype,), *arguments, y.size)
