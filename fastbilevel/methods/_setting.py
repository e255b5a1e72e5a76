"""What the constants of the papers' schedules depend on, and what several of them share.

Exponents are those printed in the papers, constants come from the curvature of the problem. With
second derivatives steps of x start from 1 / (L kappa^3), the inverse of the smoothness of phi.
Complexities that papers state for the squared norm of the hypergradient are converted to the norm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastbilevel._numerics.curvature import curvature_range
from fastbilevel.problems.base import BilevelProblem
from fastbilevel.problems.uniform_convexity import power_of


@dataclass(frozen=True)
class Setting:
    """What the constants of the schedules depend on.

    Attributes
    ----------
    noise : str
        "both", "upper" or "none".
    eps, sigma : float
        Target norm of the hypergradient; standard deviation of one sample's gradients.
    order : int
        p of F2SA-p.
    L, mu, L_f : float
        Curvatures of g in y, the largest and the smallest, and a bound on that of f in y.
    rows : tuple of two float
        Samples of both levels; inf for infinitely many.
    power : float
        Index of uniform convexity of g; 2 is strong convexity.
    """

    noise: str
    eps: float
    sigma: float
    order: int
    L: float
    mu: float
    L_f: float
    rows: tuple[float, float]
    power: float = 2.0

    @property
    def kappa(self) -> float:
        return self.L / self.mu

    def batch(self, size: float, level: int) -> int | None:
        """`size` rounded up, or None for the full data where that is fewer rows."""
        rows = max(1, math.ceil(size))
        return rows if rows < self.rows[level] else None


def setting_of(
    problem: BilevelProblem, noise: str, eps: float, sigma: float, order: int
) -> Setting:
    x, y = problem.x0, problem.y0
    smallest, largest = curvature_range(problem, x, y)
    if not largest > 0:
        raise ValueError(
            "The lower objective has no positive curvature at the problem's starting point, so no "
            "step size can be derived from it; choose the options by hand."
        )
    # A singular Hessian leaves the kappa of the PL condition unknown: then only the exponents hold.
    mu = smallest if smallest > 1e-6 * largest else largest
    low, high = curvature_range(problem, x, y, 1.0)
    L_f = max(high - mu, largest - low, 0.0)
    rows = (np.inf, np.inf) if problem.infinite else (problem.n_lower, problem.n_upper)
    return Setting(noise, eps, sigma, order, largest, mu, L_f, rows, power_of(problem))


def outer_step(s: Setting) -> float:
    return 1.0 / (4.0 * s.L * s.kappa**3)


def terms(s: Setting) -> int:
    """Terms of a Neumann series whose bias is about eps: kappa log(kappa / eps)."""
    return math.ceil(s.kappa * math.log(1.0 + s.kappa / s.eps))


def batches(s: Setting, power_of_kappa: int) -> dict[str, Any]:
    """Minibatches of kappa^c (sigma / eps)^2 rows; the full data without noise."""
    size = s.kappa**power_of_kappa * (s.sigma / s.eps) ** 2
    lower = s.batch(size, 0) if s.noise == "both" else None
    upper = None if s.noise == "none" else s.batch(size, 1)
    return {"batch_size": lower, "val_batch_size": upper}
