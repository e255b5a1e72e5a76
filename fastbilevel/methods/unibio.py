"""UniBiO: uniformly convex lower levels, solved in epochs on shrinking balls."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from fastbilevel._numerics.curvature import curvature_range, samples_for
from fastbilevel._oracles.linear_solvers import HypergradientEstimate, row_scaled_neumann
from fastbilevel._schedules import Schedule, Totals, before, counts_of, numbers, values_of
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.protocol import Counts, Floats, Integers, Progress, Rates, record
from fastbilevel.kernels.reference.projection import BALL
from fastbilevel.methods._description import Description
from fastbilevel.methods._kinds import Kind, constant, counts, fraction, steps
from fastbilevel.methods._recursive_hypergradient import Oracles
from fastbilevel.methods._second_order import (
    LinearSystem,
    NeumannMethod,
    estimate_draws,
    gradient_draws,
)
from fastbilevel.methods._setting import Setting, terms
from fastbilevel.problems.base import BilevelProblem
from fastbilevel.problems.uniform_convexity import power_of


@record
class Memory(NamedTuple):
    """G_y; the y with which an epoch began; the mean of its iterates."""

    G: np.ndarray
    center: np.ndarray
    mean: np.ndarray


@record
class Schedules(NamedTuple):
    """Steps, radius and rate of every epoch; the epochs of iteration t are t's two `bounds`."""

    lr_x: Rates
    steps: Integers
    radii: np.ndarray
    rates: Floats
    bounds: np.ndarray
    first_step: Counts
    system: LinearSystem


@record
class Fixed(NamedTuple):
    momentum: float


def make_chunk(k: Any, ball: int) -> Any:
    """Where it is due, epochs of lower steps on balls; then a normalized step of x."""

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        gradient, estimate = oracles.lower_gradient, oracles.hypergradient
        x, Y, phi, system = state.x, state.Y, state.phi, schedules.system
        G, center, mean = memory.G, memory.center, memory.mean
        steps, bounds = schedules.steps, schedules.bounds
        lower_gradient, data, work = gradient.function, gradient.data, gradient.work
        hypergradient, outer_data, outer_work = estimate.function, estimate.data, estimate.work
        m, norms, flag = state.m, state.norms, state.flag
        kind, a, b = domain.kind, domain.a, domain.b
        first_step, rates, radii = schedules.first_step, schedules.rates, schedules.radii
        lr_x = schedules.lr_x
        terms, lr_v, factor = system.terms, system.lr, system.factor
        first_product, draws = system.first_product, system.draw
        momentum = fixed.momentum
        for t in range(n):
            draw = first_step[t]
            for e in range(bounds[t, 0], bounds[t, 1]):
                k.vector.scale(1.0, Y[0], center)
                mean[:] = 0
                for _ in range(steps[e]):
                    lower_gradient(data, samplers, work, x, Y, draw, G)
                    k.vector.axpy(-rates[e], G, Y[0])
                    k.projection.project(Y[0], ball, center, radii[e])
                    k.vector.axpy(1.0 / steps[e], Y[0], mean)
                    draw += 1
                k.vector.scale(1.0, mean, Y[0])
            hypergradient(
                outer_data, samplers, outer_work, x, Y, terms[t], lr_v[t], factor[t],
                first_product[t], draws[t], phi,
            )  # fmt: skip
            k.vector.normalized_momentum(
                x, m, phi, lr_x[t], momentum=momentum, normalize=1, kind=kind, a=a, b=b,
                norm_out=norms[t : t + 1], flag=flag,
            )  # fmt: skip

    return chunk


@dataclass(frozen=True, kw_only=True)
class UniBiO(NeumannMethod):
    """UniBiO (stochastic bilevel optimization with a uniformly convex lower level, ICLR 2026),
    Algorithms 1 and 2.

    Before the first iteration, and then every `period` iterations, y goes through epochs: epoch
    e = 1, 2, ... takes T_e = floor(epoch_steps 2**(tau (e-1))) steps
    ``w <- w - lr_y 2**-(e-1) G_y(x, w)``, tau = 2 (p-1) / p, each projected on the ball of radius
    ``radius 2**(-(e-1)/p)`` around the y with which the epoch began, and y becomes the mean of its
    iterates. An epoch begins while ``sum_{i<e} epoch_steps 2**(tau i)`` is within the budget.

    In every iteration ``v = eta sum_{q=0..Q} (I - eta D^-1 G_yy)^q D^-1 F_y`` with
    D = diag((p-1) |y_i|^(p-2)), ``m <- momentum m + (1 - momentum) (F_x - G_xy v)``, and
    ``x <- P_X(x - lr_x m / ||m||)``.

    Parameters
    ----------
    power : float or None
        p >= 2, the index of uniform convexity. None takes the problem's, 2 if it has none.
    period : int
        I.
    lower_budget : int or schedule
        K_t, a schedule of the outer iteration t.
    initial_budget : int or None
        Budget before the first iteration; None takes `lower_budget`.
    epoch_steps : int
        T_1.
    radius : float
        D_1.
    lr_y : float or None
        gamma_1. None takes 1 / L, L the largest curvature of g in y at the start.
    neumann_steps : int
        Q >= 0.
    neumann_lr : float, schedule or None
        eta, at most 1 over the largest eigenvalue of D^-1 g_yy. None takes 1 / L if p is 2, else
        (p-1) min(1, scaling_floor ** (p-2)) / L, which is safe and may be tiny: give it if you can.
    momentum : float
        beta, the weight of the past in m.
    lr_x : float or schedule
        The length of a step of x.
    scaling_floor : float
        |y_i| in D is cut off below this. D keeps its meaning only above; below, and for any
        positive D, the limit of the series is g_yy^-1 f_y all the same.

    Notes
    -----
    `jac` is m. The iterates that an epoch averages are those after each step. D scales the rows of
    g_yy: the authors' code scales columns and drops the term q = 0 and the absolute value.
    """

    name: ClassVar[str] = "unibio"
    description: ClassVar[Description] = Description(
        complexity={"both": "O(eps**(6 - 5 p)), up to logs"},
        assumptions=(
            "g is (mu, p)-uniformly convex in y, with ||g_yy|| <= L0 + L1 ||g_y||",
            "the generalized Hessian and Jacobians are bounded and Lipschitz; light-tailed noise",
        ),
        calls="1 f_y, 1 f_x, about lower_budget / period g_y, Q products with g_yy, 1 with g_xy",
        reference="UniBiO, ICLR 2026 (arXiv 2603.00027), Algorithms 1 and 2",
    )

    oracles: ClassVar[type] = Oracles
    kinds: ClassVar[Mapping[str, Kind]] = {
        "power": constant(least=2),
        "period": steps(),
        "lower_budget": counts,
        "initial_budget": steps(),
        "epoch_steps": steps(),
        "radius": constant(above=0),
        "momentum": fraction,
        "scaling_floor": constant(above=0),
    }

    power: float | None = None
    period: int = 2
    lower_budget: int | Schedule = 100
    initial_budget: int | None = None
    epoch_steps: int = 5
    radius: float = 1.0
    momentum: float = 0.9
    lr_x: Schedule = 0.01
    scaling_floor: float = 1e-3

    def estimate(self) -> HypergradientEstimate:
        return row_scaled_neumann(self.index(), self.scaling_floor)

    def index(self) -> float:
        """p, once `complete` has asked the problem."""
        return 2.0 if self.power is None else float(self.power)

    def complete(self, problem: BilevelProblem, x: np.ndarray, y: np.ndarray) -> UniBiO:
        """These options with the power and the missing step sizes filled in."""
        power = power_of(problem) if self.power is None else self.power
        found = dataclasses.replace(self, power=power)
        if None not in (self.lr_y, self.neumann_lr):
            return found
        samples = samples_for(problem, self.lower_samples(problem))
        largest = curvature_range(problem, x, y, samples=samples)[1]
        if not largest > 0:
            raise ValueError(
                "lr_y and neumann_lr could not be chosen: the lower objective has no positive "
                "curvature at the starting point. Give them."
            )
        smallest = (power - 1.0) * min(1.0, self.scaling_floor ** (power - 2.0))
        given = self.neumann_lr
        return dataclasses.replace(
            found,
            lr_y=1.0 / largest if self.lr_y is None else self.lr_y,
            neumann_lr=smallest / largest if given is None else given,
        )

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk, BALL)

    def memory(self, problem: BilevelProblem, plan: Plan, x: Any, Y: Any) -> Memory:
        return Memory(**{n: np.zeros(problem.n_y, problem.dtype) for n in Memory._fields})

    def epochs(self, budget: int) -> list[tuple[int, float, float]]:
        """Steps, radius and step size of every epoch within a budget."""
        p = self.index()
        tau, spent = 2.0 * (p - 1.0) / p, 0.0
        found: list[tuple[int, float, float]] = []
        while spent <= budget:
            e = len(found)
            steps = math.floor(self.epoch_steps * 2.0 ** (tau * e))
            found.append((steps, self.radius * 2.0 ** (-e / p), 2.0**-e))
            spent += self.epoch_steps * 2.0 ** (tau * (e + 1))
        return found

    def update(self, budget: int) -> list[tuple[int, float, float]]:
        """The epochs of an update after the first."""
        return self.epochs(budget)

    def schedules(self, plan: Plan, first: int, n: int, totals: Totals) -> tuple[Any, Progress]:
        budgets = counts_of("lower_budget", self.lower_budget, first, n)
        rates = values_of("lr_y", self.lr_y, first, n)
        table: list[tuple[int, float, float]] = []
        ends = [0]
        taken = np.zeros(n, np.int64)
        for t, (budget, rate) in enumerate(zip(budgets, rates, strict=True)):
            due: list[tuple[int, float, float]] = []
            if first + t == 0:
                due = self.epochs(self.initial_budget or int(budget))
            elif (first + t) % self.period == 0:
                due = self.update(int(budget))
            table += [(steps, radius, rate * factor) for steps, radius, factor in due]
            taken[t] = sum(steps for steps, _, _ in due)
            ends.append(len(table))
        columns = np.array(table, np.float64).reshape(-1, 3)
        first_step, draw = before(totals, "lower_steps", taken), np.arange(first, first + n)
        system = self.linear_system(plan, first, n, draw)
        schedules = Schedules(
            lr_x=values_of("lr_x", self.lr_x, first, n),
            steps=columns[:, 0].astype(np.int64),
            radii=np.ascontiguousarray(columns[:, 1:2]),
            rates=np.ascontiguousarray(columns[:, 2]),
            bounds=np.column_stack([ends[:-1], ends[1:]]),
            first_step=first_step,
            system=system,
        )
        products = numbers(system.first_product, system.terms)
        draws = gradient_draws(numbers(first_step, taken)), *estimate_draws(draw, products, 1)
        return schedules, Progress(growth={"lower_steps": taken}, draws=draws)

    def fixed(self, problem: BilevelProblem, plan: Plan) -> Fixed:
        return Fixed(momentum=float(self.momentum))

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        """1 - beta ~ eps^2, eta ~ eps^(3 (p-1)), K_t ~ eps^(-2 (p-1)), I ~ eps^-2.

        Orders, inferred; the constants are 1. BO-REP has them for p = 2.
        """
        p, eps = s.power, min(s.eps, 1.0)
        return {
            "lr_x": eps ** (3.0 * (p - 1.0)),
            "momentum": 1.0 - min(0.5, eps**2),
            "lower_budget": math.ceil(eps ** (-2.0 * (p - 1.0))),
            "period": math.ceil(eps**-2),
            "neumann_steps": terms(s),
        }
