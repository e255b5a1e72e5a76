"""F3SA: F2SA as a single loop with recursive-momentum (STORM) estimators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fastbilevel._schedules import Power, Schedule, Totals, values_of
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.protocol import Progress
from fastbilevel.methods._description import Description
from fastbilevel.methods._kinds import Kind, positive
from fastbilevel.methods._lower_projection import Fixed, projected
from fastbilevel.methods._recursive import (
    Memory,
    Oracles,
    Schedules,
    estimator_memory,
    estimator_weights,
    make_chunk,
)
from fastbilevel.methods._setting import Setting
from fastbilevel.methods._two_rates import TwoRates, two_rates
from fastbilevel.problems.base import BilevelProblem

# As `F2SA_EXPONENTS`.
F3SA_EXPONENTS = {"both": (3 / 5, 2 / 5), "upper": (1 / 2, 1 / 4), "none": (1 / 3, 0.0)}


@dataclass(frozen=True, kw_only=True)
class F3SA(TwoRates):
    """F3SA (Kwon, Kwon, Wright, Nowak: A fully first-order method for stochastic bilevel
    optimization, ICML 2023), Algorithm 2.

    The updates of F2SA with one lower step per step of x, where each of the six stochastic
    gradients is replaced by an estimator with a minibatch of its own,

    ``h_k = grad(now) + (1 - eta_k) (h_k-1 - grad(before))``,

    that takes the gradients now and at the previous point on the same minibatch. The penalty
    multiplies the estimators of g and is not part of them.

    Parameters
    ----------
    lr_z, lr_y : float, schedule or None
        gamma_k and alpha_k; see `F2SA`.
    lr_x : float or schedule
        xi alpha_k: the whole factor of the step of x.
    penalty : float or schedule
        lambda_0; a schedule gives lambda_k itself, to which the increments are added.
    penalty_increment : float or schedule
        delta_k >= 0.
    momentum : float or schedule
        eta_k, cut off at 1; eta_0 is 1. With 1 throughout it is F2SA with ``inner_steps=1``.

    Notes
    -----
    The result's `y` is z. The slides' delta_k = O(1/kappa) lambda_k would let lambda grow
    geometrically, which contradicts their lambda_k ~ k**(a - c); `fb.schedules.theory` has the
    latter.
    """

    name: ClassVar[str] = "f3sa"
    oracles: ClassVar[type] = Oracles
    evaluations: ClassVar[int] = 2
    kinds: ClassVar[Mapping[str, Kind]] = {"momentum": positive}
    copies_of_lower_iterates: ClassVar[int] = 8
    description: ClassVar[Description] = Description(
        complexity={"both": "O(eps**-5)", "upper": "O(eps**-4)", "none": "O(eps**-3)"},
        assumptions=(
            "those of F2SA",
            "every stochastic gradient is Lipschitz in the mean square (STORM)",
        ),
        calls="2 f_y, 4 g_y, 2 f_x, 4 g_x; no second derivatives",
        reference="Kwon et al., ICML 2023, Algorithm 2",
    )

    penalty_increment: Schedule = 0.0
    momentum: Schedule = 0.1

    def sharing(self) -> bool:
        return False

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk, 0)

    def memory(self, problem: BilevelProblem, plan: Plan, x: Any, Y: Any) -> Memory:
        return estimator_memory(problem, plan, x, Y, proximal=False)

    def schedules(self, plan: Plan, first: int, n: int, totals: Totals) -> tuple[Any, Progress]:
        nu, lr, growth = self.rates(first, n, totals)
        lr_x = values_of("lr_x", self.lr_x, first, n)
        eta = estimator_weights(self.momentum, first, n)
        draw = np.arange(first, first + n)
        # Without a proximal term nothing is smoothed.
        return (
            Schedules(nu=nu, lr=lr, lr_x=lr_x, eta=eta, smoothing=eta, draw=draw),
            Progress(growth=growth, draws=self.draws(plan, draw, draw)),
        )

    def fixed(self, problem: BilevelProblem, plan: Plan) -> Fixed:
        return projected(problem, self.stencil(plan.g), 1.0, None)

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        a, c = F3SA_EXPONENTS[s.noise]
        return two_rates(s, a, c, 1) | {"momentum": Power(1.0, 2 * c)}
