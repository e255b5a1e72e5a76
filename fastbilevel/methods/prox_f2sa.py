"""Prox-F2SA: the double loop with proximal smoothing and projections on both levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastbilevel._checks.values import check_positive
from fastbilevel._schedules import RunningTotals, Schedule, counts_of
from fastbilevel.methods._description import Description
from fastbilevel.methods._proximal import ProximalMethod

if TYPE_CHECKING:
    from fastbilevel._texts.plan import Plan
    from fastbilevel.problems.base import BilevelProblem


def make_chunk(k: Any) -> Any:
    """Projected proximal gradient steps, smoothing of the centres, averaged step of x."""

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        (perturbed_descent, data, work), (perturbed_gradient, data_x, work_x) = oracles
        x, Y, weights, m, phi, norms, flag = state
        Y_old, center, part = memory
        kind, a, b = domain
        nu, lr, lr_x, smoothing, steps, step, batches, batch = schedules
        offsets, alpha, prox, (lower_kind, lower_a, lower_b), project_lower = fixed
        for t in range(n):
            k.vector.scale(nu[t], offsets, weights)
            for s in range(steps[t]):
                Y_old[:] = Y
                perturbed_descent(data, samplers, work, x, Y, weights, lr[t], 1, step[t] + s)
                for j in range(weights.size):
                    k.proximal.proximal_step(
                        Y[j], Y_old[j], center[j], lr[t, j] / prox, lower_kind, lower_a, lower_b
                    )
                    project_lower(Y[j])
            for j in range(weights.size):
                k.proximal.smooth(center[j], Y[j], smoothing[t])
            phi[:] = 0
            for s in range(batches[t]):
                perturbed_gradient(
                    data_x, samplers, work_x, x, Y, weights, alpha, nu[t], batch[t] + s, part
                )
                k.vector.axpy(1.0 / batches[t], part, phi)
            k.vector.normalized_momentum(
                x, m, phi, lr_x[t], 0.0, 0, kind, a, b, norms[t : t + 1], flag
            )

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

    def check(self, problem: BilevelProblem) -> None:
        super().check(problem)
        check_positive("inner_steps", self.inner_steps)
        check_positive("outer_batches", self.outer_batches)

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk,)

    def memory(self, problem: BilevelProblem, plan: Plan, x: Any, Y: Any) -> tuple[Any, ...]:
        return Y.copy(), Y.copy(), np.zeros(problem.n_x, problem.dtype)

    def schedules(
        self, plan: Plan, first: int, n: int, totals: RunningTotals
    ) -> tuple[np.ndarray, ...]:
        """nu, lr_y, lr_x, smoothing, and inner steps and minibatches of x with what came before."""
        counts = []
        for name in ("inner_steps", "outer_batches"):
            values = counts_of(name, getattr(self, name), first, n)
            counts += [values, totals.before(name, values)]
        return (*self.rates(first, n), *counts)
