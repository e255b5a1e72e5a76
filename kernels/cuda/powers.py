"""CUDA twin of `kernels.reference.powers`."""

from __future__ import annotations

from ..reference.powers import absolute_power
from ..reference.weights import NONE
from .launch import launch_over
from .repeats import counts_of
from .sums import add_sum

__all__ = ["absolute_power"]


def subtract_targets(Z, targets, rows):
    m = rows.size
    launch_over(m, "powers.subtract_targets", (Z.dtype,), Z, targets, rows, m)


def losses(Z, m, power, out):
    launch_over(m, "powers.losses", (Z.dtype,), Z, m, float(power), out)


def slopes(Z, coefficients, m, power):
    launch_over(m, "powers.slopes", (Z.dtype,), Z, coefficients, m, float(power))


def curvatures(Z, U, coefficients, m, power):
    launch_over(m, "powers.curvatures", (Z.dtype,), Z, U, coefficients, m, float(power))


def directional(Z, U, m, power, out):
    launch_over(m, "powers.directional", (Z.dtype,), Z, U, m, float(power), out)


def row_coefficients(kind, x, given, rows, power, scale, out):
    arguments = kind, x, given, rows, float(power), float(scale), out
    launch_over(rows.size, "powers.row_coefficients", (given.dtype,), *arguments, rows.size)


def weight_gradient(kind, x, given, rows, terms, power, scale, out):
    if kind == NONE:
        return
    counts = counts_of(rows, x.size)
    arguments = kind, x, given, rows, counts, terms, float(power), float(scale), out
    launch_over(rows.size, "powers.weight_gradient", (x.dtype,), *arguments, rows.size)


def add_norm(y, power, scale, out):
    add_sum("powers.add_norm", (y.dtype,), y.size, (y, float(power)), float(scale), out)


def add_norm_gradient(y, power, scale, out):
    n = y.size
    launch_over(n, "powers.add_norm_gradient", (y.dtype,), y, float(power), float(scale), out, n)


def add_norm_product(y, v, power, scale, out):
    arguments = y, v, float(power), float(scale), out
    launch_over(y.size, "powers.add_norm_product", (y.dtype,), *arguments, y.size)
