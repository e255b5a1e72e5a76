"""Turn the names of the oracles that a method asks for into functions with their data and work."""

from __future__ import annotations

import functools
from typing import Any

from fastbilevel._arrays.placement import place
from fastbilevel._checks.values import closest
from fastbilevel._oracles import composed, products
from fastbilevel._oracles.linear_solvers import (
    Estimate,
    EstimateWork,
    HypergradientEstimate,
    make_hypergradient,
)
from fastbilevel._texts.compile import Text, compile_text, is_passed_on, passed_on, pointer_to
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.protocol import Oracle, check_record
from fastbilevel.problems.base import BilevelProblem
from fastbilevel.problems.oracle_table import FUSED, SIMPLE

COMPOSITIONS = composed.COMPOSITIONS | products.COMPOSITIONS


class Binder:
    """Binds oracles to a problem: its own fused ones, or compositions of its simple ones.

    Parameters
    ----------
    problem : BilevelProblem
    plan : Plan
    estimate : HypergradientEstimate, optional
        What the oracle `hypergradient` is.
    """

    def __init__(
        self, problem: BilevelProblem, plan: Plan, estimate: HypergradientEstimate | None = None
    ):
        self.problem, self.plan, self.estimate = problem, plan, estimate
        self._samplers = place(problem.kernels, plan.samplers())
        self._own = problem.fused_texts(plan)
        self._arguments: dict[str, tuple[Any, Any]] = {}
        self._bound: dict[str, Oracle] = {}
        self._simple: dict[str, Any] = {}
        self._compiled = problem.compiled and problem.kernels.COMPILED

    def bind(self, bundle: type) -> Any:
        """A record of `Oracle`, one for each field of the class `bundle`, found by its name.

        Raises
        ------
        TypeError
            If a field names no oracle, or data or work are missing or not what their record says.
        """
        names = list(bundle._fields)  # type: ignore[attr-defined]
        for name in (*names, *self._own):
            if name not in FUSED:
                raise TypeError(closest(name, FUSED, f"oracle in {bundle.__name__}:"))
        if "hypergradient" in names and self.estimate is not None:
            names += self.estimate.parts
        own = tuple(name for name in dict.fromkeys(names) if name in self._own)
        if own:
            self._arguments = self.problem.fused_arguments(self.plan, own)
            for name in own:
                if name not in self._arguments:
                    raise TypeError(
                        f"fused_arguments of {type(self.problem).__name__} must give data and work "
                        f"of {name}, which its fused_texts have; got none."
                    )
        return bundle(**{name: self.oracle(name) for name in bundle._fields})  # type: ignore[attr-defined]

    def oracle(self, name: str) -> Oracle:
        """The fused oracle `name`, bound once."""
        if name not in self._bound:
            if name in self._arguments:
                data, work = self.problem.placed(*self._arguments[name])
                self._bound[name] = self._compile(name, self._own[name], data, work)
            elif name == "hypergradient":
                self._bound[name] = self._hypergradient()
            else:
                self._bound[name] = self._compose(name)
        return self._bound[name]

    def _compose(self, name: str) -> Oracle:
        made = COMPOSITIONS[name]
        problem_data, own = self._passed_on
        data: Any
        if made.bundle is None:
            data = self.oracle(made.over)
        else:
            parts = {field: self._pointer(each) for field, each in (made.parts or {}).items()}
            data = made.bundle(**parts, problem=problem_data)
        work = made.work(self.problem, self.plan, own)
        if work is not own:
            work = place(self.problem.kernels, work)
        return self._compile(name, (made.make, *made.constants(self.plan)), data, work)

    @functools.cached_property
    def _of_problem(self) -> tuple[Any, Any]:
        """Data and work of the simple oracles, which are called one at a time and share both."""
        return self.problem.placed_arguments(self.plan.largest_batch)

    @functools.cached_property
    def _passed_on(self) -> tuple[Any, Any]:
        """The same for texts that hand both to simple oracles."""
        return tuple(map(self._hand_on, self._of_problem))  # type: ignore[return-value]

    def _hand_on(self, record: Any) -> Any:
        return passed_on(record) if self._compiled and not is_passed_on(record) else record

    def _pointer(self, name: str) -> Any:
        if name not in self._simple:
            arguments = *self._of_problem, *SIMPLE[name].arguments(self.problem)
            self._simple[name] = pointer_to(self.problem.oracle(name), arguments)
        return self._simple[name]

    def _compile(self, name: str, text: Text, data: Any, work: Any) -> Oracle:
        check_record(data, f"The data of {name}")
        if not is_passed_on(work):
            check_record(work, f"The work of {name}")
        make, *constants = text
        problem = self.problem
        function = compile_text(make, problem.kernels, *constants, compiled=problem.compiled)
        rest = FUSED[name].arguments(problem, self.plan)
        function = pointer_to(function, (data, self._samplers, work, *rest))
        return Oracle(function=function, data=self._hand_on(data), work=self._hand_on(work))

    def _hypergradient(self) -> Oracle:
        """``F_x - G_xy v`` with the linear solver that the method asks for."""
        estimate, problem = self.estimate, self.problem
        if estimate is None:
            raise TypeError("An oracle 'hypergradient' is asked for, but the method names none.")
        upper, product, cross = (self.oracle(name) for name in estimate.parts)
        scratch = place(problem.kernels, estimate.work(problem))
        data = estimate.data(product)
        solver = self._compile("linear_solver", estimate.text, data, scratch)
        work = place(problem.kernels, EstimateWork.of(problem))
        data = Estimate(upper=upper, solver=solver, cross=cross)
        return self._compile("hypergradient", (make_hypergradient,), data, work)
