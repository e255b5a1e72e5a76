"""SOBA: one stochastic step of y, v and x at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from fastbilevel.methods._description import Description
from fastbilevel.methods._joint import JointSteps, decaying_steps
from fastbilevel.methods._setting import Setting


@dataclass(frozen=True, kw_only=True)
class SOBA(JointSteps):
    """SOBA (Dagreou, Ablin, Vaiter, Moreau: A framework for bilevel optimization that enables
    stochastic and global variance reduction algorithms, NeurIPS 2022), Algorithm 1.

    With one minibatch of the lower level for G_y, G_yy v and G_xy v, one of the upper level for
    F_y and F_x, and all of them at the old (x, y, v),

    ``y <- y - lr_y G_y``, ``v <- v - lr_v (G_yy v + F_y)``, ``x <- P_X(x - lr_x (F_x + G_xy v))``.

    Parameters
    ----------
    lr_y : float, schedule or None
        rho_k. None takes 1 / L, L the largest curvature of g in y at the start.
    lr_v : float, schedule or None
        Step of v, which diverges above 2 / L. None takes `lr_y`, as the paper.
    lr_x : float or schedule
        gamma_k.

    Notes
    -----
    v stands for -g_yy^-1 f_y and starts at 0. The theory has rho_k and gamma_k ~ k**(-1/2).
    """

    name: ClassVar[str] = "soba"
    description: ClassVar[Description] = Description(
        complexity={"both": "O(eps**-4)"},
        assumptions=(
            "g is mu-strongly convex in y, with Lipschitz third derivatives; f is Lipschitz",
            "unbiased directions of bounded variance, v bounded",
        ),
        calls="1 f_y, 1 f_x, 1 g_y, 1 product with g_yy, 1 with g_xy, on one lower minibatch",
        reference="Dagreou et al., NeurIPS 2022, Algorithm 1, Theorem 1",
    )

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        return decaying_steps(s)
