"""Conjugate gradients for symmetric positive semidefinite systems, minimum norm if singular."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Product = Callable[[np.ndarray], np.ndarray]

# A direction d with <d, H d> at most this times |d| |H d| has no curvature left to use: with
# exact products the ratio is at least about 2 / sqrt(condition number of H).
FLAT = 1e-12
REFINEMENTS = 3


@dataclass
class LinearSolution:
    """What conjugate gradients found for H v = b.

    Attributes
    ----------
    v : (n,) float64 array
    residual : float
        ||b - H v||.
    """

    v: np.ndarray
    residual: float


def conjugate_gradients(
    product: Product, b: np.ndarray, tol: float, max_iterations: int
) -> LinearSolution:
    """Solve H v = b from v = 0, until ||b - H v|| <= `tol` or a flat direction is met.

    Parameters
    ----------
    product : callable
        v -> H v.
    b : (n,) float64 array
    tol : float
    max_iterations : int
    """
    v, r = np.zeros_like(b), b.copy()
    d, square = r.copy(), float(r @ r)
    for _ in range(max_iterations):
        if math.sqrt(square) <= tol:
            break
        q = product(d)
        curvature = float(d @ q)
        if not curvature > FLAT * float(np.linalg.norm(d)) * float(np.linalg.norm(q)):
            break
        step = square / curvature
        v += step * d
        r -= step * q
        before, square = square, float(r @ r)
        d *= square / before
        d += r
    return LinearSolution(v, math.sqrt(square))


def minimum_norm(product: Product, b: np.ndarray, tol: float) -> LinearSolution:
    """H^+ b, the least-squares solution of H v = b that has the smallest norm.

    Conjugate gradients from zero stay in the range of H and find it if b lies there. If they do
    not get to ``||b - H v|| <= tol ||b||``, b is projected on the range first: the smallest
    solution u of H u = H b is that projection.

    Parameters
    ----------
    product : callable
        v -> H v, H symmetric positive semidefinite.
    b : (n,) float64 array
    tol : float
        Relative to ||b||.
    """
    limit = min(max(50, 2 * b.size), 5000)
    absolute = tol * float(np.linalg.norm(b))
    direct = _refined(product, b, absolute, limit)
    if direct.residual <= absolute:
        return direct
    image = product(b)
    projected = _refined(product, image, 0.1 * tol * float(np.linalg.norm(image)), limit)
    solution = _refined(product, projected.v, absolute, limit)
    return LinearSolution(solution.v, float(np.linalg.norm(b - product(solution.v))))


def _refined(product: Product, b: np.ndarray, tol: float, limit: int) -> LinearSolution:
    """Conjugate gradients, started again on the true residual while that helps."""
    solution = conjugate_gradients(product, b, tol, limit)
    r = b - product(solution.v)
    solution.residual = float(np.linalg.norm(r))
    for _ in range(REFINEMENTS):
        if solution.residual <= tol:
            break
        correction = conjugate_gradients(product, r, tol, limit)
        v = solution.v + correction.v
        r = b - product(v)
        norm = float(np.linalg.norm(r))
        if not norm < solution.residual:
            break
        solution = LinearSolution(v, norm)
    return solution
