"""The single loop with recursive estimators of G_y and of the hypergradient: MRBO and SUSTAIN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from fastbilevel._schedules import Power, Schedule, Totals, numbers, values_of
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.protocol import Oracle, Progress, Rates, record
from fastbilevel.methods._kinds import Kind, positive, steps
from fastbilevel.methods._recursive import estimator_weights
from fastbilevel.methods._second_order import (
    LinearSystem,
    NeumannMethod,
    estimate_draws,
    gradient_draws,
)
from fastbilevel.methods._setting import Setting, outer_step, terms
from fastbilevel.problems.base import BilevelProblem


@record
class Oracles(NamedTuple):
    lower_gradient: Oracle
    hypergradient: Oracle


@record
class Memory(NamedTuple):
    """The point before; G_y now, before and its estimator u; the hypergradient now and before."""

    x_old: np.ndarray
    Y_old: np.ndarray
    G: np.ndarray
    G_old: np.ndarray
    u: np.ndarray
    h: np.ndarray
    h_old: np.ndarray


@record
class Schedules(NamedTuple):
    lr_y: Rates
    lr_x: Rates
    eta: Rates
    eta_y: Rates
    system: LinearSystem


def make_chunk(k: Any) -> Any:
    """Both gradients now and before on the same minibatches, then x and y at once."""

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        gradient, estimate = oracles.lower_gradient, oracles.hypergradient
        x, Y, phi, system = state.x, state.Y, state.phi, schedules.system
        x_old, Y_old, G, G_old = memory.x_old, memory.Y_old, memory.G, memory.G_old
        u, h, h_old = memory.u, memory.h, memory.h_old
        lower_gradient, data, work = gradient.function, gradient.data, gradient.work
        hypergradient, outer_data, outer_work = estimate.function, estimate.data, estimate.work
        m, norms, flag = state.m, state.norms, state.flag
        kind, a, b = domain.kind, domain.a, domain.b
        eta_y, eta, lr_x, lr_y = schedules.eta_y, schedules.eta, schedules.lr_x, schedules.lr_y
        first_products, draws, terms = system.first_product, system.draw, system.terms
        lr_v, factor = system.lr, system.factor
        for t in range(n):
            first, draw = first_products[t], draws[t]
            lower_gradient(data, samplers, work, x, Y, draw, G)
            lower_gradient(data, samplers, work, x_old, Y_old, draw, G_old)
            hypergradient(
                outer_data, samplers, outer_work, x, Y, terms[t], lr_v[t], factor[t], first, draw, h
            )
            hypergradient(
                outer_data, samplers, outer_work, x_old, Y_old, terms[t], lr_v[t], factor[t], first,
                draw, h_old,
            )  # fmt: skip
            k.momentum.recursive_momentum(u, G, G_old, eta_y[t])
            k.momentum.recursive_momentum(phi, h, h_old, eta[t])
            k.vector.scale(1.0, x, x_old)
            k.vector.scale(1.0, Y[0], Y_old[0])
            k.vector.normalized_momentum(
                x, m, phi, lr_x[t], momentum=0.0, normalize=0, kind=kind, a=a, b=b,
                norm_out=norms[t : t + 1], flag=flag,
            )  # fmt: skip
            k.vector.axpy(-lr_y[t], u, Y[0])

    return chunk


def estimator_buffers(problem: BilevelProblem, x: Any, Y: Any) -> Memory:
    """Estimators of 0 at the starting point."""
    of_y = {name: np.zeros(problem.n_y, problem.dtype) for name in ("G", "G_old", "u")}
    of_x = {name: np.zeros(problem.n_x, problem.dtype) for name in ("h", "h_old")}
    return Memory(x_old=np.array(x, problem.dtype), Y_old=Y.copy(), **of_y, **of_x)


@dataclass(frozen=True, kw_only=True)
class RecursiveHypergradient(NeumannMethod):
    """Base of MRBO and SUSTAIN, which differ in the truncation of the Neumann series."""

    oracles: ClassVar[type] = Oracles
    points: ClassVar[int] = 2
    kinds: ClassVar[Mapping[str, Kind]] = {
        "inner_steps": steps(),
        "momentum": positive,
        "lower_momentum": positive,
    }
    copies_of_lower_iterates: ClassVar[int] = 7

    inner_steps: int = 1
    momentum: Schedule = 0.1
    lower_momentum: Schedule = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.inner_steps != 1:
            raise ValueError(
                f"inner_steps must be 1, since {self.name} is a single loop; got "
                f"{self.inner_steps!r}."
            )

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk,)

    def memory(self, problem: BilevelProblem, plan: Plan, x: Any, Y: Any) -> Memory:
        return estimator_buffers(problem, x, Y)

    def schedules(self, plan: Plan, first: int, n: int, totals: Totals) -> tuple[Any, Progress]:
        draw = np.arange(first, first + n)
        system = self.linear_system(plan, first, n, draw)
        schedules = Schedules(
            lr_y=values_of("lr_y", self.lr_y, first, n),
            lr_x=values_of("lr_x", self.lr_x, first, n),
            eta=estimator_weights(self.momentum, first, n),
            eta_y=estimator_weights(self.lower_momentum, first, n),
            system=system,
        )
        products = numbers(system.first_product, system.terms)
        draws = gradient_draws(draw, 2), *estimate_draws(draw, products, self.points)
        return schedules, Progress(growth={}, draws=draws)

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        """MRBO and SUSTAIN: steps ~ k^(-1/3), weights ~ k^(-2/3)."""
        return {
            "lr_y": Power(1.0 / s.L, 1 / 3),
            "lr_x": Power(outer_step(s), 1 / 3),
            "momentum": Power(1.0, 2 / 3),
            "lower_momentum": Power(1.0, 2 / 3),
            "neumann_lr": 1.0 / s.L,
            "neumann_steps": terms(s),
        }
