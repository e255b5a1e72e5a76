"""The double loop: lower steps, then the linear system, then a step of x."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from fastbilevel._oracles.linear_solvers import HypergradientEstimate
from fastbilevel._schedules import Schedule, Totals, before, numbers, values_of
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.protocol import Counts, Oracle, Progress, Rates, record
from fastbilevel.methods._kinds import Kind, positive, steps
from fastbilevel.methods._second_order import (
    LinearSystem,
    SecondOrder,
    estimate_draws,
    gradient_draws,
)


@record
class Oracles(NamedTuple):
    perturbed_descent: Oracle
    hypergradient: Oracle


@record
class Schedules(NamedTuple):
    """`lr_y` (n, 1), or, with rates of their own, one for every lower step of any iteration."""

    lr_y: np.ndarray
    lr_x: Rates
    steps: Counts
    first_step: Counts
    system: LinearSystem


def make_chunk(k: Any, own_rates: int) -> Any:
    """Lower steps, then x along ``F_x - G_xy v``; with `own_rates` every lower step has its own."""

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        descent, estimate = oracles.perturbed_descent, oracles.hypergradient
        x, y, phi, system = state.x, state.Y[0:1], state.phi, schedules.system
        weights, lr_y, first_step = state.weights[0:1], schedules.lr_y, schedules.first_step
        descend, data, work = descent.function, descent.data, descent.work
        hypergradient, outer_data, outer_work = estimate.function, estimate.data, estimate.work
        Y, m, norms, flag = state.Y, state.m, state.norms, state.flag
        kind, a, b = domain.kind, domain.a, domain.b
        steps, lr_x = schedules.steps, schedules.lr_x
        terms, lr_v, factor = system.terms, system.lr, system.factor
        first_product, draw = system.first_product, system.draw
        for t in range(n):
            if own_rates:
                for s in range(steps[t]):
                    descend(data, samplers, work, x, y, weights, lr_y[s], 1, first_step[t] + s)
            else:
                descend(data, samplers, work, x, y, weights, lr_y[t], steps[t], first_step[t])
            hypergradient(
                outer_data, samplers, outer_work, x, Y, terms[t], lr_v[t], factor[t],
                first_product[t], draw[t], phi,
            )  # fmt: skip
            k.vector.normalized_momentum(
                x, m, phi, lr_x[t], momentum=0.0, normalize=0, kind=kind, a=a, b=b,
                norm_out=norms[t : t + 1], flag=flag,
            )  # fmt: skip

    return chunk


@dataclass(frozen=True, kw_only=True)
class SolveThenStep(SecondOrder):
    """Base of the methods of the double loop: each adds its linear solver."""

    kinds: ClassVar[Mapping[str, Kind]] = {"inner_steps": steps()}

    inner_steps: int = 10

    oracles: ClassVar[type] = Oracles

    @abstractmethod
    def estimate(self) -> HypergradientEstimate:
        """The linear solver of the hypergradient estimate."""

    @abstractmethod
    def linear_system(self, plan: Plan, first: int, n: int, draw: np.ndarray) -> LinearSystem:
        """Schedules of the solver, given the number of every estimate."""

    def products_per_step(self) -> int:
        """Hessian-vector products of one step of the solver."""
        return 1

    def lower_steps(self, first: int, n: int) -> np.ndarray:
        """How many lower steps each iteration takes."""
        return np.full(n, self.inner_steps)

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk, 0)

    def rates(self, first: int, n: int, steps: np.ndarray) -> np.ndarray:
        """Step of y in every iteration, (n, 1)."""
        return values_of("lr_y", self.lr_y, first, n)[:, np.newaxis]

    def schedules(self, plan: Plan, first: int, n: int, totals: Totals) -> tuple[Any, Progress]:
        steps, draw = self.lower_steps(first, n), np.arange(first, first + n)
        first_step = before(totals, "lower_steps", steps)
        system = self.linear_system(plan, first, n, draw)
        schedules = Schedules(
            lr_y=self.rates(first, n, steps),
            lr_x=values_of("lr_x", self.lr_x, first, n),
            steps=steps,
            first_step=first_step,
            system=system,
        )
        products = numbers(system.first_product, self.products_per_step() * system.terms)
        draws = gradient_draws(numbers(first_step, steps)), *estimate_draws(draw, products, 1)
        return schedules, Progress(growth={"lower_steps": steps}, draws=draws)


@dataclass(frozen=True, kw_only=True)
class LinearSteps(SolveThenStep):
    """Base of those that take steps on the linear system."""

    step_sizes: ClassVar[tuple[str, ...]] = ("lr_y", "lr_v", "lr_x")

    kinds: ClassVar[Mapping[str, Kind]] = {"linear_steps": steps(), "lr_v": positive}

    linear_steps: int = 10
    lr_v: Schedule | None = None

    def linear_system(self, plan: Plan, first: int, n: int, draw: np.ndarray) -> LinearSystem:
        terms, lr = np.full(n, self.linear_steps), values_of("lr_v", self.lr_v, first, n)
        first_product = draw * self.linear_steps * self.products_per_step()
        return LinearSystem(terms=terms, lr=lr, factor=lr, first_product=first_product, draw=draw)
