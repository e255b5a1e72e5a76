"""Oracle texts of quadratic problems; ``data`` holds H, B, F, c, b, R, both deviations, the key."""

from __future__ import annotations

from typing import Any

GRAD_LOWER_Y, GRAD_LOWER_X, GRAD_UPPER_Y, GRAD_UPPER_X = range(4)


def make_grad_lower_y(k: Any, noisy: int) -> Any:
    """``H y - B x - b``."""

    def grad_lower_y(data, work, x, y, rows, out):
        H, B, _, _, b, _, sigma, _, k0, k1 = data
        out[:] = 0
        k.quadratic.add_product(H, rows, y, 1.0, out)
        k.quadratic.add_product(B, rows, x, -1.0, out)
        k.quadratic.add_vector(b, rows, -1.0, out)
        if noisy:
            k.quadratic.add_noise(rows, GRAD_LOWER_Y, sigma, k0, k1, work[0], out)

    return grad_lower_y


def make_grad_lower_x(k: Any, noisy: int) -> Any:
    """``-B' y``."""

    def grad_lower_x(data, work, x, y, rows, out):
        out[:] = 0
        k.quadratic.add_transposed_product(data[1], rows, y, -1.0, out)
        if noisy:
            k.quadratic.add_noise(rows, GRAD_LOWER_X, data[6], data[8], data[9], work[1], out)

    return grad_lower_x


def make_grad_upper_y(k: Any, noisy: int) -> Any:
    """``F y + c``."""

    def grad_upper_y(data, work, x, y, rows, out):
        out[:] = 0
        k.quadratic.add_product(data[2], rows, y, 1.0, out)
        k.quadratic.add_vector(data[3], rows, 1.0, out)
        if noisy:
            k.quadratic.add_noise(rows, GRAD_UPPER_Y, data[7], data[8], data[9], work[0], out)

    return grad_upper_y


def make_grad_upper_x(k: Any, noisy: int) -> Any:
    """``R x``."""

    def grad_upper_x(data, work, x, y, rows, out):
        out[:] = 0
        k.quadratic.add_product(data[5], rows, x, 1.0, out)
        if noisy:
            k.quadratic.add_noise(rows, GRAD_UPPER_X, data[7], data[8], data[9], work[1], out)

    return grad_upper_x


def make_hvp_lower_yy(k: Any) -> Any:
    """``H v``."""

    def hvp_lower_yy(data, work, x, y, v, rows, out):
        out[:] = 0
        k.quadratic.add_product(data[0], rows, v, 1.0, out)

    return hvp_lower_yy


def make_jvp_lower_xy(k: Any) -> Any:
    """``-B' v``."""

    def jvp_lower_xy(data, work, x, y, v, rows, out):
        out[:] = 0
        k.quadratic.add_transposed_product(data[1], rows, v, -1.0, out)

    return jvp_lower_xy


def make_value_lower(k: Any) -> Any:
    """``y'Hy/2 - y'(Bx + b)``; additive noise has mean zero and is left out."""

    def value_lower(data, work, x, y, rows, out):
        H, B, _, _, b, _, _, _, _, _ = data
        t = work[2]
        t[:] = 0
        k.quadratic.add_product(H, rows, y, 0.5, t)
        k.quadratic.add_product(B, rows, x, -1.0, t)
        k.quadratic.add_vector(b, rows, -1.0, t)
        out[0] = 0.0
        k.quadratic.add_dot(t, y, 1.0, out)

    return value_lower


def make_value_upper(k: Any) -> Any:
    """``y'Fy/2 + c'y + x'Rx/2``; additive noise has mean zero and is left out."""

    def value_upper(data, work, x, y, rows, out):
        _, _, F, c, _, R, _, _, _, _ = data
        t, u = work[2], work[3]
        t[:] = 0
        u[:] = 0
        k.quadratic.add_product(F, rows, y, 0.5, t)
        k.quadratic.add_vector(c, rows, 1.0, t)
        k.quadratic.add_product(R, rows, x, 0.5, u)
        out[0] = 0.0
        k.quadratic.add_dot(t, y, 1.0, out)
        k.quadratic.add_dot(u, x, 1.0, out)

    return value_upper
