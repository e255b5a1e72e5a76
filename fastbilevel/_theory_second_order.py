"""The papers' schedules of the methods with second derivatives.

Step sizes of x start from 1 / (L kappa^3), the inverse of the smoothness of phi. Complexities that
papers state for the squared norm of the hypergradient are converted to the norm, eps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastbilevel._schedules import Power

if TYPE_CHECKING:
    from fastbilevel.methods._theory import Setting


def _outer_step(s: Setting) -> float:
    return 1.0 / (4.0 * s.L * s.kappa**3)


def _terms(s: Setting) -> int:
    """Terms of a Neumann series whose bias is about eps: kappa log(kappa / eps)."""
    return math.ceil(s.kappa * math.log(1.0 + s.kappa / s.eps))


def _batches(s: Setting, power_of_kappa: int) -> dict[str, Any]:
    """Minibatches of kappa^c (sigma / eps)^2 rows; the full data without noise."""
    size = s.kappa**power_of_kappa * (s.sigma / s.eps) ** 2
    lower = s.batch(size, 0) if s.noise == "both" else None
    upper = None if s.noise == "none" else s.batch(size, 1)
    return {"batch_size": lower, "val_batch_size": upper}


def _galet(s: Setting) -> dict[str, Any]:
    if s.noise != "none":
        raise ValueError(f"galet is deterministic: noise must be 'none'; got {s.noise!r}.")
    return {
        "lr_y": 1.0 / s.L,
        "lr_v": 1.0 / s.L**2,
        "lr_x": _outer_step(s),
        "inner_steps": math.ceil(s.kappa),
        "linear_steps": math.ceil(s.kappa**2 * math.log(1.0 + s.kappa / s.eps)),
    }


def _bsa(s: Setting) -> dict[str, Any]:
    """beta_t = 2 / (mu (t + 2)), held below 1 / L at first by a larger offset."""
    return {
        "lr_y": Power(2.0 / s.mu, 1.0, offset=max(2.0, 2.0 * s.kappa)),
        "lr_x": Power(_outer_step(s), 1 / 2),
        "neumann_steps": _terms(s),
        "neumann_lr": 1.0 / s.L,
    }


def _ttsa(s: Setting) -> dict[str, Any]:
    return {
        "lr_y": Power(1.0 / s.L, 2 / 5),
        "lr_x": Power(_outer_step(s), 3 / 5),
        "neumann_steps": _terms(s),
        "neumann_lr": 1.0 / s.L,
    }


def _stocbio(s: Setting) -> dict[str, Any]:
    return {
        "lr_y": 2.0 / (s.L + s.mu),
        "lr_x": _outer_step(s),
        "neumann_lr": 1.0 / s.L,
        "neumann_steps": _terms(s),
        "inner_steps": math.ceil(s.kappa * math.log(1.0 + s.kappa)),
        **_batches(s, 2),
    }


def _storm(s: Setting) -> dict[str, Any]:
    """MRBO and SUSTAIN: steps ~ k^(-1/3), weights ~ k^(-2/3)."""
    return {
        "lr_y": Power(1.0 / s.L, 1 / 3),
        "lr_x": Power(_outer_step(s), 1 / 3),
        "momentum": Power(1.0, 2 / 3),
        "lower_momentum": Power(1.0, 2 / 3),
        "neumann_lr": 1.0 / s.L,
        "neumann_steps": _terms(s),
    }


def _vrbo(s: Setting) -> dict[str, Any]:
    """q ~ kappa / eps, S_1 ~ kappa^2 / eps^2 in minibatches of S_2 ~ kappa^5 / eps, m ~ kappa."""
    small = s.kappa**5 * s.sigma**2 / s.eps
    large = s.kappa**2 * (s.sigma / s.eps) ** 2
    exact = s.noise == "none"
    return {
        "lr_y": 1.0 / (s.L * s.kappa),
        "lr_x": _outer_step(s),
        "period": math.ceil(s.kappa / s.eps),
        "inner_steps": math.ceil(16.0 * (s.kappa + 1.0)),
        "refresh_batches": 1 if exact else math.ceil(max(1.0, large / small)),
        "neumann_lr": 1.0 / s.L,
        "neumann_steps": _terms(s),
        "batch_size": s.batch(small, 0) if s.noise == "both" else None,
        "val_batch_size": None if exact else s.batch(small, 1),
    }


def _joint(exponent: float) -> Callable[[Setting], dict[str, Any]]:
    def options(s: Setting) -> dict[str, Any]:
        decay = 0.0 if s.noise == "none" else exponent
        return {
            "lr_y": Power(1.0 / s.L, decay),
            "lr_v": Power(1.0 / s.L, decay),
            "lr_x": Power(_outer_step(s), decay),
        }

    return options


def _ma_soba(s: Setting) -> dict[str, Any]:
    return _joint(1 / 2)(s) | {"momentum": Power(1.0, 0.0 if s.noise == "none" else 1 / 2)}


def _saba(s: Setting) -> dict[str, Any]:
    """Constant steps ~ (n + m)^(-2/3)."""
    share = min(1 / 3, sum(s.rows) ** (-2 / 3)) if s.noise != "none" else 1 / 3
    return {"lr_y": share / s.L, "lr_v": share / s.L, "lr_x": share * _outer_step(s)}


def _amigo(s: Setting) -> dict[str, Any]:
    steps = math.ceil(s.kappa)
    return {
        "lr_y": 1.0 / s.L,
        "lr_v": 1.0 / s.L,
        "lr_x": _outer_step(s),
        "inner_steps": steps,
        "linear_steps": steps,
        **_batches(s, 2),
    }


def _unibio(s: Setting) -> dict[str, Any]:
    """1 - beta ~ eps^2, eta ~ eps^(3 (p-1)), K_t ~ eps^(-2 (p-1)), I ~ eps^-2; orders, inferred.

    The constants are 1. BO-REP has them for p = 2.
    """
    p, eps = s.power, min(s.eps, 1.0)
    return {
        "lr_x": eps ** (3.0 * (p - 1.0)),
        "momentum": 1.0 - min(0.5, eps**2),
        "lower_budget": math.ceil(eps ** (-2.0 * (p - 1.0))),
        "period": math.ceil(eps**-2),
        "neumann_steps": _terms(s),
    }


SCHEDULES: dict[str, Callable[[Setting], dict[str, Any]]] = {
    "galet": _galet,
    "bsa": _bsa,
    "ttsa": _ttsa,
    "stocbio": _stocbio,
    "mrbo": _storm,
    "vrbo": _vrbo,
    "sustain": _storm,
    "soba": _joint(1 / 2),
    "saba": _saba,
    "ma-soba": _ma_soba,
    "amigo": _amigo,
    "unibio": _unibio,
    "bo-rep": _unibio,
}
