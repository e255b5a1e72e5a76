"""Oracle texts of quadratic problems."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import numpy as np

from fastbilevel._texts.protocol import Array, Floats, record

Matrices = Annotated[Any, Array(np.float64, 3)]
Vectors = Annotated[Any, Array(np.float64, 2)]


@record
class Data(NamedTuple):
    """Stacks of coefficients, one a sample; deviations of the noise of both levels; its key."""

    H: Matrices
    B: Matrices
    F: Matrices
    c: Vectors
    b: Vectors
    R: Matrices
    sigma_lower: float
    sigma_upper: float
    k0: int
    k1: int


@record
class Work(NamedTuple):
    """A sample's noise, and partial sums, of y and of x; (n_y,) and (n_x,) arrays."""

    noise_y: Floats
    noise_x: Floats
    of_y: Floats
    of_x: Floats


GRAD_LOWER_Y, GRAD_LOWER_X, GRAD_UPPER_Y, GRAD_UPPER_X = range(4)


def make_grad_lower_y(k: Any, noisy: int) -> Any:
    """``H y - B x - b``."""

    def grad_lower_y(data, work, x, y, rows, out):
        out[:] = 0
        k.quadratic.add_product(data.H, rows, y, 1.0, out)
        k.quadratic.add_product(data.B, rows, x, -1.0, out)
        k.quadratic.add_vector(data.b, rows, -1.0, out)
        if noisy:
            k.quadratic.add_noise(
                rows, GRAD_LOWER_Y, data.sigma_lower, data.k0, data.k1, work.noise_y, out
            )

    return grad_lower_y


def make_grad_lower_x(k: Any, noisy: int) -> Any:
    """``-B' y``."""

    def grad_lower_x(data, work, x, y, rows, out):
        out[:] = 0
        k.quadratic.add_transposed_product(data.B, rows, y, -1.0, out)
        if noisy:
            k.quadratic.add_noise(
                rows, GRAD_LOWER_X, data.sigma_lower, data.k0, data.k1, work.noise_x, out
            )

    return grad_lower_x


def make_grad_upper_y(k: Any, noisy: int) -> Any:
    """``F y + c``."""

    def grad_upper_y(data, work, x, y, rows, out):
        out[:] = 0
        k.quadratic.add_product(data.F, rows, y, 1.0, out)
        k.quadratic.add_vector(data.c, rows, 1.0, out)
        if noisy:
            k.quadratic.add_noise(
                rows, GRAD_UPPER_Y, data.sigma_upper, data.k0, data.k1, work.noise_y, out
            )

    return grad_upper_y


def make_grad_upper_x(k: Any, noisy: int) -> Any:
    """``R x``."""

    def grad_upper_x(data, work, x, y, rows, out):
        out[:] = 0
        k.quadratic.add_product(data.R, rows, x, 1.0, out)
        if noisy:
            k.quadratic.add_noise(
                rows, GRAD_UPPER_X, data.sigma_upper, data.k0, data.k1, work.noise_x, out
            )

    return grad_upper_x


def make_hvp_lower_yy(k: Any) -> Any:
    """``H v``."""

    def hvp_lower_yy(data, work, x, y, v, rows, out):
        out[:] = 0
        k.quadratic.add_product(data.H, rows, v, 1.0, out)

    return hvp_lower_yy


def make_jvp_lower_xy(k: Any) -> Any:
    """``-B' v``."""

    def jvp_lower_xy(data, work, x, y, v, rows, out):
        out[:] = 0
        k.quadratic.add_transposed_product(data.B, rows, v, -1.0, out)

    return jvp_lower_xy


def make_value_lower(k: Any) -> Any:
    """``y'Hy/2 - y'(Bx + b)``; additive noise has mean zero and is left out."""

    def value_lower(data, work, x, y, rows, out):
        t = work.of_y
        t[:] = 0
        k.quadratic.add_product(data.H, rows, y, 0.5, t)
        k.quadratic.add_product(data.B, rows, x, -1.0, t)
        k.quadratic.add_vector(data.b, rows, -1.0, t)
        out[0] = 0.0
        k.quadratic.add_dot(t, y, 1.0, out)

    return value_lower


def make_value_upper(k: Any) -> Any:
    """``y'Fy/2 + c'y + x'Rx/2``; additive noise has mean zero and is left out."""

    def value_upper(data, work, x, y, rows, out):
        t, u = work.of_y, work.of_x
        t[:] = 0
        u[:] = 0
        k.quadratic.add_product(data.F, rows, y, 0.5, t)
        k.quadratic.add_vector(data.c, rows, 1.0, t)
        k.quadratic.add_product(data.R, rows, x, 0.5, u)
        out[0] = 0.0
        k.quadratic.add_dot(t, y, 1.0, out)
        k.quadratic.add_dot(u, x, 1.0, out)

    return value_upper
