"""AmIGO: warm-started steps on y and on the linear system."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from fastbilevel._oracles.linear_solvers import GRADIENT_DESCENT, HypergradientEstimate
from fastbilevel.methods._description import Description
from fastbilevel.methods._setting import Setting, batches, outer_step
from fastbilevel.methods._solve_then_step import LinearSteps


@dataclass(frozen=True, kw_only=True)
class AmIGO(LinearSteps):
    """AmIGO (Arbel and Mairal: Amortized implicit differentiation, ICLR 2022), Algorithm 1.

    `inner_steps` times ``y <- y - lr_y G_y(x, y)``; F_x and F_y on one minibatch at the new y;
    `linear_steps` times ``v <- v - lr_v (G_yy v - F_y)``, F_y fixed and G_yy on fresh minibatches;
    ``x <- P_X(x - lr_x (F_x - G_xy v))``. y and v start where they were.

    Parameters
    ----------
    inner_steps, linear_steps : int
        T and M.
    lr_y : float, schedule or None
        Step of y. None takes 1 / L, L the largest curvature of g in y at the start.
    lr_v : float, schedule or None
        Step of v. None takes `lr_y`.
    lr_x : float or schedule
        gamma.
    """

    name: ClassVar[str] = "amigo"
    description: ClassVar[Description] = Description(
        complexity={"both": "O(eps**-4), no logarithm"},
        assumptions=(
            "g is mu-strongly convex in y; f is Lipschitz; f, g, g_yy, g_xy are Lipschitz",
            "unbiased gradients and products of bounded variance",
        ),
        calls="1 f_y, 1 f_x, T g_y, M products with g_yy, 1 with g_xy",
        reference="Arbel and Mairal, ICLR 2022, Algorithms 1 to 3",
    )

    def estimate(self) -> HypergradientEstimate:
        return GRADIENT_DESCENT

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        steps = math.ceil(s.kappa)
        return {
            "lr_y": 1.0 / s.L,
            "lr_v": 1.0 / s.L,
            "lr_x": outer_step(s),
            "inner_steps": steps,
            "linear_steps": steps,
            **batches(s, 2),
        }
