"""The stacked oracles of any problem, composed of its simple ones, and the fused ones over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastbilevel._arrays.placement import library_of, place
from fastbilevel._texts import compile as _compile

if TYPE_CHECKING:
    from fastbilevel._texts.plan import Plan
    from fastbilevel.problems.base import BilevelProblem, Text

GRADIENTS_Y = ("grad_lower_y", "grad_upper_y")
GRADIENTS_X = ("grad_lower_x", "grad_upper_x")


def make_gradients(k: Any, independent: int, first: int) -> Any:
    """Gradients G of g and F of f at all q lower iterates; F only where the weight is not 0.

    The minibatches are those of the samplers `first` and ``first + 1``.
    """

    def gradients(data, samplers, work, x, Y, weights, step, F, G):
        (grad_lower, grad_upper), problem = data
        of_lower, of_upper = samplers[first], samplers[first + 1]
        n_groups, g = weights.shape
        n_y = Y.shape[1] // g
        for a in range(n_groups):
            offset = (a + 1) * independent
            rows, _ = k.draw.draw_batch(of_lower, step, offset)
            upper_rows, _ = k.draw.draw_batch(of_upper, step, offset)
            for j in range(g):
                y = Y[a, j * n_y : (j + 1) * n_y]
                grad_lower(problem, work, x, y, rows, G[a * g + j])
                if weights[a, j] != 0.0:
                    grad_upper(problem, work, x, y, upper_rows, F[a * g + j])

    return gradients


def make_lower_values(k: Any, independent: int) -> Any:
    """Values of g at all q lower iterates, on the outer minibatches."""

    def lower_values(data, samplers, work, x, Y, step, out):
        value_lower, problem = data
        for a in range(Y.shape[0]):
            rows, _ = k.draw.draw_batch(samplers[2], step, (a + 1) * independent)
            value_lower(problem, work, x, Y[a], rows, out[a : a + 1])

    return lower_values


def make_perturbed_descent(k: Any) -> Any:
    """Stochastic gradient steps on all q lower problems g + w_j f (F2SA-p, Algorithm 1)."""

    def perturbed_descent(data, samplers, work, x, Y, weights, lr, steps, first_step):
        gradients_y, stacked_data = data
        stacked_work, F, G = work
        n_groups, g = weights.shape
        n_y = G.shape[1]
        for s in range(steps):
            step = first_step + s
            gradients_y(stacked_data, samplers, stacked_work, x, Y, weights, step, F, G)
            for a in range(n_groups):
                for j in range(g):
                    i = a * g + j
                    y = Y[a, j * n_y : (j + 1) * n_y]
                    k.vector.perturbed_step(y, G[i], F[i], weights[a, j], lr[a])

    return perturbed_descent


def make_perturbed_gradient(k: Any) -> Any:
    """Combination of the gradients in x at all q lower iterates (F2SA-p, Algorithm 1)."""

    def perturbed_gradient(data, samplers, work, x, Y, weights, alpha, nu, step, out):
        gradients_x, stacked_data = data
        stacked_work, F, G = work
        gradients_x(stacked_data, samplers, stacked_work, x, Y, weights, step, F, G)
        q = weights.size
        k.vector.combine_offsets(F, G, weights.reshape(q), alpha.reshape(q), nu, out)

    return perturbed_gradient


def fused_texts() -> dict[str, Text]:
    """Texts of the two fused oracles over the stacked ones."""
    return {
        "perturbed_descent": (make_perturbed_descent,),
        "perturbed_gradient": (make_perturbed_gradient,),
    }


def fused_arguments(
    problem: BilevelProblem, plan: Plan, names: tuple[str, ...]
) -> dict[str, tuple[Any, Any]]:
    """``data = (stacked oracle, its data)`` and ``work = (its work, F, G)`` of fused oracles."""
    arguments: dict[str, tuple[Any, Any]] = {}
    for name in names:
        descent = name == "perturbed_descent"
        stacked, data, work = bind(problem, plan, "gradients_y" if descent else "gradients_x")
        shape = (plan.n_groups * plan.g, problem.n_y if descent else problem.n_x)
        zeros = library_of(problem.kernels).zeros
        F, G = zeros(shape, problem.dtype), zeros(shape, problem.dtype)
        arguments[name] = (stacked, data), (work, F, G)
    return arguments


def bind(problem: BilevelProblem, plan: Plan, name: str) -> tuple[Any, tuple[Any, ...], Any]:
    """The stacked oracle `name` with its data and work."""
    n_x, n_y, dtype = problem.n_x, problem.n_y, problem.dtype
    x, y = np.zeros(n_x, dtype), np.zeros(n_y, dtype)
    Y = np.zeros((plan.n_groups, plan.g * n_y), dtype)
    weights = np.zeros((plan.n_groups, plan.g))
    rows, out = np.zeros(1, np.int64), np.zeros(1)
    problem_data, work = problem.placed_arguments(max(1, plan.largest_batch))
    common = (problem_data, work, x, y, rows)
    if name == "lower_values":
        value = _compile.pointer(problem.oracle("value_lower"), (*common, out))
        data: tuple[Any, ...] = (value, problem_data)
        outputs: tuple[Any, ...] = (0, out)
        text: Text = (make_lower_values, int(plan.outer_independent))
    else:
        names, result = (GRADIENTS_Y, y) if name == "gradients_y" else (GRADIENTS_X, x)
        simple = (_compile.pointer(problem.oracle(each), (*common, result)) for each in names)
        data = (tuple(simple), problem_data)
        stack = np.zeros((weights.size, result.size), dtype)
        outputs = (weights, 0, stack, stack)
        independent = plan.independent if name == "gradients_y" else plan.outer_independent
        text = (make_gradients, int(independent), 0 if name == "gradients_y" else 2)
    make, *constants = text
    function = _compile.text(make, problem.kernels, *constants, compiled=problem.compiled)
    arguments = (data, place(problem.kernels, plan.samplers()), work, x, Y, *outputs)
    return _compile.pointer(function, arguments), data, work
