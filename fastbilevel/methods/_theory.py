"""The papers' schedules: exponents as printed, constants from the curvature of the problem."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastbilevel import _theory_second_order
from fastbilevel._checks.values import closest
from fastbilevel._numerics.curvature import curvature_range
from fastbilevel._schedules import Power
from fastbilevel.problems.uniform_convexity import power_of

if TYPE_CHECKING:
    from fastbilevel.problems.base import BilevelProblem

NOISES = ("both", "upper", "none")

# (a, c): alpha ~ k**-a, gamma ~ k**-c, lambda ~ k**(a - c). Kwon et al., ICML 2023.
F2SA_EXPONENTS = {"both": (5 / 7, 4 / 7), "upper": (3 / 5, 2 / 5), "none": (1 / 3, 0.0)}
F3SA_EXPONENTS = {"both": (3 / 5, 2 / 5), "upper": (1 / 2, 1 / 4), "none": (1 / 3, 0.0)}
# c: gamma ~ k**-c, T ~ M ~ k**c; sigma ~ k**(-1/3) throughout. Kwon et al., ICLR 2024.
PROX_F2SA_EXPONENTS = {"both": 4 / 3, "upper": 2 / 3, "none": 0.0}
# (a, s, n): alpha ~ beta ~ gamma ~ k**-a, sigma ~ k**-s, eta ~ k**-n. Kwon et al., ICLR 2024.
PROX_F3SA_EXPONENTS = {
    "both": (2 / 5, 1 / 5, 4 / 5),
    "upper": (1 / 4, 1 / 4, 1 / 2),
    "none": (0.0, 1 / 3, 0.0),
}


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


def theory(
    method: str,
    problem: BilevelProblem,
    noise: str = "both",
    *,
    eps: float = 0.1,
    sigma: float = 1.0,
    order: int = 2,
) -> dict[str, Any]:
    """Options of `method` as its paper chooses them, for ``fb.minimize(..., **theory(...))``.

    The exponents are the papers'. The constants in front, which the papers give up to factors only,
    come from the largest and the smallest curvature of g in y and the largest of f, estimated at
    the problem's starting point.

    Parameters
    ----------
    method : str
        One of `fastbilevel.methods.list`.
    problem : BilevelProblem
    noise : {"both", "upper", "none"}
        Which levels are noisy. It decides exponents, and batch sizes where the paper has them;
        "none" asks for the full data.
    eps : float
        Wanted norm of the hypergradient; read by methods whose parameters do not change during the
        run, such as "f2ba" and "f2sa-p", and for the length of Neumann series.
    sigma : float
        Standard deviation of one sample's gradient; read by the same.
    order : int
        p of "f2sa-p".

    Returns
    -------
    dict of str to object
        Options by name. Batch sizes are left out where the paper takes single samples: choose them.

    Raises
    ------
    ValueError
        If the method has no such schedule, the noise is one its paper does not treat, or g has no
        positive curvature at the starting point.
    """
    if method not in _SCHEDULES:
        raise ValueError(closest(method, _SCHEDULES, "method with a theory schedule:"))
    if noise not in NOISES:
        raise ValueError(f"noise must be one of {', '.join(NOISES)}; got {noise!r}.")
    for name, value in (("eps", eps), ("sigma", sigma)):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be positive and finite; got {value}.")
    return _SCHEDULES[method](_setting(problem, noise, eps, sigma, order))


def _setting(problem: BilevelProblem, noise: str, eps: float, sigma: float, order: int) -> Setting:
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


def _f2sa(s: Setting) -> dict[str, Any]:
    steps = math.ceil(s.kappa)
    return _two_rates(s, *F2SA_EXPONENTS[s.noise], steps) | {"inner_steps": steps}


def _f3sa(s: Setting) -> dict[str, Any]:
    a, c = F3SA_EXPONENTS[s.noise]
    return _two_rates(s, a, c, 1) | {"momentum": Power(1.0, 2 * c)}


def _two_rates(s: Setting, a: float, c: float, steps: int) -> dict[str, Any]:
    """lambda_k = gamma_k / (2 alpha_k), so that y takes half the step of z on g + f / lambda."""
    gamma = min(1.0 / (4.0 * s.L), 1.0 / (4.0 * steps * s.mu))
    penalty = max(1.0, 2.0 * s.L_f / s.mu)
    alpha = gamma / (2.0 * penalty)
    return {
        "lr_z": Power(gamma, c),
        "lr_y": Power(alpha, a),
        "lr_x": Power(alpha, a),
        "penalty": Power(penalty, c - a),
    }


def _f2ba(s: Setting) -> dict[str, Any]:
    penalty = max(2.0 * s.L_f / s.mu, s.L * s.kappa**3 / s.eps)
    options: dict[str, Any] = {
        "penalty": penalty,
        "lr_z": 1.0 / (2.0 * s.L),
        "lr_x": 1.0 / (s.L * s.kappa**3),
        "inner_steps": math.ceil(2.0 * s.kappa * math.log(1.0 + penalty * s.kappa / s.eps)),
    }
    of_upper = (s.sigma / s.eps) ** 2
    if s.noise == "upper":
        options["batch_size"] = None
        options["val_batch_size"] = s.batch(s.kappa**2 * of_upper, 1)
    elif s.noise == "both":
        size = s.kappa**2 * of_upper * (1.0 + penalty**2)
        options["batch_size"], options["val_batch_size"] = s.batch(size, 0), s.batch(size, 1)
    return options


def _acc_f2ba(s: Setting) -> dict[str, Any]:
    if s.noise != "none":
        raise ValueError(f"acc-f2ba is deterministic: noise must be 'none'; got {s.noise!r}.")
    root = math.sqrt(s.kappa)
    return _f2ba(s) | {
        "inner_steps": math.ceil(2.0 * root * math.log(1.0 + s.L * s.kappa**4 / s.eps**2)),
        "inner_momentum": (root - 1.0) / (root + 1.0),
    }


def _f2sa_p(s: Setting) -> dict[str, Any]:
    """Theorem 3.1; the step of y is cut off at 1 / (2 L) where the noise is small."""
    p, kappa = s.order, s.kappa
    furthest = (p + 1) // 2
    nu = min(1.0 / (2.0 * kappa * furthest), (s.eps / (s.L * kappa ** (2 * p + 1))) ** (1.0 / p))
    ratio = 0.0 if s.noise == "none" else (s.sigma / (nu * s.eps)) ** 2
    steps = math.log(1.0 + s.L * kappa / (nu * s.eps))
    options = {
        "order": p,
        "nu": nu,
        "lr_x": s.eps / (s.L * kappa**3),
        "lr_y": min(1.0, 1.0 / (kappa * ratio) if ratio else 1.0) / (2.0 * s.L),
        "inner_steps": math.ceil(kappa * max(1.0, kappa * ratio) * steps),
    }
    batch = _fewest(s.batch(ratio, 0), s.batch(ratio, 1)) if ratio else None
    return options | {"outer_batch_size": batch, "shared_samples": "outer"}


def _fewest(lower: int | None, upper: int | None) -> int | None:
    return None if lower is None or upper is None else min(lower, upper)


def _prox_f2sa(s: Setting) -> dict[str, Any]:
    c, prox = PROX_F2SA_EXPONENTS[s.noise], 1.0 / (2.0 * s.L)
    return {
        "prox": prox,
        "lr_x": prox,
        "smoothing": 0.5,
        "nu": Power(0.5 / s.kappa, 1 / 3),
        "lr_y": Power(1.0 / (s.L + 1.0 / prox), c),
        "inner_steps": Power(1.0, -c),
        "outer_batches": Power(1.0, -c),
    }


def _prox_f3sa(s: Setting) -> dict[str, Any]:
    a, sigma, eta = PROX_F3SA_EXPONENTS[s.noise]
    prox = 1.0 / (2.0 * s.L)
    return {
        "prox": prox,
        "lr_x": Power(prox, a),
        "smoothing": Power(0.5, a),
        "nu": Power(0.5 / s.kappa, sigma),
        "lr_y": Power(1.0 / (s.L + 1.0 / prox), a),
        "momentum": Power(1.0, eta),
    }


def _bome(s: Setting) -> dict[str, Any]:
    """xi ~ K**(-1/2), here as k**(-1/2): from memory of the paper."""
    if s.noise != "none":
        raise ValueError(f"bome is deterministic: noise must be 'none'; got {s.noise!r}.")
    return {"lr_inner": 1.0 / s.L, "lr": Power(1.0 / (2.0 * (s.L + s.L_f)), 1 / 2)}


_SCHEDULES: dict[str, Callable[[Setting], dict[str, Any]]] = {
    "f2sa": _f2sa,
    "f3sa": _f3sa,
    "f2ba": _f2ba,
    "acc-f2ba": _acc_f2ba,
    "f2sa-p": _f2sa_p,
    "prox-f2sa": _prox_f2sa,
    "prox-f3sa": _prox_f3sa,
    "bome": _bome,
    **_theory_second_order.SCHEDULES,
}
