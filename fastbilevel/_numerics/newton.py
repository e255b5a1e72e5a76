"""Newton's method with conjugate gradients, from gradients alone: no values are needed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fastbilevel._numerics.conjugate_gradients import Product, conjugate_gradients

Gradient = Callable[[np.ndarray], np.ndarray]

MAX_STEPS = 200
MAX_PRODUCTS = 2000
# Steps without a smaller gradient after which rounding is held responsible.
PATIENCE = 10

CONVERGED, ROUNDING, STEPS, UNBOUNDED, NOT_FINITE = range(5)


@dataclass
class Minimum:
    """Where the search ended.

    Attributes
    ----------
    y : (n,) float64 array
        The point with the smallest gradient.
    residual : float
        Its gradient norm.
    cause : int
        `CONVERGED`, `ROUNDING`, `STEPS`, `UNBOUNDED` or `NOT_FINITE`.
    """

    y: np.ndarray
    residual: float
    cause: int


@dataclass
class _Point:
    y: np.ndarray
    gradient: np.ndarray
    norm: float


def newton_krylov(
    gradient: Gradient,
    product_at: Callable[[np.ndarray, np.ndarray], Product],
    y: np.ndarray,
    tol: float,
) -> Minimum:
    """Minimise a smooth function to ``||gradient|| <= tol``.

    Inexact Newton steps: H d = -gradient by conjugate gradients to the relative accuracy of
    Eisenstat and Walker (1996, choice 2), then a line search on the slope <gradient, d>. All
    steps lie in the span of the gradients, so a minimiser that is not unique is found in the
    affine subspace y + range(H) of the start.

    Where the curvature vanishes at the minimiser as |y|^(p-2) does, convergence is linear: a step
    shrinks the distance by (p-2)/(p-1) and the gradient, about its power p-1, to less than a half
    (to 1/e for large p). So 1e-8 takes some twenty steps for any p.

    Parameters
    ----------
    gradient : callable
        y -> gradient, (n,) float64.
    product_at : callable
        (y, gradient at y) -> (v -> H(y) v). Products may be inexact: only the number of steps
        depends on them.
    y : (n,) float64 array
        Start.
    tol : float
    """
    here = best = _evaluate(gradient, y)
    forcing, waited = 0.1, 0
    for _ in range(MAX_STEPS):
        if best.norm <= tol:
            return Minimum(best.y, best.norm, CONVERGED)
        if not math.isfinite(here.norm):
            return Minimum(best.y, best.norm, NOT_FINITE)
        if waited == PATIENCE:
            return Minimum(best.y, best.norm, ROUNDING)
        linear = conjugate_gradients(
            product_at(here.y, here.gradient),
            -here.gradient,
            max(forcing * here.norm, 0.5 * tol),
            min(2 * y.size + 10, MAX_PRODUCTS),
        )
        direction = linear.v if np.any(linear.v) else -here.gradient
        there = _search(gradient, here, direction, tol)
        if there is None:
            # Next to no curvature makes a step so long that the objective overflows on all of it.
            there = _search(gradient, here, -here.gradient, tol)
        if there is None:
            return Minimum(best.y, best.norm, UNBOUNDED)
        ratio = there.norm / here.norm
        forcing = min(0.5, max(0.9 * ratio**2, 0.9 * forcing**2 if forcing > 0.35 else 0.0, 1e-6))
        moved = float(np.linalg.norm(there.y - here.y))
        if moved <= 4 * np.finfo(np.float64).eps * float(np.linalg.norm(here.y)):
            waited = PATIENCE - 1
        here = there
        waited = waited + 1 if here.norm >= best.norm else 0
        if here.norm < best.norm:
            best = here
    return Minimum(best.y, best.norm, CONVERGED if best.norm <= tol else STEPS)


def _evaluate(gradient: Gradient, y: np.ndarray) -> _Point:
    g = gradient(y)
    return _Point(y, g, float(np.linalg.norm(g)))


def _search(gradient: Gradient, start: _Point, d: np.ndarray, tol: float) -> _Point | None:
    """A point along d where the slope is small; None if it only ever falls.

    For a convex function the slope grows along d and vanishes at the minimum, so a bracket of it
    shrinks by secants. Slopes stay accurate near a minimiser, where differences of values do not.
    """
    steepness = -float(start.gradient @ d)
    low, low_slope, high, high_slope = 0.0, -steepness, math.inf, math.inf
    best, t = None, 1.0
    for _ in range(40):
        point = _evaluate(gradient, start.y + t * d)
        slope = math.inf
        if math.isfinite(point.norm):
            slope = float(point.gradient @ d)
            if point.norm <= tol or -0.9 * steepness <= slope <= 0.1 * steepness:
                return point
            if best is None or point.norm < best.norm:
                best = point
        if slope > 0.0:
            high, high_slope = t, slope
        else:
            low, low_slope = t, slope
        t = _next(low, low_slope, high, high_slope)
    # Near the minimiser slopes are rounding errors; the smallest gradient is the best there is.
    return best if math.isfinite(high_slope) else None


def _next(low: float, low_slope: float, high: float, high_slope: float) -> float:
    """The next step length to try, well inside the bracket or beyond its lower end."""
    if math.isinf(high):
        return 3.0 * low
    width = high - low
    if math.isinf(high_slope):
        return low + 0.3 * width
    secant = low - low_slope * width / (high_slope - low_slope)
    return min(max(secant, low + 0.05 * width), high - 0.05 * width)
