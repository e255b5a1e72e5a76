"""The single loop of the STORM methods: every gradient is a recursive estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastbilevel._schedules import RunningTotals, values_of

if TYPE_CHECKING:
    from fastbilevel._texts.plan import Plan
    from fastbilevel.problems.base import BilevelProblem


def make_chunk(k: Any, proximal: int) -> Any:
    """F3SA, and with `proximal` 1 its proximal form: one lower step, then one step of x.

    The estimators h = grad(now) + (1 - eta) (h - grad(before)) take both gradients on the same
    minibatch; those in x compare (x_k, Y_k+1) with (x_k-1, Y_k).
    """

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        (gradients_y, data_y, work_y), (gradients_x, data_x, work_x) = oracles
        x, Y, weights, m, phi, norms, flag = state
        x_old, Y_old, center, lower, upper = memory
        F_y, G_y, F_y_old, G_y_old, f_y, g_y = lower
        F_x, G_x, F_x_old, G_x_old, f_x, g_x = upper
        kind, a, b = domain
        nu, lr, lr_x, eta, smoothing, step, batch = schedules
        offsets, alpha, prox, (lower_kind, lower_a, lower_b), project_lower = fixed
        q = weights.size
        flat_weights, flat_alpha = weights.reshape(q), alpha.reshape(q)
        for t in range(n):
            k.vector.scale(nu[t], offsets, weights)
            gradients_y(data_y, samplers, work_y, x, Y, weights, step[t], F_y, G_y)
            gradients_y(data_y, samplers, work_y, x_old, Y_old, weights, step[t], F_y_old, G_y_old)
            k.momentum.recursive_momentum(f_y, F_y, F_y_old, eta[t])
            k.momentum.recursive_momentum(g_y, G_y, G_y_old, eta[t])
            Y_old[:] = Y
            for j in range(q):
                k.vector.perturbed_step(Y[j], g_y[j], f_y[j], weights[j, 0], lr[t, j])
                if proximal:
                    k.proximal.proximal_step(
                        Y[j], Y_old[j], center[j], lr[t, j] / prox, lower_kind, lower_a, lower_b
                    )
                    project_lower(Y[j])
                    k.proximal.smooth(center[j], Y[j], smoothing[t])
            gradients_x(data_x, samplers, work_x, x, Y, weights, batch[t], F_x, G_x)
            gradients_x(data_x, samplers, work_x, x_old, Y_old, weights, batch[t], F_x_old, G_x_old)
            k.momentum.recursive_momentum(f_x, F_x, F_x_old, eta[t])
            k.momentum.recursive_momentum(g_x, G_x, G_x_old, eta[t])
            x_old[:] = x
            k.vector.combine_offsets(f_x, g_x, flat_weights, flat_alpha, nu[t], phi)
            k.vector.normalized_momentum(
                x, m, phi, lr_x[t], 0.0, 0, kind, a, b, norms[t : t + 1], flag
            )

    return chunk


def estimator_memory(
    problem: BilevelProblem, plan: Plan, x: np.ndarray, Y: np.ndarray, proximal: bool
) -> tuple[Any, ...]:
    """Previous point, proximal centres, and gradients and estimators of both levels."""

    def stacks(size: int) -> tuple[np.ndarray, ...]:
        return tuple(np.zeros((plan.n_groups, size), problem.dtype) for _ in range(6))

    center = Y.copy() if proximal else Y[:, :0].copy()
    return np.array(x, problem.dtype), Y.copy(), center, stacks(problem.n_y), stacks(problem.n_x)


def estimator_weights(momentum: Any, first: int, n: int) -> np.ndarray:
    """eta at iterations first, ..., first + n - 1: 1 in the first iteration, never above 1."""
    eta = np.minimum(values_of("momentum", momentum, first, n), 1.0)
    if first == 0:
        eta[0] = 1.0
    return eta


def draws(n: int, totals: RunningTotals) -> tuple[np.ndarray, np.ndarray]:
    """How many lower steps and how many steps of x were taken before each iteration."""
    ones = np.ones(n, np.int64)
    return totals.before("inner_steps", ones), totals.before("outer_batches", ones)
