"""The two fused oracles of any problem, composed of its simple ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastbilevel import _compile

if TYPE_CHECKING:
    from fastbilevel._problem import BilevelProblem, Plan, Text


def make_perturbed_descent(k: Any, independent: int) -> Any:
    """Stochastic gradient steps on all q lower problems g + w_j f (F2SA-p, Algorithm 1)."""

    def perturbed_descent(data, samplers, work, x, Y, weights, lr, steps, first_step):
        grad_lower_y, grad_upper_y, _, _ = data[0]
        problem = data[1]
        G, F = work[1], work[2]
        n_groups, g = weights.shape
        n_y = G.size
        for s in range(steps):
            for a in range(n_groups):
                offset = (a + 1) * independent
                rows, _ = k.draw.draw_batch(samplers[0], first_step + s, offset)
                upper_rows, _ = k.draw.draw_batch(samplers[1], first_step + s, offset)
                for j in range(g):
                    y = Y[a, j * n_y : (j + 1) * n_y]
                    grad_lower_y(problem, work[0], x, y, rows, G)
                    if weights[a, j] != 0.0:
                        grad_upper_y(problem, work[0], x, y, upper_rows, F)
                    k.vector.perturbed_step(y, G, F, weights[a, j], lr)

    return perturbed_descent


def make_perturbed_gradient(k: Any, independent: int) -> Any:
    """Combination of the gradients in x at all q lower iterates (F2SA-p, Algorithm 1)."""

    def perturbed_gradient(data, samplers, work, x, Y, weights, alpha, nu, step, out):
        _, _, grad_lower_x, grad_upper_x = data[0]
        problem = data[1]
        F, G = work[3], work[4]
        n_groups, g = weights.shape
        n_y = work[1].size
        for a in range(n_groups):
            offset = (a + 1) * independent
            rows, _ = k.draw.draw_batch(samplers[2], step, offset)
            upper_rows, _ = k.draw.draw_batch(samplers[3], step, offset)
            for j in range(g):
                y = Y[a, j * n_y : (j + 1) * n_y]
                grad_lower_x(problem, work[0], x, y, rows, G[a * g + j])
                grad_upper_x(problem, work[0], x, y, upper_rows, F[a * g + j])
        q = n_groups * g
        k.vector.combine_offsets(F, G, weights.reshape(q), alpha.reshape(q), nu, out)

    return perturbed_gradient


def fused_texts(plan: Plan) -> dict[str, Text]:
    """Texts and constants of the two composed oracles."""
    return {
        "perturbed_descent": (make_perturbed_descent, int(plan.independent)),
        "perturbed_gradient": (make_perturbed_gradient, int(plan.outer_independent)),
    }


def fused_arguments(problem: BilevelProblem, plan: Plan) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """``data = (oracles, their data)`` and ``work = (their work, G_y, F_y, F_x, G_x)``."""
    batch = max(1, plan.lower.batch, plan.upper.batch, plan.outer_lower.batch)
    data, simple_work = problem.evaluation_arguments(max(batch, plan.outer_upper.batch))
    x, y = np.zeros(problem.n_x, problem.dtype), np.zeros(problem.n_y, problem.dtype)
    rows = np.zeros(1, np.int64)
    names = ("grad_lower_y", "grad_upper_y", "grad_lower_x", "grad_upper_x")
    oracles = tuple(
        _compile.pointer(
            problem.oracle(name), (data, simple_work, x, y, rows, y if name.endswith("y") else x)
        )
        for name in names
    )
    q = plan.n_groups * plan.g
    work = (
        simple_work,
        np.zeros(problem.n_y, problem.dtype),
        np.zeros(problem.n_y, problem.dtype),
        np.zeros((q, problem.n_x), problem.dtype),
        np.zeros((q, problem.n_x), problem.dtype),
    )
    return (oracles, data), work
