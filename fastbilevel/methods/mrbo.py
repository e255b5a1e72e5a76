"""MRBO: recursive momentum on both levels, with a Neumann series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fastbilevel.methods._description import Description
from fastbilevel.methods._recursive_hypergradient import RecursiveHypergradient


@dataclass(frozen=True, kw_only=True)
class MRBO(RecursiveHypergradient):
    """MRBO (Yang, Ji, Liang: Provably faster algorithms for bilevel optimization, NeurIPS 2021),
    Algorithm 1.

    With h(x, y) the hypergradient estimate of `StocBiO`,

    ``v_k = h(x_k, y_k) + (1 - a_k) (v_{k-1} - h(x_{k-1}, y_{k-1}))``,
    ``u_k = G_y(x_k, y_k) + (1 - b_k) (u_{k-1} - G_y(x_{k-1}, y_{k-1}))``,

    each difference on one set of minibatches, all Q + 2 of h included; then at once
    ``x <- P_X(x - lr_x v_k)`` and ``y <- y - lr_y u_k``.

    Parameters
    ----------
    inner_steps : int
        1: it is a single loop.
    neumann_steps : int
        Q >= 0.
    neumann_lr : float, schedule or None
        eta of the series. None takes 1 / L, L the largest curvature of g in y at the start.
    lr_y, lr_x : float or schedule
        lambda eta_k and gamma eta_k, eta_k ~ k**(-1/3) in the theory. None for `lr_y` takes 1 / L.
    momentum, lower_momentum : float or schedule
        a_k and b_k, cut off at 1, ~ k**(-2/3) in the theory; a_0 = b_0 = 1.

    Notes
    -----
    `jac` is v_k. The authors' code evaluates the old gradients at the new points, since it keeps
    no copies of them.
    """

    name: ClassVar[str] = "mrbo"
    description: ClassVar[Description] = Description(
        complexity={"both": "O(kappa**6 eps**-3), up to logs"},
        assumptions=(
            "those of stocBiO",
            "every stochastic gradient and product is Lipschitz in the mean square",
        ),
        calls="2 f_y, 2 f_x, 2 g_y, 2 Q products with g_yy, 2 with g_xy",
        reference="Yang, Ji, Liang, NeurIPS 2021, Algorithm 1, Theorem 1",
    )
