"""A linear lower level on a box: the bilevel objective jumps at its minimiser."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastbilevel._checks.arrays import check_numbers, check_vector
from fastbilevel._checks.values import check_number
from fastbilevel._texts.protocol import Nothing
from fastbilevel.problems.base import make_zero_product
from fastbilevel.problems.hard._instance import HardInstance


def make_oracles(k: Any) -> dict[str, Any]:
    """The oracles."""

    def value_lower(data, work, x, y, rows, out):
        """``x y``."""
        out[0] = x[0] * y[0]

    def value_upper(data, work, x, y, rows, out):
        """``x^2 + y^2``."""
        out[0] = x[0] * x[0] + y[0] * y[0]

    def grad_lower_y(data, work, x, y, rows, out):
        """``x``."""
        out[0] = x[0]

    def grad_lower_x(data, work, x, y, rows, out):
        """``y``."""
        out[0] = y[0]

    def grad_upper_y(data, work, x, y, rows, out):
        """``2 y``."""
        out[0] = 2.0 * y[0]

    def grad_upper_x(data, work, x, y, rows, out):
        """``2 x``."""
        out[0] = 2.0 * x[0]

    def jvp_lower_xy(data, work, x, y, v, rows, out):
        """``v``."""
        out[0] = v[0]

    hvp_lower_yy = make_zero_product(k)

    return locals()


class Nasty(HardInstance):
    """min over x in [-1, 1] of x^2 + y^2, y a minimiser of x y on [-1, 1].

    The lower solution is -sign(x), any y in [-1, 1] if x = 0. The optimistic objective is therefore
    phi(x) = x^2 + 1 except for phi(0) = 0: its minimiser x = 0 is isolated, phi jumps there, and
    no hypergradient leads to it. Away from 0 every hypergradient is 2x.

    The penalty function L*_lambda(x) = min over y of x^2 + y^2 + lambda (x y + |x|) does have its
    only minimiser at x = 0, with slopes +-lambda beside it: its smoothness is not independent of
    lambda, and steps of a fixed size overshoot 0 forever, by about the step size times lambda.
    The lower level is linear on a box and violates the proximal error bound; projected gradient
    steps of size s on it need 2 / (s |x|) steps to get from one end of the box to the other.

    Both bounds belong to the problem: `default_bounds` holds for x, `lower_bounds` for y. Without
    the latter the lower level has no solution. There is no noise.

    Parameters
    ----------
    x0, y0 : float
        Default starting point.

    References
    ----------
    The example with a discontinuous objective in J. Kwon, D. Kwon, S. Wright, R. Nowak: On
    penalty methods for nonconvex bilevel optimization and first-order stochastic approximation,
    ICLR 2024.

    Examples
    --------
    >>> import fastbilevel as fb
    >>> problem = fb.problems.hard.Nasty()
    >>> float(problem.phi(0.5)), float(problem.phi(0.0))
    (1.25, 0.0)
    """

    default_bounds = (-1.0, 1.0)
    lower_bounds = (-1.0, 1.0)

    def __init__(self, x0: float = 0.5, y0: float = 0.0):
        super().__init__([x0], [y0])
        if not (abs(self.x0[0]) <= 1 and abs(self.y0[0]) <= 1):
            raise ValueError(f"x0 and y0 must lie in [-1, 1]; got {x0} and {y0}.")

    def evaluation_arguments(self, rows: int) -> tuple[Nothing, Nothing]:
        return Nothing(), Nothing()

    # -- closed forms ------------------------------------------------------------------------

    def phi(self, x: Any) -> np.ndarray:
        """The optimistic objective, min of f(x, y) over the lower solutions y; of x's shape."""
        x = check_numbers("x", x)
        return np.where(x == 0, 0.0, x**2 + 1)

    def lower_solution(self, x: Any, weight: float = 0.0) -> np.ndarray:
        """argmin of g(x, y) + weight f(x, y) over y in [-1, 1], (1,).

        With weight 0 the one that is best for f; a weight of 1/lambda gives y_lambda(x) =
        clip(-lambda x / 2, -1, 1).
        """
        x = check_vector("x", x, 1, finite=False)
        if check_number("weight", weight, least=0) == 0:
            return -np.sign(x)
        return np.clip(-x / (2 * weight), -1, 1)

    def hypergradient(self, x: Any) -> np.ndarray:
        """phi'(x) = 2 x, (1,); NaN at x = 0, where phi jumps."""
        x = check_vector("x", x, 1, finite=False)
        return np.where(x == 0, np.nan, 2 * x)

    def penalty_value(self, x: Any, penalty: float) -> np.ndarray:
        """L*_lambda(x), lambda = `penalty`, of x's shape.

        x^2 (1 - lambda^2/4) + lambda |x| where |x| <= 2/lambda, and x^2 + 1 beyond.
        """
        x, half = check_numbers("x", x), check_number("penalty", penalty, above=0) / 2
        size = np.abs(x)
        return np.where(half * size <= 1, x**2 * (1 - half**2) + 2 * half * size, x**2 + 1)

    def penalty_gradient(self, x: Any, penalty: float) -> np.ndarray:
        """The derivative of L*_lambda, of x's shape; 0 at x = 0, between slopes of +-lambda."""
        x, half = check_numbers("x", x), check_number("penalty", penalty, above=0) / 2
        inside = 2 * x * (1 - half**2) + 2 * half * np.sign(x)
        return np.where(half * np.abs(x) <= 1, inside, 2 * x)
