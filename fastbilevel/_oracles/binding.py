"""Turn the names of the oracles that a method calls into functions with their data and work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastbilevel._arrays.placement import library_of, place
from fastbilevel._oracles import composed as _composed
from fastbilevel._oracles import products as _products
from fastbilevel._oracles.linear_solvers import HypergradientEstimate, make_hypergradient
from fastbilevel._texts import compile as _compile

if TYPE_CHECKING:
    from fastbilevel._texts.plan import Plan
    from fastbilevel.problems.base import BilevelProblem

Bound = tuple[Any, Any, Any]


class Binder:
    """Binds oracles to a problem: its own fused ones, or compositions of its simple ones.

    Parameters
    ----------
    problem : BilevelProblem
    plan : Plan
    """

    def __init__(self, problem: BilevelProblem, plan: Plan):
        self.problem, self.plan = problem, plan
        self._texts = problem.fused_texts(plan)
        self._samplers = place(problem.kernels, plan.samplers())

    def bind(self, wanted: tuple[Any, ...]) -> tuple[Bound, ...]:
        """``(function, data, work)`` of each of the oracles `wanted`.

        Parameters
        ----------
        wanted : tuple of str or HypergradientEstimate
            Names of fused, stacked or second-order oracles, and what is made of several of them.
        """
        names = [n for each in wanted for n in getattr(each, "parts", (each,))]
        fused = tuple(dict.fromkeys(name for name in names if name in self._texts))
        arguments = {
            name: self.problem.placed(*found)
            for name, found in self.problem.fused_arguments(self.plan, fused).items()
        }
        bound = {name: self._bind(name, arguments) for name in dict.fromkeys(names)}
        return tuple(
            bound[each] if isinstance(each, str) else self._estimate(each, bound) for each in wanted
        )

    def _bind(self, name: str, arguments: dict[str, tuple[Any, Any]]) -> Bound:
        problem, plan = self.problem, self.plan
        if name in arguments:
            data, work = arguments[name]
            return self._compile(self._texts[name], data, work, self._sample(name))
        if name in _products.PARTS:
            return _products.bind(problem, plan, name)
        return _composed.bind(problem, plan, name)

    def _sample(self, name: str) -> tuple[Any, ...]:
        """Arguments behind `work` of the right types, by which an oracle is compiled."""
        problem, plan = self.problem, self.plan
        if name in _products.PARTS:
            return _products.sample_arguments(problem, name)
        x = np.zeros(problem.n_x, problem.dtype)
        Y = np.zeros((plan.n_groups, plan.g * problem.n_y), problem.dtype)
        weights = np.zeros((plan.n_groups, plan.g))
        if name == "perturbed_descent":
            return x, Y, weights, np.zeros(plan.n_groups), 1, 0
        return x, Y, weights, weights, 1.0, 0, x

    def _compile(self, text: tuple[Any, ...], data: Any, work: Any, rest: tuple[Any, ...]) -> Bound:
        make, *constants = text
        problem = self.problem
        function = _compile.text(make, problem.kernels, *constants, compiled=problem.compiled)
        sample = (data, self._samplers, work, *rest)
        return _compile.pointer(function, sample), data, work

    def _estimate(self, estimate: HypergradientEstimate, bound: dict[str, Bound]) -> Bound:
        """``F_x - G_xy v`` with the linear solver that the estimate asks for."""
        problem = self.problem
        xp = library_of(problem.kernels)
        x, y = xp.zeros(problem.n_x, problem.dtype), xp.zeros(problem.n_y, problem.dtype)
        Y = xp.zeros((2, problem.n_y), problem.dtype)
        upper, inner, cross = (bound[name] for name in estimate.parts)
        solver_data = (inner[0], inner[1], *estimate.numbers)
        solver_work = (inner[2], *(xp.zeros_like(each) for each in estimate.scratch(Y, y)))
        solver = self._compile(estimate.solver, solver_data, solver_work, (x, Y, y, 1, 1.0, 1.0, 0))
        data = (upper[0], solver[0], cross[0]), (upper[1], solver[1], cross[1])
        work = upper[2], solver[2], cross[2], xp.zeros_like(y), xp.zeros_like(x)
        return self._compile((make_hypergradient,), data, work, (x, Y, 1, 1.0, 1.0, 0, 0, x))
