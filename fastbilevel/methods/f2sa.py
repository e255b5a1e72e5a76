"""F2SA: fully-first-order stochastic approximation with a growing penalty."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from fastbilevel._schedules import Schedule
from fastbilevel.methods._description import Description
from fastbilevel.methods._kinds import Kind, flag
from fastbilevel.methods._setting import Setting
from fastbilevel.methods._two_rates import DoubleLoop, two_rates

# (a, c): alpha ~ k**-a, gamma ~ k**-c, lambda ~ k**(a - c). Kwon et al., ICML 2023.
F2SA_EXPONENTS = {"both": (5 / 7, 4 / 7), "upper": (3 / 5, 2 / 5), "none": (1 / 3, 0.0)}


@dataclass(frozen=True, kw_only=True)
class F2SA(DoubleLoop):
    """F2SA (Kwon, Kwon, Wright, Nowak: A fully first-order method for stochastic bilevel
    optimization, ICML 2023), Algorithm 1.

    z follows argmin g, y follows argmin f + lambda g, each warm-started; `inner_steps` times

    ``z <- z - lr_z G_y(x, z)``  and  ``y <- y - lr_y (F_y(x, y) + lambda G_y(x, y))``,

    then ``x <- x - lr_x (F_x(x, y) + lambda (G_x(x, y) - G_x(x, z)))`` and lambda grows by
    `penalty_increment`.

    Parameters
    ----------
    inner_steps : int
        T.
    lr_z, lr_y : float, schedule or None
        gamma_k and alpha_k. If only one is given, the other follows from lr_z = lambda lr_y, and
        both lower problems take their steps at the same rate. If none is given, lr_z is 1 / L, L
        the largest curvature of g and of g + f / lambda at the starting point.
    lr_x : float or schedule
        xi alpha_k: the whole factor of the step of x.
    penalty : float or schedule
        lambda_0; a schedule gives lambda_k itself, to which the increments are added.
    penalty_increment : float or schedule
        delta_k >= 0.
    shared_samples : bool
        False is the paper's method: every gradient has its own minibatch. True takes one minibatch
        for both lower problems and one for both gradients in x, the variance-reduced form of
        Kwon, Kwon, Lyu (On the complexity of first-order methods in stochastic bilevel
        optimization, ICML 2024): the variance of the step of x no longer grows with lambda.

    Notes
    -----
    The result's `y` is z. `tol` is compared with the norm of the step's direction, averaged over
    the iterations since the last record. lambda grows while lr_y stays: keep lr_y lambda below
    2 / L, or give lr_z alone.
    """

    name: ClassVar[str] = "f2sa"
    kinds: ClassVar[Mapping[str, Kind]] = {"shared_samples": flag}
    description: ClassVar[Description] = Description(
        complexity={
            "both": "O(eps**-7)",
            "upper": "O(eps**-5)",
            "none": "O(eps**-3)",
            "both, y within O(eps) of y*": "O(eps**-4) for x with shared samples, else O(eps**-6)",
        },
        assumptions=(
            "g is strongly convex in y; f and g are smooth, f_y is bounded",
            "Hessians of f and g are Lipschitz",
            "unbiased gradients of bounded variance; for shared samples their noise is Lipschitz",
            "lambda >= 2 L_f / mu",
        ),
        calls="T f_y, 2 T g_y, 1 f_x, 2 g_x; no second derivatives",
        reference="Kwon et al., ICML 2023, Algorithm 1; shared samples: Kwon et al., ICML 2024",
    )

    penalty_increment: Schedule = 0.0
    shared_samples: bool = False

    def sharing(self) -> bool:
        return self.shared_samples or self.is_exact

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        steps = math.ceil(s.kappa)
        return two_rates(s, *F2SA_EXPONENTS[s.noise], steps) | {"inner_steps": steps}
