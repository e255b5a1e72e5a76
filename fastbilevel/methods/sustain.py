"""SUSTAIN: recursive momentum on both levels, with a randomly truncated Neumann series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fastbilevel._oracles.linear_solvers import RANDOM_NEUMANN, HypergradientEstimate
from fastbilevel.methods._description import Description
from fastbilevel.methods._recursive_hypergradient import RecursiveHypergradient


@dataclass(frozen=True, kw_only=True)
class SUSTAIN(RecursiveHypergradient):
    """SUSTAIN (Khanduri, Zeng, Hong, Wai, Wang, Yang: A near-optimal algorithm for stochastic
    bilevel optimization via double-momentum, NeurIPS 2021), Algorithm 1.

    The updates of `MRBO` with the hypergradient estimate of `TTSA`, whose number of factors P is
    the same at both points.

    Parameters
    ----------
    inner_steps : int
        1: it is a single loop.
    neumann_steps : int
        Q >= 1.
    neumann_lr : float, schedule or None
        eta of the series. None takes 1 / L, L the largest curvature of g in y at the start.
    lr_y, lr_x : float or schedule
        beta_k and alpha_k, ~ k**(-1/3) in the theory. None for `lr_y` takes 1 / L.
    momentum, lower_momentum : float or schedule
        eta^f_k and eta^g_k, cut off at 1, ~ alpha_{k-1}**2 in the theory; both 1 at first.

    Notes
    -----
    `jac` is the estimator of the hypergradient, taken at (x_k, y_k).
    """

    name: ClassVar[str] = "sustain"
    random_truncation: ClassVar[bool] = True
    description: ClassVar[Description] = Description(
        complexity={"both": "O(eps**-3), up to logs"},
        assumptions=(
            "those of TTSA",
            "every stochastic gradient and product is Lipschitz in the mean square",
        ),
        calls="2 f_y, 2 f_x, 2 g_y, fewer than 2 Q products with g_yy, 2 with g_xy",
        reference="Khanduri et al., NeurIPS 2021, Algorithm 1, Theorem 3.2",
    )

    def estimate(self) -> HypergradientEstimate:
        return RANDOM_NEUMANN
