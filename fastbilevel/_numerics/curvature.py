"""Curvature of the lower objective, estimated from differences of gradients."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from fastbilevel._arrays.placement import fetch, place
from fastbilevel._checks.points import all_rows
from fastbilevel._texts.compile import call_oracle
from fastbilevel.problems.base import BilevelProblem
from fastbilevel.problems.kept import Point
from fastbilevel.problems.oracle_table import SIMPLE

# Steps of the Lanczos iteration where rows are cheap, and where all of them would cost too much.
STEPS, FEW_STEPS = 20, 6
# Ritz values approach the largest eigenvalue from below.
SAFETY = 1.1
# Rows of each level that are looked at in any case, those that may weigh most.
HEAVY_ROWS = 4
# By how much a step of differences is cut, and how often, where it is too long.
CUT, MOST_CUTS = 16.0, 6
# What an estimate may always cost, in single samples of the lower level.
FEW_SAMPLES = 400
SMALL_PROBLEM = 10**7


class ConditioningWarning(UserWarning):
    """The lower objective is not strongly convex where it was looked at."""


def curvature_range(
    problem: BilevelProblem,
    x: np.ndarray,
    y: np.ndarray,
    weight: float = 0.0,
    samples: int | None = None,
) -> tuple[float, float]:
    """Estimates of the extreme eigenvalues of g_yy + weight f_yy at (x, y).

    A few Lanczos steps on differences of gradients from a fixed random start, so that a problem
    with few lower variables is answered exactly. The largest Ritz value gets a margin, a tenth or
    the norm of its residual, whichever is more. The smallest is approached from above, so a value
    below zero proves that the objective is not convex.

    Parameters
    ----------
    problem : BilevelProblem
    x, y : (n_x,), (n_y,) arrays
    weight : float
        Weight of the upper objective.
    samples : int, optional
        Gradients of single samples of the lower level that this may cost, `FEW_SAMPLES` at least:
        fixed random rows of both levels are looked at if it is too few for all. By default all are.

    Returns
    -------
    smallest, largest : float
        Kept with the problem for the latest point.

    Raises
    ------
    ValueError
        If a gradient is not finite.
    """
    steps, shares = _steps_and_share(problem, samples)
    key = Point(x, y), weight, steps, shares

    def estimate(latest: Any) -> tuple[float, float]:
        gradient = _gradient(problem, x, weight, shares)
        values, residual = _ritz_values(gradient, problem.pack_lower(y), steps)
        largest = float(values[-1])
        return float(values[0]), largest + max((SAFETY - 1.0) * abs(largest), residual)

    return problem.keep(f"curvature {bool(weight)}", key, estimate)


def _small_enough(
    gradient: Callable[[np.ndarray], np.ndarray],
    y: np.ndarray,
    v: np.ndarray,
    base: np.ndarray,
    step: float,
) -> float:
    """A step along v so small that the difference of gradients grows with it in proportion.

    On features of large scale a softmax is flat a little further on.
    """
    rounding = np.finfo(y.dtype).eps * math.sqrt(y.size)

    def slope(h: float) -> np.ndarray:
        return (gradient(y + y.dtype.type(h) * v) - base) / y.dtype.type(h)

    wide = slope(step)
    for _ in range(MOST_CUTS):
        near = slope(step / CUT)
        size = float(np.linalg.norm(near))
        noise = rounding * float(np.linalg.norm(base) + np.linalg.norm(near) * step) / step * CUT
        off = float(np.linalg.norm(near - wide))
        if not off > 0.1 * size + 10.0 * noise:
            break
        step, wide = step / CUT, near
    return step


def samples_for(problem: BilevelProblem, iteration: int) -> int:
    """Gradients of single lower samples that the estimate for a run may cost.

    Parameters
    ----------
    problem : BilevelProblem
    iteration : int
        Lower samples of an outer iteration.
    """
    return max(5 * iteration, 0 if problem.infinite else 3 * problem.n_lower)


def _steps_and_share(problem: BilevelProblem, samples: int | None) -> tuple[int, float]:
    """Lanczos steps, and the share of the rows to look at."""
    n = 1 if problem.infinite else problem.n_lower
    if samples is None:
        return min(STEPS, problem.n_y), 1.0
    samples = max(samples, FEW_SAMPLES)
    # The base, a step of two lengths, and one gradient for each Lanczos step.
    if samples >= (3 + FEW_STEPS) * n:
        return min(STEPS, problem.n_y, samples // n - 3), 1.0
    return min(FEW_STEPS, problem.n_y), samples / ((3 + FEW_STEPS) * n)


def _gradient(
    problem: BilevelProblem, x: np.ndarray, weight: float, share: float
) -> Callable[[np.ndarray], np.ndarray]:
    """The gradient in y of g + weight f on a share of the rows, y in the internal layout."""
    parts = []
    for name, factor in (("grad_lower_y", 1.0), ("grad_upper_y", weight)):
        if factor:
            parts += [
                (factor * part, gradient_at(problem, name, x, rows))
                for part, rows in _rows(problem, SIMPLE[name], share)
            ]

    def gradient(packed: np.ndarray) -> np.ndarray:
        total = np.zeros_like(packed)
        for factor, at in parts:
            total += np.multiply(at(packed), factor, dtype=total.dtype)
        return total

    return gradient


def _rows(problem: BilevelProblem, oracle: Any, share: float) -> list[tuple[float, np.ndarray]]:
    """Rows to look at, with what their mean counts in the mean over all."""
    n = oracle.samples(problem)
    if share >= 1.0:
        return [(1.0, all_rows(n, problem.infinite))]
    # A few rows may be all that matters: they are looked at, and weigh what they weigh.
    heavy = problem.heavy_rows(oracle.level, HEAVY_ROWS)
    chosen = np.random.default_rng(0).choice(n, max(1, int(share * n)), replace=False)
    others = np.setdiff1d(chosen, heavy)
    parts = [(heavy.size / n, heavy), (1.0 - heavy.size / n, others)]
    return [(part, rows) for part, rows in parts if rows.size]


def gradient_at(
    problem: BilevelProblem, name: str, x: np.ndarray, rows: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    """The gradient `name` at x on these rows, as a function of y in the internal layout."""
    entry, function, k = SIMPLE[name], problem.oracle(name), problem.kernels
    x, rows = place(k, (x, rows))
    arguments = problem.placed_arguments(max(1, rows.size))

    def gradient(packed: np.ndarray) -> np.ndarray:
        y, out = place(k, (packed, entry.out(problem)))
        call_oracle(function, (*arguments, x, y, rows, out))
        return fetch(out)

    return gradient


def _ritz_values(
    gradient: Callable[[np.ndarray], np.ndarray], y: np.ndarray, steps: int
) -> tuple[np.ndarray, float]:
    """Ritz values of the Jacobian of `gradient` at y, rising, and the residual of the last."""
    step = float(np.finfo(y.dtype).eps) ** (1 / 3) * (1.0 + float(np.linalg.norm(y)))
    base = gradient(y)
    diagonal: list[float] = []
    beside: list[float] = []
    v = np.random.default_rng(0).standard_normal(y.size, dtype=y.dtype.type)
    v /= np.linalg.norm(v)
    before = np.zeros_like(v)
    step = _small_enough(gradient, y, v, base, step)
    # In place: with many lower variables a copy costs as much as a pass over the data.
    (axpy,) = scipy.linalg.get_blas_funcs(("axpy",), (v,))
    for _ in range(steps):
        image = gradient(axpy(v, y.copy(), a=step))
        image -= base
        image /= step
        diagonal.append(float(v @ image))
        axpy(v, image, a=-diagonal[-1])
        if beside:
            axpy(before, image, a=-beside[-1])
        length = float(np.linalg.norm(image))
        if not (math.isfinite(diagonal[-1]) and math.isfinite(length)):
            raise ValueError(
                "The gradient of the lower objective in y is not finite near the starting point: "
                "the data hold NaN or infinity (check_finite=False lets them through), or x0 or y0 "
                "is too large."
            )
        beside.append(length)
        if length <= np.finfo(y.dtype).eps ** 0.5 * max(map(abs, diagonal)):
            break
        image /= length
        before, v = v, image
    values, vectors = scipy.linalg.eigh_tridiagonal(diagonal, beside[:-1])
    return values, beside[-1] * abs(float(vectors[-1, -1]))


def default_step(
    name: str,
    given: Any,
    problem: BilevelProblem,
    x: np.ndarray,
    y: np.ndarray,
    weight: float,
    iteration: int,
) -> Any:
    """`given`, or ``1 / L`` if that is None, L the largest curvature of g and g + weight f in y.

    Called by the `complete` of a method. What it costs is counted in samples of the lower level:
    at most three passes over them, those of five outer iterations, or `FEW_SAMPLES` for each of
    the two objectives, whichever is most; the same share of the upper level comes on top. Where
    features of large scale make it cut its step of differences (`MOST_CUTS`), every cut is one
    gradient more than that.

    Parameters
    ----------
    name, given : str, schedule or None
        The option.
    problem : BilevelProblem
    x, y : (n_x,), (n_y,) arrays
        Where it looks.
    weight : float
        Weight of f.
    iteration : int
        Lower samples of an outer iteration.

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
    samples = samples_for(problem, iteration)
    if weight:
        samples //= 2
    smallest, largest = curvature_range(problem, x, y, samples=samples)
    if smallest < -(np.finfo(problem.dtype).eps ** 0.4) * abs(largest) or not largest > 0:
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
    if weight:
        largest = max(largest, curvature_range(problem, x, y, weight, samples)[1])
    if not largest > 0:
        raise ValueError(
            f"{name} could not be chosen: the lower objective has no positive curvature at the "
            f"starting point. Give {name}."
        )
    return 1.0 / largest


def is_cheap(problem: BilevelProblem) -> bool:
    """True if looking at the curvature costs next to nothing, so that it is done unasked."""
    return problem.infinite or problem.n_lower * problem.n_y <= SMALL_PROBLEM
