"""F2BA: fully-first-order bilevel approximation with a fixed penalty and two time scales."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from fastbilevel.methods._description import Description
from fastbilevel.methods._setting import Setting
from fastbilevel.methods._two_rates import DoubleLoop


@dataclass(frozen=True, kw_only=True)
class F2BA(DoubleLoop):
    """F2BA and F2BSA (Chen, Ma, Zhang: Near-optimal nonconvex-strongly-convex bilevel
    optimization with fully first-order oracles, JMLR 2025; for PL lower levels: COLT 2024).

    The updates of F2SA with a penalty that does not change. z and y take `inner_steps` steps, so
    that they follow their minimisers closely, and the step of x need not shrink with 1 / lambda:
    two time scales. With `batch_size` and `val_batch_size` None it is deterministic (F2BA); with
    minibatches, each gradient on its own, it is F2BSA.

    Parameters
    ----------
    inner_steps : int
        K.
    lr_z, lr_y : float, schedule or None
        eta_z, and eta_y in ``y <- y - eta_y (F_y + lambda G_y)``. If only one is given, the other
        follows from lr_z = lambda lr_y; the authors' code has that too. If none is given, lr_z is
        1 / L, L the largest curvature of g and of g + f / lambda at the starting point.
    lr_x : float or schedule
        eta_x in ``x <- x - eta_x (F_x(x, y) + lambda (G_x(x, y) - G_x(x, z)))``.
    penalty : float or schedule
        lambda; the paper keeps it constant.

    Notes
    -----
    The result's `y` is z. The published scripts take g_y at z in the step of y and set z to y in
    every outer iteration; this follows the paper.
    """

    name: ClassVar[str] = "f2ba"
    description: ClassVar[Description] = Description(
        complexity={
            "both": "O(kappa**12 eps**-6)",
            "upper": "O(kappa**6 eps**-4)",
            "none": "O(kappa**4 eps**-2), up to logarithms",
        },
        assumptions=(
            "g is strongly convex in y, or sigma f + g is PL in y for all small sigma >= 0",
            "f and g are smooth with Lipschitz Hessians, f is Lipschitz in y",
            "lambda of the order kappa**3 / eps",
        ),
        calls="K f_y, 2 K g_y, 1 f_x, 2 g_x; no second derivatives",
        reference="Chen, Ma, Zhang, JMLR 2025, Algorithm 1; COLT 2024 for PL lower levels",
    )

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        penalty = max(2.0 * s.L_f / s.mu, s.L * s.kappa**3 / s.eps)
        options: dict[str, Any] = {
            "penalty": penalty,
            "lr_z": 1.0 / (2.0 * s.L),
            "lr_x": 1.0 / (s.L * s.kappa**3),
            "inner_steps": math.ceil(2.0 * s.kappa * math.log(1.0 + penalty * s.kappa / s.eps)),
        }
        of_upper = (s.sigma / s.eps) ** 2
        if s.noise == "upper":
            options["batch_size"] = None
            options["val_batch_size"] = s.batch(s.kappa**2 * of_upper, 1)
        elif s.noise == "both":
            size = s.kappa**2 * of_upper * (1.0 + penalty**2)
            options["batch_size"], options["val_batch_size"] = (
                s.batch(size, 0),
                s.batch(size, 1),
            )
        return options
