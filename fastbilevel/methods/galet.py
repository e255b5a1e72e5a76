"""GALET: gradient descent on y and on the normal equations of the linear system."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from fastbilevel._oracles.linear_solvers import NORMAL_EQUATIONS, HypergradientEstimate
from fastbilevel._schedules import Schedule, values_of
from fastbilevel.methods._description import Description
from fastbilevel.methods._setting import Setting, outer_step
from fastbilevel.methods._solve_then_step import LinearSteps


@dataclass(frozen=True, kw_only=True)
class GALET(LinearSteps):
    """GALET (Xiao, Lu, Chen: A generalized alternating method for bilevel optimization under the
    Polyak-Lojasiewicz condition, NeurIPS 2023).

    `inner_steps` times ``y <- y - lr_y g_y(x, y)``; from v = 0, `linear_steps` times
    ``v <- v + lr_v g_yy (f_y - g_yy v)``, which stays in the range of g_yy and so converges to the
    minimum-norm solution where g_yy is singular; ``x <- P_X(x - lr_x (f_x - g_xy v))``.

    Parameters
    ----------
    inner_steps, linear_steps : int
        N and T.
    lr_y : float, schedule or None
        beta. None takes 1 / L, L the largest curvature of g in y at the start.
    lr_v : float, schedule or None
        rho. None takes the square of the first `lr_y`.
    lr_x : float or schedule
        alpha.

    Notes
    -----
    The paper's w is -v, and its gradients are exact; with minibatches every product has one of its
    own, which leaves ``g_yy g_yy`` unbiased. Where the lower solution is not unique it finds a
    point with f_x = g_xy v at the solution that gradient descent leads to, which need not be
    stationary for phi; the penalty methods find one that is.
    """

    name: ClassVar[str] = "galet"
    description: ClassVar[Description] = Description(
        complexity={"none": "O(kappa**5 eps**-2), up to logs"},
        assumptions=(
            "g is PL in y; the smallest nonzero eigenvalue of g_yy is bounded below",
            "f, g, g_yy, g_xy are Lipschitz; exact gradients",
        ),
        calls="1 f_y, 1 f_x, N g_y, 2 T products with g_yy, 1 with g_xy",
        reference="Xiao, Lu, Chen, NeurIPS 2023",
    )

    def step_of_v(self, lr_y: Schedule) -> Schedule:
        return float(values_of("lr_y", lr_y, 0, 1)[0]) ** 2

    def products_per_step(self) -> int:
        return 2

    def estimate(self) -> HypergradientEstimate:
        return NORMAL_EQUATIONS

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        if s.noise != "none":
            raise ValueError(f"galet is deterministic: noise must be 'none'; got {s.noise!r}.")
        return {
            "lr_y": 1.0 / s.L,
            "lr_v": 1.0 / s.L**2,
            "lr_x": outer_step(s),
            "inner_steps": math.ceil(s.kappa),
            "linear_steps": math.ceil(s.kappa**2 * math.log(1.0 + s.kappa / s.eps)),
        }
