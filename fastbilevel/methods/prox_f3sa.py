"""Prox-F3SA: the single loop with STORM estimators and proximal smoothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastbilevel._checks.values import check_positive
from fastbilevel._schedules import RunningTotals, Schedule
from fastbilevel.methods._description import Description
from fastbilevel.methods._proximal import ProximalMethod
from fastbilevel.methods._recursive import draws, estimator_memory, estimator_weights, make_chunk

if TYPE_CHECKING:
    from fastbilevel._texts.plan import Plan
    from fastbilevel.problems.base import BilevelProblem


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
    evaluations: ClassVar[int] = 2
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

    @property
    def oracles(self) -> tuple[str, ...]:
        return "gradients_y", "gradients_x"

    def check(self, problem: BilevelProblem) -> None:
        super().check(problem)
        check_positive("momentum", self.momentum)

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk, 1)

    def memory(self, problem: BilevelProblem, plan: Plan, x: Any, Y: Any) -> tuple[Any, ...]:
        return estimator_memory(problem, plan, x, Y, proximal=True)

    def schedules(
        self, plan: Plan, first: int, n: int, totals: RunningTotals
    ) -> tuple[np.ndarray, ...]:
        """nu, lr_y, lr_x, eta, smoothing, and how many draws came before."""
        nu, lr, lr_x, smoothing = self.rates(first, n)
        eta = estimator_weights(self.momentum, first, n)
        return nu, lr, lr_x, eta, smoothing, *draws(n, totals)
