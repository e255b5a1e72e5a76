"""VRBO: SPIDER estimators on both levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastbilevel._checks.values import check_integer
from fastbilevel._schedules import RunningTotals, values_of
from fastbilevel.methods._description import Description
from fastbilevel.methods._recursive_hypergradient import estimator_buffers
from fastbilevel.methods._second_order import NeumannMethod

if TYPE_CHECKING:
    from fastbilevel._texts.plan import Plan
    from fastbilevel.problems.base import BilevelProblem


def make_chunk(k: Any) -> Any:
    """Refresh the estimators where it is due, step x, then correct and follow them in y."""

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        (lower_gradient, data, work), (hypergradient, outer_data, outer_work) = oracles
        x, Y, _, m, phi, norms, flag = state
        x_old, Y_old, G, G_old, u, h, h_old = memory
        kind, a, b = domain
        lr_y, lr_x, keep, refreshes, (terms, lr_v, factor, first, batch) = schedules
        inner_steps, share = fixed
        for t in range(n):
            draw, product = batch[t], first[t]
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
            x_old[:] = x
            k.vector.normalized_momentum(
                x, m, phi, lr_x[t], 0.0, 0, kind, a, b, norms[t : t + 1], flag
            )
            Y_old[0][:] = Y[0]
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
                x_old[:] = x
                Y_old[0][:] = Y[0]
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
    copies_of_lower_iterates: ClassVar[int] = 7
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

    @property
    def oracles(self) -> tuple[Any, ...]:
        return "lower_gradient", self.estimate()

    def check(self, problem: BilevelProblem) -> None:
        super().check(problem)
        for name in ("inner_steps", "period", "refresh_batches"):
            check_integer(name, getattr(self, name), 1)

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk,)

    def buffers(self, problem: BilevelProblem, plan: Plan, x: Any, Y: Any) -> tuple[Any, ...]:
        return estimator_buffers(problem, x, Y)

    def schedules(self, plan: Plan, first: int, n: int, totals: RunningTotals) -> tuple[Any, ...]:
        """lr_y at every correction, 0 at the last; lr_x; keep, refreshing draws; the series."""
        due = np.arange(first, first + n) % self.period == 0
        refreshes = np.where(due, self.refresh_batches, 0)
        corrections = self.inner_steps + 1
        draws = refreshes + corrections
        series = self.linear_system(plan, first, n, totals, draws)
        # A refresh is taken at one point only, the series counts two.
        totals.before("estimates", -refreshes)
        totals.before("products", -refreshes * self.neumann_steps)
        totals.before("lower_gradients", refreshes + 2 * corrections)
        return (
            np.outer(values_of("lr_y", self.lr_y, first, n), np.arange(corrections, 0, -1) > 1),
            values_of("lr_x", self.lr_x, first, n),
            1.0 - due,
            refreshes,
            series,
        )

    def fixed(self, problem: BilevelProblem, plan: Plan) -> tuple[Any, ...]:
        return self.inner_steps, 1.0 / self.refresh_batches
