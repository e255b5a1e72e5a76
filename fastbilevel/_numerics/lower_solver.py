"""Minimise g + weight f over y on the full data: a problem's oracles given to Newton's method."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np

from fastbilevel._numerics.conjugate_gradients import Product
from fastbilevel._numerics.newton import (
    CONVERGED,
    NOT_FINITE,
    ROUNDING,
    STEPS,
    UNBOUNDED,
    Minimum,
    newton_krylov,
)
from fastbilevel.problems.base import BilevelProblem

ADVICE = {
    ROUNDING: "it does not get smaller, most likely for rounding; ask for a larger tol",
    STEPS: "the step limit was reached; start nearer (y0), or regularise the lower objective",
    UNBOUNDED: (
        "it falls without end along the last direction; if the weight is negative bring it nearer "
        "to 0 (a smaller nu, or order=1, which has no negative weight), else regularise the lower "
        "objective"
    ),
    NOT_FINITE: "the gradient is not finite; start elsewhere (y0)",
}


class ConvergenceWarning(UserWarning):
    """A solver stopped before it reached the tolerance that was asked for."""


def in_float64(problem: BilevelProblem) -> BilevelProblem:
    """The problem with float64 data, or itself if it cannot be converted."""
    try:
        return problem.astype(np.float64)
    except NotImplementedError:
        return problem


def lower_minimum(
    problem: BilevelProblem, x: np.ndarray, weight: float, start: np.ndarray, tol: float
) -> Minimum:
    """A minimiser of g(x, .) + weight f(x, .) near `start`, to a gradient norm of `tol`.

    Parameters
    ----------
    problem : BilevelProblem
    x, start : (n_x,), (n_y,) float64 arrays
    weight : float
        The upper objective is not looked at if it is 0.
    tol : float
    """

    def lower_gradient(y: np.ndarray) -> np.ndarray:
        return problem.grad_lower_y(x, y).astype(np.float64)

    def upper_gradient(y: np.ndarray) -> np.ndarray:
        return problem.grad_upper_y(x, y).astype(np.float64)

    def gradient(y: np.ndarray) -> np.ndarray:
        return lower_gradient(y) + weight * upper_gradient(y) if weight else lower_gradient(y)

    def product_at(y: np.ndarray, gradient_at_y: np.ndarray) -> Product:
        if "hvp_lower_yy" not in problem.oracles:
            return difference_product(gradient, y, gradient_at_y, problem.dtype)
        lower = lower_hessian(problem, x, y)
        if not weight:
            return lower
        upper = difference_product(upper_gradient, y, upper_gradient(y), problem.dtype)
        return lambda v: lower(v) + weight * upper(v)

    return newton_krylov(gradient, product_at, start, tol)


def warn_unless_converged(found: Minimum, weight: float, tol: float, stacklevel: int) -> None:
    """Say which gradient norm was reached, and why not a smaller one."""
    if found.cause != CONVERGED:
        warnings.warn(
            f"The gradient norm of g + ({weight:.3g}) f came down to {found.residual:.3g}, not to "
            f"tol={tol:.3g}: {ADVICE[found.cause]}.",
            ConvergenceWarning,
            stacklevel=stacklevel + 1,
        )


def lower_hessian(problem: BilevelProblem, x: np.ndarray, y: np.ndarray) -> Product:
    """v -> g_yy(x, y) v in float64."""
    return lambda v: problem.hvp_lower_yy(x, y, v).astype(np.float64)


def difference_product(
    gradient: Callable[[np.ndarray], np.ndarray],
    y: np.ndarray,
    gradient_at_y: np.ndarray,
    dtype: np.dtype,
) -> Product:
    """v -> (gradient(y + h v) - gradient(y)) / h, h small for gradients computed in `dtype`."""
    length = math.sqrt(float(np.finfo(dtype).eps)) * (1.0 + float(np.linalg.norm(y)))

    def product(v: np.ndarray) -> np.ndarray:
        h = length / float(np.linalg.norm(v))
        return (gradient(y + h * v) - gradient_at_y) / h

    return product
