"""CUDA twin of `kernels.reference.sine`."""

from __future__ import annotations

from ..reference.sine import signed_power
from .launch import launch

__all__ = ["signed_power"]


def lower_value(x, y, power, out):
    launch("sine.lower_value", (y.dtype,), 1, 1, x, y, float(power), out)


def lower_gradient(x, y, power, out):
    launch("sine.lower_gradient", (y.dtype,), 1, 1, x, y, float(power), out)


def cross(x, v, out):
    launch("sine.cross", (v.dtype,), 1, 1, x, v, out)


def upper_value(y, power, out):
    launch("sine.upper_value", (y.dtype,), 1, 1, y, float(power), out)


def upper_gradient(y, power, out):
    launch("sine.upper_gradient", (y.dtype,), 1, 1, y, float(power), out)
