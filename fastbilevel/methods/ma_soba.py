"""MA-SOBA: SOBA whose upper direction is a moving average."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fastbilevel._schedules import Power, Schedule, values_of
from fastbilevel.methods._description import Description
from fastbilevel.methods._joint import JointSteps, decaying_steps
from fastbilevel.methods._kinds import Kind, positive
from fastbilevel.methods._setting import Setting


@dataclass(frozen=True, kw_only=True)
class MASOBA(JointSteps):
    """MA-SOBA (Chen, Xiao, Balasubramanian: Optimal algorithms for stochastic bilevel optimization
    under relaxed smoothness conditions, 2023), Algorithm 1.

    With one minibatch of the lower level for G_y, G_yy v and G_xy v and one of the upper level for
    F_y and F_x, all at the old (x, y, v), ``x <- P_X(x - lr_x h)``, ``y <- y - lr_y G_y``,
    ``v <- v - lr_v (G_yy v - F_y)`` and last ``h <- (1 - theta) h + theta (F_x - G_xy v)``, v the
    old one.

    Parameters
    ----------
    lr_y : float, schedule or None
        beta_k. None takes 1 / L, L the largest curvature of g in y at the start.
    lr_v : float, schedule or None
        gamma_k. None takes `lr_y`.
    lr_x : float or schedule
        alpha_k.
    momentum : float or schedule
        theta_k, the weight of the new direction, cut off at 1.

    Notes
    -----
    v and h start at 0, so x first moves in the second iteration. The paper also analyses the order
    in which x follows the new h. `jac` is the old h, along which x went. The theory has all steps
    ~ k**(-1/2).
    """

    name: ClassVar[str] = "ma-soba"
    uses_average: ClassVar[bool] = True
    kinds: ClassVar[Mapping[str, Kind]] = {"momentum": positive}
    description: ClassVar[Description] = Description(
        complexity={"both": "O(eps**-4)"},
        assumptions=(
            "g is mu-strongly convex in y; f, g, g_yy, g_xy are Lipschitz, no third derivatives",
            "unbiased gradients and products of bounded variance",
        ),
        calls="1 f_y, 1 f_x, 1 g_y, 1 product with g_yy, 1 with g_xy, on one lower minibatch",
        reference="Chen, Xiao, Balasubramanian, 2023, Algorithm 1, Theorem 1",
    )

    momentum: Schedule = 0.1

    def weights_of_new(self, first: int, n: int) -> np.ndarray:
        return np.minimum(values_of("momentum", self.momentum, first, n), 1.0)

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        return decaying_steps(s) | {"momentum": Power(1.0, 0.0 if s.noise == "none" else 1 / 2)}
