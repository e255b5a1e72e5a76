"""A lower level that is not convex, but satisfies the Polyak-Lojasiewicz inequality."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastbilevel._checks.arrays import check_numbers, check_vector
from fastbilevel._texts.protocol import Nothing
from fastbilevel.problems.hard._instance import HardInstance


def make_oracles(k: Any) -> dict[str, Any]:
    """The oracles."""

    def value_lower(data, work, x, y, rows, out):
        """``(x + y)^2 + x sin(x + y)^2``."""
        s = x + y
        out[:] = s * s + x * np.sin(s) * np.sin(s)

    def value_upper(data, work, x, y, rows, out):
        """``cos(4y + 2) / (1 + exp(2 - 4x)) + log((4x - 2)^2 + 1) / 2``."""
        u = 4.0 * x - 2.0
        out[:] = np.cos(4.0 * y + 2.0) / (1.0 + np.exp(-u)) + 0.5 * np.log(u * u + 1.0)

    def grad_lower_y(data, work, x, y, rows, out):
        """``2 s + x sin 2s`` with s = x + y."""
        s = x + y
        out[:] = 2.0 * s + x * np.sin(2.0 * s)

    def grad_lower_x(data, work, x, y, rows, out):
        """``2 s + sin(s)^2 + x sin 2s``."""
        s = x + y
        out[:] = 2.0 * s + np.sin(s) * np.sin(s) + x * np.sin(2.0 * s)

    def grad_upper_y(data, work, x, y, rows, out):
        """``-4 sin(4y + 2) q`` with q = 1 / (1 + exp(2 - 4x))."""
        out[:] = -4.0 * np.sin(4.0 * y + 2.0) / (1.0 + np.exp(2.0 - 4.0 * x))

    def grad_upper_x(data, work, x, y, rows, out):
        """``4 cos(4y + 2) q (1 - q) + 4 u / (u^2 + 1)`` with u = 4x - 2."""
        u = 4.0 * x - 2.0
        q = 1.0 / (1.0 + np.exp(-u))
        out[:] = 4.0 * np.cos(4.0 * y + 2.0) * q * (1.0 - q) + 4.0 * u / (u * u + 1.0)

    def hvp_lower_yy(data, work, x, y, v, rows, out):
        """``(2 + 2x cos 2s) v``."""
        out[:] = (2.0 + 2.0 * x * np.cos(2.0 * (x + y))) * v

    def jvp_lower_xy(data, work, x, y, v, rows, out):
        """``(2 + sin 2s + 2x cos 2s) v``."""
        s = 2.0 * (x + y)
        out[:] = (2.0 + np.sin(s) + 2.0 * x * np.cos(s)) * v

    return locals()


class SinePL(HardInstance):
    """g = (x + y)^2 + x sin(x + y)^2 and f = cos(4y + 2) / (1 + exp(2 - 4x)) + log(u^2 + 1) / 2.

    u = 4x - 2 and 0 <= x <= 3. g is not convex in y for x > 1, but its only stationary point is
    y*(x) = -x: it satisfies the Polyak-Lojasiewicz inequality. phi(x) = f(x, -x) has several
    stationary points. There is no noise.

    Parameters
    ----------
    x0, y0 : float
        Default starting point.

    Notes
    -----
    The toy problem of the authors' code of H. Shen, T. Chen: On penalty-based bilevel gradient
    descent method, ICML 2023. Their df/dx squares only the exponential in its denominator, which
    is not the derivative; here it is.

    Examples
    --------
    >>> import fastbilevel as fb
    >>> problem = fb.problems.hard.SinePL()
    >>> problem.lower_solution([0.5]), problem.phi([0.5])
    (array([-0.5]), array([0.5]))
    """

    default_bounds = (0.0, 3.0)

    def __init__(self, x0: float = 1.0, y0: float = 0.0):
        super().__init__(check_vector("x0", x0, 1), check_vector("y0", y0, 1))
        if not 0 <= self.x0[0] <= 3:
            raise ValueError(f"x0 must lie in [0, 3]; got {x0}.")

    def evaluation_arguments(self, rows: int) -> tuple[Nothing, Nothing]:
        return Nothing(), Nothing()

    # -- closed forms ------------------------------------------------------------------------

    def lower_solution(self, x: Any) -> np.ndarray:
        """y*(x) = -x, (1,)."""
        return -check_vector("x", x, 1, finite=False)

    def phi(self, x: Any) -> np.ndarray:
        """f(x, -x), of x's shape."""
        u = 4.0 * check_numbers("x", x) - 2.0
        return np.cos(u) / (1.0 + np.exp(-u)) + 0.5 * np.log(u * u + 1.0)

    def hypergradient(self, x: Any) -> np.ndarray:
        """phi'(x), (1,)."""
        u = 4.0 * check_vector("x", x, 1, finite=False) - 2.0
        q = 1.0 / (1.0 + np.exp(-u))
        return 4.0 * (np.cos(u) * q * (1.0 - q) - np.sin(u) * q + u / (u * u + 1.0))
