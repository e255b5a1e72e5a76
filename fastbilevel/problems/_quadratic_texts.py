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


def make_oracles(k: Any, noisy_lower: int, noisy_upper: int) -> dict[str, Any]:
    """The oracles; code for noise that is never added would slow small problems down."""

    def grad_lower_y(data, work, x, y, rows, out):
        """``H y - B x - b``."""
        out[:] = 0
        k.quadratic.add_product(data.H, rows, y, 1.0, out)
        k.quadratic.add_product(data.B, rows, x, -1.0, out)
        k.quadratic.add_vector(data.b, rows, -1.0, out)
        if noisy_lower:
            k.quadratic.add_noise(
                rows, GRAD_LOWER_Y, data.sigma_lower, data.k0, data.k1, work.noise_y, out
            )

    def grad_lower_x(data, work, x, y, rows, out):
        """``-B' y``."""
        out[:] = 0
        k.quadratic.add_transposed_product(data.B, rows, y, -1.0, out)
        if noisy_lower:
            k.quadratic.add_noise(
                rows, GRAD_LOWER_X, data.sigma_lower, data.k0, data.k1, work.noise_x, out
            )

    def grad_upper_y(data, work, x, y, rows, out):
        """``F y + c``."""
        out[:] = 0
        k.quadratic.add_product(data.F, rows, y, 1.0, out)
        k.quadratic.add_vector(data.c, rows, 1.0, out)
        if noisy_upper:
            k.quadratic.add_noise(
                rows, GRAD_UPPER_Y, data.sigma_upper, data.k0, data.k1, work.noise_y, out
            )

    def grad_upper_x(data, work, x, y, rows, out):
        """``R x``."""
        out[:] = 0
        k.quadratic.add_product(data.R, rows, x, 1.0, out)
        if noisy_upper:
            k.quadratic.add_noise(
                rows, GRAD_UPPER_X, data.sigma_upper, data.k0, data.k1, work.noise_x, out
            )

    def hvp_lower_yy(data, work, x, y, v, rows, out):
        """``H v``."""
        out[:] = 0
        k.quadratic.add_product(data.H, rows, v, 1.0, out)

    def jvp_lower_xy(data, work, x, y, v, rows, out):
        """``-B' v``."""
        out[:] = 0
        k.quadratic.add_transposed_product(data.B, rows, v, -1.0, out)

    def value_lower(data, work, x, y, rows, out):
        """``y'Hy/2 - y'(Bx + b)``; additive noise has mean zero and is left out."""
        t = work.of_y
        t[:] = 0
        k.quadratic.add_product(data.H, rows, y, 0.5, t)
        k.quadratic.add_product(data.B, rows, x, -1.0, t)
        k.quadratic.add_vector(data.b, rows, -1.0, t)
        out[0] = 0.0
        k.quadratic.add_dot(t, y, 1.0, out)

    def value_upper(data, work, x, y, rows, out):
        """``y'Fy/2 + c'y + x'Rx/2``; additive noise has mean zero and is left out."""
        t, u = work.of_y, work.of_x
        t[:] = 0
        u[:] = 0
        k.quadratic.add_product(data.F, rows, y, 0.5, t)
        k.quadratic.add_vector(data.c, rows, 1.0, t)
        k.quadratic.add_product(data.R, rows, x, 0.5, u)
        out[0] = 0.0
        k.quadratic.add_dot(t, y, 1.0, out)
        k.quadratic.add_dot(u, x, 1.0, out)

    return locals()
