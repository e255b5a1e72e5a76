"""VRBO: SPIDER estimators on both levels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from fastbilevel._schedules import Totals, before, numbers, values_of
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.protocol import Counts, Draws, GroupRates, Progress, Rates, record
from fastbilevel.methods._description import Description
from fastbilevel.methods._kinds import Kind, steps
from fastbilevel.methods._recursive_hypergradient import Memory, Oracles, estimator_buffers
from fastbilevel.methods._second_order import (
    LinearSystem,
    NeumannMethod,
    estimate_draws,
    gradient_draws,
)
from fastbilevel.methods._setting import Setting, outer_step, terms
from fastbilevel.problems.base import BilevelProblem


@record
class Schedules(NamedTuple):
    """Step at every correction, 0 at the last; 0 where estimators are refreshed; its draws."""

    lr_y: GroupRates
    lr_x: Rates
    keep: Rates
    refreshes: Counts
    system: LinearSystem


@record
class Fixed(NamedTuple):
    """Lower steps; share of one estimate in the mean of a refresh."""

    inner_steps: int
    share: float


def make_chunk(k: Any) -> Any:
    """Refresh the estimators where it is due, step x, then correct and follow them in y."""

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        gradient, estimate = oracles.lower_gradient, oracles.hypergradient
        x, Y, phi, system = state.x, state.Y, state.phi, schedules.system
        x_old, Y_old, G, G_old = memory.x_old, memory.Y_old, memory.G, memory.G_old
        u, h, h_old, keep = memory.u, memory.h, memory.h_old, schedules.keep
        lower_gradient, data, work = gradient.function, gradient.data, gradient.work
        hypergradient, outer_data, outer_work = estimate.function, estimate.data, estimate.work
        m, norms, flag = state.m, state.norms, state.flag
        kind, a, b = domain.kind, domain.a, domain.b
        refreshes, lr_x, lr_y = schedules.refreshes, schedules.lr_x, schedules.lr_y
        first_draw, first_product, terms = system.draw, system.first_product, system.terms
        lr_v, factor = system.lr, system.factor
        share, inner_steps = fixed.share, fixed.inner_steps
        for t in range(n):
            draw, product = first_draw[t], first_product[t]
            k.vector.scale(keep[t], phi, phi)
            k.vector.scale(keep[t], u, u)
            for _ in range(refreshes[t]):
                lower_gradient(data, samplers, work, x, Y, draw, G)
                hypergradient(
                    outer_data, samplers, outer_work, x, Y, terms[t], lr_v[t], factor[t], product,
                    draw, h,
                )  # fmt: skip
                k.vector.axpy(share, G, u)
                k.vector.axpy(share, h, phi)
                draw += 1
                product += terms[t]
            k.vector.scale(1.0, x, x_old)
            k.vector.normalized_momentum(
                x, m, phi, lr_x[t], momentum=0.0, normalize=0, kind=kind, a=a, b=b,
                norm_out=norms[t : t + 1], flag=flag,
            )  # fmt: skip
            k.vector.scale(1.0, Y[0], Y_old[0])
            for s in range(inner_steps + 1):
                lower_gradient(data, samplers, work, x, Y, draw, G)
                lower_gradient(data, samplers, work, x_old, Y_old, draw, G_old)
                hypergradient(
                    outer_data, samplers, outer_work, x, Y, terms[t], lr_v[t], factor[t], product,
                    draw, h,
                )  # fmt: skip
                hypergradient(
                    outer_data, samplers, outer_work, x_old, Y_old, terms[t], lr_v[t], factor[t],
                    product, draw, h_old,
                )  # fmt: skip
                k.momentum.recursive_momentum(u, G, G_old, 0.0)
                k.momentum.recursive_momentum(phi, h, h_old, 0.0)
                k.vector.scale(1.0, x, x_old)
                k.vector.scale(1.0, Y[0], Y_old[0])
                k.vector.axpy(-lr_y[t, s], u, Y[0])
                draw += 1
                product += terms[t]

    return chunk


@dataclass(frozen=True, kw_only=True)
class VRBO(NeumannMethod):
    """VRBO (Yang, Ji, Liang: Provably faster algorithms for bilevel optimization, NeurIPS 2021),
    Algorithm 2.

    h(x, y) is the hypergradient estimate of `StocBiO`. Every `period` outer iterations v and u
    become the means of h and G_y at (x_k, y_k) over `refresh_batches` sets of minibatches. Then
    ``x_{k+1} = P_X(x_k - lr_x v)``, and for t = 0, ..., m, from y_0 = y_k on,

    ``v <- v + h(x_{k+1}, y_t) - h(x', y')``, ``u <- u + G_y(x_{k+1}, y_t) - G_y(x', y')``,
    ``y_{t+1} = y_t - lr_y u``,

    with (x', y') the point before, first (x_k, y_k), on the same minibatches. The last correction
    is at y_{k+1} = y_m, to which v and u then belong.

    Parameters
    ----------
    inner_steps : int
        m, steps of y.
    period : int
        q.
    refresh_batches : int
        The large minibatch S_1 as a number of ordinary ones.
    neumann_steps : int
        Q >= 0.
    neumann_lr : float, schedule or None
        eta of the series. None takes 1 / L, L the largest curvature of g in y at the start.
    lr_y, lr_x : float or schedule
        beta and alpha. None for `lr_y` takes 1 / L.

    Notes
    -----
    `jac` is v at (x_k, y_k), the direction of the step of x. The large minibatch gives a mean of
    `refresh_batches` estimates h; the paper has one h whose every factor uses the large minibatch.
    Small minibatches can make it diverge: nothing pulls v and u back between refreshes. A function
    as `bounds` is applied after the lower steps, not before them.
    """

    name: ClassVar[str] = "vrbo"
    kinds: ClassVar[Mapping[str, Kind]] = dict.fromkeys(
        ("inner_steps", "period", "refresh_batches"), steps()
    )
    copies_of_lower_iterates: ClassVar[int] = 7
    oracles: ClassVar[type] = Oracles
    points: ClassVar[int] = 2
    description: ClassVar[Description] = Description(
        complexity={"both": "O(kappa**6 eps**-3), up to logs"},
        assumptions=(
            "those of stocBiO",
            "every stochastic gradient and product is Lipschitz in the mean square",
        ),
        calls="2 (m + 1) times (f_y, f_x, g_y, Q products with g_yy, 1 with g_xy), and a refresh",
        reference="Yang, Ji, Liang, NeurIPS 2021, Algorithm 2, Theorem 2",
    )

    inner_steps: int = 3
    period: int = 3
    refresh_batches: int = 10

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk,)

    def memory(self, problem: BilevelProblem, plan: Plan, x: Any, Y: Any) -> Memory:
        return estimator_buffers(problem, x, Y)

    def schedules(self, plan: Plan, first: int, n: int, totals: Totals) -> tuple[Any, Progress]:
        due = np.arange(first, first + n) % self.period == 0
        refreshes = np.where(due, self.refresh_batches, 0)
        corrections = np.full(n, self.inner_steps + 1)
        drawn = refreshes + corrections
        draw = before(totals, "estimates", drawn)
        system = self.linear_system(plan, first, n, draw)
        above = np.arange(self.inner_steps + 1, 0, -1) > 1
        schedules = Schedules(
            lr_y=np.outer(values_of("lr_y", self.lr_y, first, n), above),
            lr_x=values_of("lr_x", self.lr_x, first, n),
            keep=1.0 - due,
            refreshes=refreshes,
            system=system,
        )
        draws: tuple[Draws, ...] = ()
        # A refresh is taken at one point, a correction at two.
        for points, begin, count in ((1, draw, refreshes), (2, draw + refreshes, corrections)):
            each = numbers(begin, count)
            products = numbers(begin * self.neumann_steps, count * self.neumann_steps)
            draws += gradient_draws(each, points), *estimate_draws(each, products, points)
        return schedules, Progress(growth={"estimates": drawn}, draws=draws)

    def fixed(self, problem: BilevelProblem, plan: Plan) -> Fixed:
        return Fixed(inner_steps=self.inner_steps, share=1.0 / self.refresh_batches)

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        """q ~ kappa / eps, S_1 ~ kappa^2 / eps^2 in parts of S_2 ~ kappa^5 / eps, m ~ kappa."""
        small = s.kappa**5 * s.sigma**2 / s.eps
        large = s.kappa**2 * (s.sigma / s.eps) ** 2
        exact = s.noise == "none"
        return {
            "lr_y": 1.0 / (s.L * s.kappa),
            "lr_x": outer_step(s),
            "period": math.ceil(s.kappa / s.eps),
            "inner_steps": math.ceil(16.0 * (s.kappa + 1.0)),
            "refresh_batches": 1 if exact else math.ceil(max(1.0, large / small)),
            "neumann_lr": 1.0 / s.L,
            "neumann_steps": terms(s),
            "batch_size": s.batch(small, 0) if s.noise == "both" else None,
            "val_batch_size": None if exact else s.batch(small, 1),
        }
