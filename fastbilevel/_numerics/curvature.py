"""Curvature of the lower objective, estimated from differences of gradients."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from fastbilevel.problems.base import BilevelProblem

ITERATIONS = 20
# Power iteration approaches the largest eigenvalue from below.
SAFETY = 1.1
SMALL_PROBLEM = 10**7


class ConditioningWarning(UserWarning):
    """The lower objective is not strongly convex where it was looked at."""


def curvature_range(
    problem: BilevelProblem, x: np.ndarray, y: np.ndarray, weight: float = 0.0
) -> tuple[float, float]:
    """Estimates of the extreme eigenvalues of g_yy + weight f_yy at (x, y), on the full data.

    Power iteration on differences of gradients, plain and shifted by the largest eigenvalue, from
    a fixed random start. The smallest is approached from above, so a value of zero or less proves
    that the objective is not strongly convex.

    Parameters
    ----------
    problem : BilevelProblem
    x, y : (n_x,), (n_y,) arrays
    weight : float
        Weight of the upper objective.

    Returns
    -------
    smallest, largest : float

    Raises
    ------
    ValueError
        If a gradient is not finite.
    """
    step = float(np.finfo(problem.dtype).eps) ** (1 / 3) * (1.0 + float(np.linalg.norm(y)))

    def product(v: np.ndarray) -> np.ndarray:
        def gradient(point: np.ndarray) -> np.ndarray:
            g = problem.grad_lower_y(x, point).astype(np.float64)
            return g + weight * problem.grad_upper_y(x, point) if weight else g

        return (gradient(y + step * v) - gradient(y - step * v)) / (2 * step)

    largest = _power_iteration(product, problem.n_y)
    shift = abs(largest) * SAFETY
    smallest = shift - _power_iteration(lambda v: shift * v - product(v), problem.n_y)
    return smallest, SAFETY * largest


def default_step(
    name: str, given: Any, problem: BilevelProblem, x: np.ndarray, y: np.ndarray, weight: float
) -> Any:
    """`given`, or ``1 / L`` if that is None, L the largest curvature of g and g + weight f in y.

    Looks at the full data at (x, y). Called by the `complete` of a method.

    Raises
    ------
    ValueError
        If there is no positive curvature; the sentence asks for the option `name`.

    Warns
    -----
    ConditioningWarning
        If g is not strongly convex at (x, y); not looked at if `given` spares an expensive search.
    """
    if given is not None and not is_cheap(problem):
        return given
    smallest, largest = curvature_range(problem, x, y)
    if smallest <= 0:
        warnings.warn(
            f"The lower objective is not strongly convex at the starting point (a curvature "
            f"of {smallest:.3g} was found), so y*(x) may not be unique: add a ridge penalty, or "
            "take a method whose upper objective never enters with a negative weight, as f2sa-p "
            "of order 1.",
            ConditioningWarning,
            stacklevel=4,
        )
    if given is not None:
        return given
    steepest = max(largest, curvature_range(problem, x, y, weight)[1])
    if not steepest > 0:
        raise ValueError(
            f"{name} could not be chosen: the lower objective has no positive curvature at the "
            f"starting point. Give {name}."
        )
    return 1.0 / steepest


def _power_iteration(product: Callable[[np.ndarray], np.ndarray], n: int) -> float:
    v = np.random.default_rng(0).standard_normal(n)
    value = 0.0
    for _ in range(ITERATIONS):
        v /= math.sqrt(float(v @ v))
        image = product(v)
        value = float(v @ image)
        if not math.isfinite(value):
            raise ValueError(
                "The gradient of the lower objective in y is not finite near the starting point: "
                "the data hold NaN or infinity (check_finite=False lets them through), or x0 or y0 "
                "is too large."
            )
        if not np.any(image):
            break
        v = image
    return value


def is_cheap(problem: BilevelProblem) -> bool:
    """True if looking at the curvature costs next to nothing, so that it is done unasked."""
    return problem.infinite or problem.n_lower * problem.n_y <= SMALL_PROBLEM
