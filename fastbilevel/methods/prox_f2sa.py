"""Prox-F2SA: the double loop with proximal smoothing and projections on both levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from fastbilevel._schedules import Power, Schedule, Totals, before, counts_of, numbers
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.protocol import Counts, GroupRates, Progress, Rates, record
from fastbilevel.methods._description import Description
from fastbilevel.methods._kinds import Kind, counts
from fastbilevel.methods._proximal import ProximalMethod
from fastbilevel.methods._setting import Setting
from fastbilevel.problems.base import BilevelProblem

# c: gamma ~ k**-c, T ~ M ~ k**c; sigma ~ k**(-1/3) throughout. Kwon et al., ICLR 2024.
PROX_F2SA_EXPONENTS = {"both": 4 / 3, "upper": 2 / 3, "none": 0.0}


@record
class Memory(NamedTuple):
    """Iterates before a step, proximal centres, the estimate of one minibatch."""

    Y_old: np.ndarray
    center: np.ndarray
    part: np.ndarray


@record
class Schedules(NamedTuple):
    """Lower steps and minibatches of x in an iteration, and how many came before."""

    nu: Rates
    lr: GroupRates
    lr_x: Rates
    smoothing: Rates
    steps: Counts
    first_step: Counts
    batches: Counts
    first_draw: Counts


def make_chunk(k: Any) -> Any:
    """Projected proximal gradient steps, smoothing of the centres, averaged step of x."""

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        descent, gradient = oracles.perturbed_descent, oracles.perturbed_gradient
        x, Y, weights, phi = state.x, state.Y, state.weights, state.phi
        Y_old, center, lower = memory.Y_old, memory.center, fixed.lower
        nu, lr, batches = schedules.nu, schedules.lr, schedules.batches
        descend, data, work = descent.function, descent.data, descent.work
        combine, outer_data, outer_work = gradient.function, gradient.data, gradient.work
        m, norms, flag = state.m, state.norms, state.flag
        kind, a, b = domain.kind, domain.a, domain.b
        part = memory.part
        steps, first_step, smoothing = schedules.steps, schedules.first_step, schedules.smoothing
        first_draw, lr_x = schedules.first_draw, schedules.lr_x
        offsets, prox, alpha = fixed.offsets, fixed.prox, fixed.alpha
        project_lower = fixed.project_lower
        for t in range(n):
            k.vector.scale(nu[t], offsets, weights)
            for s in range(steps[t]):
                k.vector.scale(1.0, Y, Y_old)
                descend(data, samplers, work, x, Y, weights, lr[t], 1, first_step[t] + s)
                for j in range(weights.size):
                    k.proximal.proximal_step(
                        Y[j], Y_old[j], center[j], lr[t, j] / prox, lower.kind, lower.a, lower.b
                    )
                    project_lower(Y[j])
            for j in range(weights.size):
                k.proximal.smooth(center[j], Y[j], smoothing[t])
            phi[:] = 0
            for s in range(batches[t]):
                combine(
                    outer_data, samplers, outer_work, x, Y, weights, alpha, nu[t],
                    first_draw[t] + s, part,
                )  # fmt: skip
                k.vector.axpy(1.0 / batches[t], part, phi)
            k.vector.normalized_momentum(
                x, m, phi, lr_x[t], momentum=0.0, normalize=0, kind=kind, a=a, b=b,
                norm_out=norms[t : t + 1], flag=flag,
            )  # fmt: skip

    return chunk


@dataclass(frozen=True, kw_only=True)
class ProxF2SA(ProximalMethod):
    """Prox-F2SA (Kwon, Kwon, Wright, Nowak: On penalty methods for nonconvex bilevel optimization
    and first-order stochastic approximation, ICLR 2024), the double loop.

    With sigma = `nu`, rho = `prox` and centres z, y that trail the iterates v, u, `inner_steps`
    times

    ``v <- P_Y(v - lr_y (G_y(x, v) + (v - z) / rho))``,
    ``u <- P_Y(u - lr_y (sigma F_y(x, u) + G_y(x, u) + (u - y) / rho))``;

    then ``y <- (1 - smoothing) y + smoothing u``, z likewise, and
    ``x <- P_X(x - lr_x mean_m (sigma F_x(x, u) + G_x(x, u) - G_x(x, v)))``.

    Parameters
    ----------
    inner_steps : int or schedule
        T_k, rounded up.
    lr_y : float, schedule or None
        gamma_k. None takes 1 / (L + 1 / rho), L the largest curvature of g and of g + sigma f at
        the starting point.
    lr_x : float or schedule
        alpha_k. x descends on sigma times the penalty function, so its step on that is
        alpha_k sigma_k.
    nu : float or schedule
        sigma_k = 1 / lambda.
    prox : float
        rho; the theory wants rho below 1 / L.
    smoothing : float or schedule
        beta_k in (0, 1]; with 1 the centres are the last iterates.
    lower_projection : Projection, pair, callable or None
        P_Y, one of `fastbilevel.projections`, a pair of bounds, or a function that returns the
        projection of its argument (then the loop is interpreted). None: the bounds that the
        problem has, if any. P_X is the argument `bounds` of `minimize`.
    outer_batches : int or schedule
        M_k, rounded up: minibatches whose mean is the gradient in x.

    Notes
    -----
    The result's `y` is v, and `jac` the mean of F_x + (G_x(x, u) - G_x(x, v)) / sigma. The
    gradients in x are taken at u and v; at y and z they would have the same limit.
    """

    name: ClassVar[str] = "prox-f2sa"
    copies_of_lower_iterates: ClassVar[int] = 3
    kinds: ClassVar[Mapping[str, Kind]] = {"inner_steps": counts, "outer_batches": counts}
    description: ClassVar[Description] = Description(
        complexity={
            "both": "O(eps**-7) with probability at least 2/3",
            "upper": "O(eps**-5)",
            "none": "O(eps**-3)",
        },
        assumptions=(
            "f and g are smooth; X and Y are closed convex sets",
            "proximal error bound: the prox-gradient of sigma f + g bounds the distance to its "
            "minimisers, for all small sigma >= 0; the lower level need not be convex",
            "the criterion is the gradient of the penalty function at lambda = 1 / eps",
        ),
        calls="T f_y, 2 T g_y, M f_x, 2 M g_x; no second derivatives",
        reference="Kwon et al., ICLR 2024, Algorithm 1",
    )

    inner_steps: int | Schedule = 10
    outer_batches: int | Schedule = 1

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk,)

    def memory(self, problem: BilevelProblem, plan: Plan, x: Any, Y: Any) -> Memory:
        part = np.zeros(problem.n_x, problem.dtype)
        return Memory(Y_old=Y.copy(), center=Y.copy(), part=part)

    def schedules(self, plan: Plan, first: int, n: int, totals: Totals) -> tuple[Any, Progress]:
        growth = {
            name: counts_of(name, getattr(self, name), first, n)
            for name in ("inner_steps", "outer_batches")
        }
        nu, lr, lr_x, smoothing = self.rates(first, n)
        steps, batches = growth.values()
        first_step, first_draw = (before(totals, name, each) for name, each in growth.items())
        schedules = Schedules(
            nu=nu,
            lr=lr,
            lr_x=lr_x,
            smoothing=smoothing,
            steps=steps,
            first_step=first_step,
            batches=batches,
            first_draw=first_draw,
        )
        draws = self.draws(plan, numbers(first_step, steps), numbers(first_draw, batches))
        return schedules, Progress(growth=growth, draws=draws)

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        c, prox = PROX_F2SA_EXPONENTS[s.noise], 1.0 / (2.0 * s.L)
        return {
            "prox": prox,
            "lr_x": prox,
            "smoothing": 0.5,
            "nu": Power(0.5 / s.kappa, 1 / 3),
            "lr_y": Power(1.0 / (s.L + 1.0 / prox), c),
            "inner_steps": Power(1.0, -c),
            "outer_batches": Power(1.0, -c),
        }
