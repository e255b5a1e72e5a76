"""Prox-F3SA: the single loop with STORM estimators and proximal smoothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fastbilevel._schedules import Power, Schedule, Totals
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.protocol import Progress
from fastbilevel.methods._description import Description
from fastbilevel.methods._kinds import Kind, positive
from fastbilevel.methods._proximal import ProximalMethod
from fastbilevel.methods._recursive import (
    Memory,
    Oracles,
    Schedules,
    estimator_memory,
    estimator_weights,
    make_chunk,
)
from fastbilevel.methods._setting import Setting
from fastbilevel.problems.base import BilevelProblem

# (a, s, n): alpha ~ beta ~ gamma ~ k**-a, sigma ~ k**-s, eta ~ k**-n. Kwon et al., ICLR 2024.
PROX_F3SA_EXPONENTS = {
    "both": (2 / 5, 1 / 5, 4 / 5),
    "upper": (1 / 4, 1 / 4, 1 / 2),
    "none": (0.0, 1 / 3, 0.0),
}


@dataclass(frozen=True, kw_only=True)
class ProxF3SA(ProximalMethod):
    """Prox-F3SA (Kwon, Kwon, Wright, Nowak: On penalty methods for nonconvex bilevel optimization
    and first-order stochastic approximation, ICLR 2024), the single loop with momentum.

    The updates of `ProxF2SA` with one lower step and one minibatch per iteration, every stochastic
    gradient replaced by a recursive estimator as in `F3SA`. sigma and the pull to the centre are
    not part of the estimators.

    Parameters
    ----------
    lr_y, lr_x, nu, prox, smoothing, lower_projection
        As in `ProxF2SA`.
    momentum : float or schedule
        eta_k, cut off at 1; eta_0 is 1.

    Notes
    -----
    The result's `y` is v, the iterate that follows argmin g.
    """

    name: ClassVar[str] = "prox-f3sa"
    oracles: ClassVar[type] = Oracles
    evaluations: ClassVar[int] = 2
    kinds: ClassVar[Mapping[str, Kind]] = {"momentum": positive}
    copies_of_lower_iterates: ClassVar[int] = 9
    description: ClassVar[Description] = Description(
        complexity={"both": "O(eps**-5)", "upper": "O(eps**-4)", "none": "O(eps**-3)"},
        assumptions=(
            "those of Prox-F2SA",
            "every stochastic gradient is Lipschitz in the mean square (STORM)",
        ),
        calls="2 f_y, 4 g_y, 2 f_x, 4 g_x; no second derivatives",
        reference="Kwon et al., ICLR 2024, Algorithm 2",
    )

    momentum: Schedule = 0.1

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk, 1)

    def memory(self, problem: BilevelProblem, plan: Plan, x: Any, Y: Any) -> Memory:
        return estimator_memory(problem, plan, x, Y, proximal=True)

    def schedules(self, plan: Plan, first: int, n: int, totals: Totals) -> tuple[Any, Progress]:
        nu, lr, lr_x, smoothing = self.rates(first, n)
        eta = estimator_weights(self.momentum, first, n)
        draw = np.arange(first, first + n)
        return (
            Schedules(nu=nu, lr=lr, lr_x=lr_x, eta=eta, smoothing=smoothing, draw=draw),
            Progress(growth={}, draws=self.draws(plan, draw, draw)),
        )

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        a, sigma, eta = PROX_F3SA_EXPONENTS[s.noise]
        prox = 1.0 / (2.0 * s.L)
        return {
            "prox": prox,
            "lr_x": Power(prox, a),
            "smoothing": Power(0.5, a),
            "nu": Power(0.5 / s.kappa, sigma),
            "lr_y": Power(1.0 / (s.L + 1.0 / prox), a),
            "momentum": Power(1.0, eta),
        }
