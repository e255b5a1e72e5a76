"""The double loop: lower steps, then the linear system, then a step of x."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastbilevel._checks.values import check_integer, check_positive
from fastbilevel._schedules import RunningTotals, Schedule, values_of
from fastbilevel.methods._second_order import SecondOrder

if TYPE_CHECKING:
    from fastbilevel._oracles.linear_solvers import HypergradientEstimate
    from fastbilevel._texts.plan import Plan
    from fastbilevel.problems.base import BilevelProblem


def make_chunk(k: Any, own_rates: int) -> Any:
    """Lower steps, then x along ``F_x - G_xy v``; with `own_rates` every lower step has its own."""

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        (perturbed_descent, data, work), (hypergradient, outer_data, outer_work) = oracles
        x, Y, weights, m, phi, norms, flag = state
        kind, a, b = domain
        lr_y, lr_x, steps, step, (terms, lr_v, factor, first, batch) = schedules
        for t in range(n):
            if own_rates:
                for s in range(steps[t]):
                    perturbed_descent(
                        data, samplers, work, x, Y[0:1], weights[0:1], lr_y[s], 1, step[t] + s
                    )
            else:
                perturbed_descent(
                    data, samplers, work, x, Y[0:1], weights[0:1], lr_y[t], steps[t], step[t]
                )
            hypergradient(
                outer_data, samplers, outer_work, x, Y, terms[t], lr_v[t], factor[t], first[t],
                batch[t], phi,
            )  # fmt: skip
            k.vector.normalized_momentum(
                x, m, phi, lr_x[t], 0.0, 0, kind, a, b, norms[t : t + 1], flag
            )

    return chunk


@dataclass(frozen=True, kw_only=True)
class SolveThenStep(SecondOrder):
    """Base of the methods of the double loop: each adds its linear solver."""

    inner_steps: int = 10

    @property
    def oracles(self) -> tuple[Any, ...]:
        return "perturbed_descent", self.estimate()

    @abstractmethod
    def estimate(self) -> HypergradientEstimate:
        """The linear solver of the hypergradient estimate."""

    @abstractmethod
    def linear_system(
        self, plan: Plan, first: int, n: int, totals: RunningTotals
    ) -> tuple[np.ndarray, ...]:
        """Steps, step size, factor and first draw of the solver, and estimates drawn before."""

    def check(self, problem: BilevelProblem) -> None:
        super().check(problem)
        self.check_inner_steps()

    def check_inner_steps(self) -> None:
        """Raise unless `inner_steps` is what the method takes."""
        check_integer("inner_steps", self.inner_steps, 1)

    def lower_steps(self, first: int, n: int) -> np.ndarray:
        """How many lower steps each iteration takes."""
        return np.full(n, self.inner_steps)

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk, 0)

    def rates(self, first: int, n: int, steps: np.ndarray) -> np.ndarray:
        """Step of y in every iteration, (n, 1)."""
        return values_of("lr_y", self.lr_y, first, n)[:, np.newaxis]

    def schedules(self, plan: Plan, first: int, n: int, totals: RunningTotals) -> tuple[Any, ...]:
        """lr_y, lr_x, lower steps and how many came before, and what the solver takes."""
        steps = self.lower_steps(first, n)
        return (
            self.rates(first, n, steps),
            values_of("lr_x", self.lr_x, first, n),
            steps,
            totals.before("lower_gradients", steps),
            self.linear_system(plan, first, n, totals),
        )


@dataclass(frozen=True, kw_only=True)
class LinearSteps(SolveThenStep):
    """Base of those that take steps on the linear system."""

    linear_steps: int = 10
    lr_v: Schedule | None = None

    def check(self, problem: BilevelProblem) -> None:
        super().check(problem)
        check_integer("linear_steps", self.linear_steps, 1)
        if self.lr_v is not None:
            check_positive("lr_v", self.lr_v)

    def products_per_step(self) -> int:
        """Hessian-vector products of one step."""
        return 1

    def linear_system(
        self, plan: Plan, first: int, n: int, totals: RunningTotals
    ) -> tuple[np.ndarray, ...]:
        terms, ones = np.full(n, self.linear_steps), np.ones(n, np.int64)
        lr = values_of("lr_v", self.lr_v, first, n)
        draws = totals.before("products", self.products_per_step() * terms)
        return terms, lr, lr, draws, totals.before("estimates", ones)
