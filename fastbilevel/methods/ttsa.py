"""TTSA: two time scales in a single loop, with a randomly truncated Neumann series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from fastbilevel._oracles.linear_solvers import RANDOM_NEUMANN, HypergradientEstimate
from fastbilevel._schedules import Power
from fastbilevel.methods._description import Description
from fastbilevel.methods._second_order import NeumannMethod
from fastbilevel.methods._setting import Setting, outer_step, terms
from fastbilevel.methods._solve_then_step import SolveThenStep


@dataclass(frozen=True, kw_only=True)
class TTSA(NeumannMethod, SolveThenStep):
    """TTSA (Hong, Wai, Wang, Yang: A two-timescale framework for bilevel optimization).

    ``y <- y - lr_y G_y(x, y)``, then at the new y with P uniform in {0, ..., Q - 1},
    ``v = Q eta (I - eta G_yy) ... (I - eta G_yy) F_y``, P factors on minibatches of their own, and
    ``x <- P_X(x - lr_x (F_x - G_xy v))``.

    Parameters
    ----------
    inner_steps : int
        Steps of y; the paper has 1.
    neumann_steps : int
        Q >= 1.
    neumann_lr : float, schedule or None
        eta. None takes 1 / L, L the largest curvature of g in y at the start.
    lr_y, lr_x : float or schedule
        beta_k and alpha_k; the theory has them decrease as k**(-2/5) and k**(-3/5). None for
        `lr_y` takes 1 / L.

    Notes
    -----
    G_xy is taken on a minibatch of its own, F_x and F_y on one.
    """

    name: ClassVar[str] = "ttsa"
    random_truncation: ClassVar[bool] = True
    description: ClassVar[Description] = Description(
        complexity={"both": "O(eps**-5)"},
        assumptions=(
            "g is mu-strongly convex in y; f is Lipschitz; f, g, g_yy, g_xy are Lipschitz",
            "unbiased gradients and products of bounded variance; X is convex",
        ),
        calls="1 f_y, 1 f_x, 1 g_y, fewer than Q products with g_yy, 1 with g_xy",
        reference="Hong et al., SIAM J. Optim. 2023, Algorithm 1",
    )

    inner_steps: int = 1

    def estimate(self) -> HypergradientEstimate:
        return RANDOM_NEUMANN

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        return {
            "lr_y": Power(1.0 / s.L, 2 / 5),
            "lr_x": Power(outer_step(s), 3 / 5),
            "neumann_steps": terms(s),
            "neumann_lr": 1.0 / s.L,
        }
