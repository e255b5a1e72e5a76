"""stocBiO: a double loop with a Neumann series."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from fastbilevel.methods._description import Description
from fastbilevel.methods._second_order import NeumannMethod
from fastbilevel.methods._setting import Setting, batches, outer_step, terms
from fastbilevel.methods._solve_then_step import SolveThenStep


@dataclass(frozen=True, kw_only=True)
class StocBiO(NeumannMethod, SolveThenStep):
    """stocBiO (Ji, Yang, Liang: Bilevel optimization: convergence analysis and enhanced design,
    ICML 2021), Algorithm 2.

    y takes `inner_steps` steps ``y <- y - lr_y G_y(x, y)`` from where it was. Then, with F_x and
    F_y on one minibatch, ``r_0 = F_y`` and ``r_q = (I - eta G_yy) r_{q-1}`` on a fresh minibatch
    for every q, ``v = eta sum_{q=0..Q} r_q`` and ``x <- P_X(x - lr_x (F_x - G_xy v))``, G_xy on a
    minibatch of its own.

    Parameters
    ----------
    inner_steps : int
        D.
    neumann_steps : int
        Q >= 0. The bias of v is -(I - eta g_yy)^(Q+1) g_yy^-1 f_y.
    neumann_lr : float, schedule or None
        eta. None takes 1 / L, L the largest curvature of g in y at the start.
    lr_y : float, schedule or None
        alpha. None takes 1 / L.
    lr_x : float or schedule
        beta.

    Notes
    -----
    The minibatches of the series are of one size; the theory lets them shrink geometrically. The
    authors' code computes ``eta r_Q + sum_{q=1..Q} r_q`` instead of ``eta sum_{q=0..Q} r_q``.
    """

    name: ClassVar[str] = "stocbio"
    description: ClassVar[Description] = Description(
        complexity={"both": "O(kappa**9 eps**-4) g_y, O(kappa**6 eps**-4) products, up to logs"},
        assumptions=(
            "g is mu-strongly convex in y; f is Lipschitz; f, g, g_yy, g_xy are Lipschitz",
            "unbiased gradients and products of bounded variance",
        ),
        calls="1 f_y, 1 f_x, D g_y, Q products with g_yy, 1 with g_xy",
        reference="Ji, Yang, Liang, ICML 2021, Algorithm 2, Theorem 3",
    )

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        return {
            "lr_y": 2.0 / (s.L + s.mu),
            "lr_x": outer_step(s),
            "neumann_lr": 1.0 / s.L,
            "neumann_steps": terms(s),
            "inner_steps": math.ceil(s.kappa * math.log(1.0 + s.kappa)),
            **batches(s, 2),
        }
