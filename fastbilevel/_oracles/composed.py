"""The fused and stacked oracles of any problem, composed of its simple ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastbilevel._texts.plan import Plan
from fastbilevel._texts.protocol import record
from fastbilevel.problems.base import BilevelProblem

Simple = Callable[..., None]


@record
class Levels(NamedTuple):
    """One derivative of both levels, and the data of the problem."""

    lower: Simple
    upper: Simple
    problem: Any


@record
class Value(NamedTuple):
    of: Simple
    problem: Any


@record
class Stack(NamedTuple):
    """Gradients of f and g at all lower iterates."""

    F: np.ndarray
    G: np.ndarray


@dataclass(frozen=True)
class Composition:
    """How an oracle is made of others.

    Attributes
    ----------
    make : callable
        Of its text. What it finds in `data` is a `bundle`, or the oracle `over`.
    bundle : type, optional
        A record of simple oracles and the data of the problem, the field `problem`.
    parts : dict of str to str
        The names of these oracles, by field.
    over : str, optional
        Name of the stacked oracle that it is made of instead.
    constants : callable
        Of the plan: what the text closes over.
    work : callable, optional
        Of problem, plan and the work of the problem: what the text finds in `work`; by default the
        last.
    """

    make: Any
    bundle: type | None = None
    parts: dict[str, str] | None = None
    over: str = ""
    constants: Callable[[Plan], tuple[int, ...]] = lambda plan: ()
    work: Callable[[BilevelProblem, Plan, Any], Any] = lambda problem, plan, own: own


def make_gradients(k: Any, independent: int, outer: int) -> Any:
    """Gradients G of g and F of f at all q lower iterates; F only where the weight is not 0.

    On the minibatches of the lower steps, or with `outer` on those of the hypergradient estimate.
    """

    def gradients(data, samplers, work, x, Y, weights, draw, F, G):
        of_lower = samplers.outer_lower if outer else samplers.lower
        of_upper = samplers.outer_upper if outer else samplers.upper
        lower, upper, problem = data.lower, data.upper, data.problem
        n_groups, g = weights.shape
        n_y = Y.shape[1] // g
        for a in range(n_groups):
            offset = (a + 1) * independent
            rows, _ = k.draw.draw_batch(of_lower, draw, offset)
            upper_rows, _ = k.draw.draw_batch(of_upper, draw, offset)
            for j in range(g):
                y = Y[a, j * n_y : (j + 1) * n_y]
                lower(problem, work, x, y, rows, G[a * g + j])
                if weights[a, j] != 0.0:
                    upper(problem, work, x, y, upper_rows, F[a * g + j])

    return gradients


def make_lower_values(k: Any, independent: int) -> Any:
    """Values of g at all q lower iterates, on the outer minibatches."""

    def lower_values(data, samplers, work, x, Y, draw, out):
        for a in range(Y.shape[0]):
            rows, _ = k.draw.draw_batch(samplers.outer_lower, draw, (a + 1) * independent)
            data.of(data.problem, work, x, Y[a], rows, out[a : a + 1])

    return lower_values


def make_perturbed_descent(k: Any) -> Any:
    """Stochastic gradient steps on all q lower problems g + w_j f (F2SA-p, Algorithm 1)."""

    def perturbed_descent(data, samplers, work, x, Y, weights, lr, steps, first):
        gradients, own_data, own_work = data.function, data.data, data.work
        F, G = work.F, work.G
        n_groups, g = weights.shape
        n_y = G.shape[1]
        for draw in range(first, first + steps):
            gradients(own_data, samplers, own_work, x, Y, weights, draw, F, G)
            for a in range(n_groups):
                for j in range(g):
                    i = a * g + j
                    y = Y[a, j * n_y : (j + 1) * n_y]
                    k.vector.perturbed_step(y, G[i], F[i], weights[a, j], lr[a])

    return perturbed_descent


def make_perturbed_gradient(k: Any) -> Any:
    """Combination of the gradients in x at all q lower iterates (F2SA-p, Algorithm 1)."""

    def perturbed_gradient(data, samplers, work, x, Y, weights, alpha, nu, draw, out):
        data.function(data.data, samplers, data.work, x, Y, weights, draw, work.F, work.G)
        q = weights.size
        k.vector.combine_offsets(work.F, work.G, weights.reshape(q), alpha.reshape(q), nu, out)

    return perturbed_gradient


def _stack_of(size: str) -> Callable[[BilevelProblem, Plan, Any], Stack]:
    def work(problem: BilevelProblem, plan: Plan, own: Any) -> Stack:
        F, G = np.zeros((2, plan.n_offsets, getattr(problem, size)), problem.dtype)
        return Stack(F=F, G=G)

    return work


IN_Y = {"lower": "grad_lower_y", "upper": "grad_upper_y"}
IN_X = {"lower": "grad_lower_x", "upper": "grad_upper_x"}
COMPOSITIONS: dict[str, Composition] = {
    "perturbed_descent": Composition(
        make_perturbed_descent, over="gradients_y", work=_stack_of("n_y")
    ),
    "perturbed_gradient": Composition(
        make_perturbed_gradient, over="gradients_x", work=_stack_of("n_x")
    ),
    "gradients_y": Composition(
        make_gradients, Levels, IN_Y, constants=lambda plan: (int(plan.independent), 0)
    ),
    "outer_gradients_y": Composition(
        make_gradients, Levels, IN_Y, constants=lambda plan: (int(plan.outer_independent), 1)
    ),
    "gradients_x": Composition(
        make_gradients, Levels, IN_X, constants=lambda plan: (int(plan.outer_independent), 1)
    ),
    "lower_values": Composition(
        make_lower_values,
        Value,
        {"of": "value_lower"},
        constants=lambda plan: (int(plan.outer_independent),),
    ),
}
