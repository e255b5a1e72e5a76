"""The oracles, one entry each: what the package asks of a problem, and how texts call it.

A problem supplies texts of *simple* oracles, compiled or interpreted, of the form

    f(data, work, x, y[, v], rows, out)

data : record
    What does not change during a run, from the problem's `evaluation_arguments`.
work : record
    Scratch from the same place, for as many rows as were asked for. Nothing is kept in it.
x : (n_x,) float array
y, v : (n_y,) float arrays
    Lower variable and a direction in it, packed as the problem's `pack_lower` says.
rows : (m,) int64 array
    Numbers of the samples over which to take the mean. A problem that is `infinite` answers no
    rows with the exact expectation; no other problem is asked for none.
out : (1,) float64 array for values, (n_x,) or (n_y,) array of the problem's dtype for vectors
    Overwritten, whatever it held. Nothing else is changed.

From these the package composes everything else; a problem may supply *fused* texts instead, from
`fused_texts`. They draw their own minibatches and have the form

    f(data, samplers, work, <arguments>)

with `fastbilevel._texts.protocol.Samplers` and the arguments that their entry lists. `Y` holds all
lower iterates, (n_groups, g n_y), offset j of group a in the packed layout that belongs to groups
of g; `pair` is (2, n_y), y and below it a vector v. Arguments named `out...` are overwritten, Y and
`pair` hold the result of those that take steps. `draw`, `first` and `steps` number minibatches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastbilevel._texts.plan import Plan


@dataclass(frozen=True)
class SimpleOracle:
    """An entry of `SIMPLE`.

    Attributes
    ----------
    name : str
    level : {"lower", "upper"}
    answer : {"value", "x", "y"}
        A float64 number, a vector like x, or one like y.
    vectors : tuple of str
        The vectors it takes behind x, all like y: y, and v for products.
    meaning : str
    """

    name: str
    level: str
    answer: str
    vectors: tuple[str, ...]
    meaning: str

    @property
    def is_value(self) -> bool:
        return self.answer == "value"

    @property
    def is_product(self) -> bool:
        return "v" in self.vectors

    def samples(self, problem: Any) -> int:
        """Samples of its level."""
        return problem.n_lower if self.level == "lower" else problem.n_upper

    def size(self, problem: Any) -> int:
        """Elements of its answer."""
        return {"value": 1, "x": problem.n_x, "y": problem.n_y}[self.answer]

    def out(self, problem: Any, fill: float = 0.0) -> np.ndarray:
        """An array for its answer, on the host."""
        dtype = np.dtype(np.float64) if self.is_value else problem.dtype
        return np.full(self.size(problem), fill, dtype)

    def arguments(self, problem: Any) -> tuple[np.ndarray, ...]:
        """Arguments behind `work` of the right types, by which it is compiled."""
        vectors = (np.zeros(problem.n_y, problem.dtype) for _ in self.vectors)
        x = np.zeros(problem.n_x, problem.dtype)
        return x, *vectors, np.zeros(1, np.int64), self.out(problem)


Y, YV = ("y",), ("y", "v")
SIMPLE: dict[str, SimpleOracle] = {
    row[0]: SimpleOracle(*row)
    for row in (
        ("value_lower", "lower", "value", Y, "g"),
        ("value_upper", "upper", "value", Y, "f"),
        ("grad_lower_y", "lower", "y", Y, "g_y"),
        ("grad_upper_y", "upper", "y", Y, "f_y"),
        ("grad_lower_x", "lower", "x", Y, "g_x"),
        ("grad_upper_x", "upper", "x", Y, "f_x"),
        ("hvp_lower_yy", "lower", "y", YV, "g_yy v"),
        ("jvp_lower_xy", "lower", "x", YV, "g_xy v, the gradient in x of <g_y, v>"),
    )
}


# Arguments of fused oracles, by name: an array or a number of the right type.
ARGUMENTS: dict[str, Callable[[Any, Plan], Any]] = {
    "x": lambda problem, plan: np.zeros(problem.n_x, problem.dtype),
    "Y": lambda problem, plan: np.zeros((plan.n_groups, plan.g * problem.n_y), problem.dtype),
    "pair": lambda problem, plan: np.zeros((2, problem.n_y), problem.dtype),
    "weights": lambda problem, plan: np.zeros((plan.n_groups, plan.g)),
    "rates": lambda problem, plan: np.zeros(plan.n_groups),
    "b": lambda problem, plan: np.zeros(problem.n_y, problem.dtype),
    "number": lambda problem, plan: 1.0,
    "count": lambda problem, plan: 0,
    "out_x": lambda problem, plan: np.zeros(problem.n_x, problem.dtype),
    "out_y": lambda problem, plan: np.zeros(problem.n_y, problem.dtype),
    "out_pair": lambda problem, plan: np.zeros((2, problem.n_y), problem.dtype),
    "out_all_x": lambda problem, plan: np.zeros((plan.n_offsets, problem.n_x), problem.dtype),
    "out_all_y": lambda problem, plan: np.zeros((plan.n_offsets, problem.n_y), problem.dtype),
    "out_values": lambda problem, plan: np.zeros(plan.n_offsets),
}


@dataclass(frozen=True)
class FusedOracle:
    """An entry of `FUSED`.

    Attributes
    ----------
    name : str
    kind : {"fused", "stacked", "second-order", "estimate"}
        *Fused*: what penalty methods spend their time in. *Stacked*: gradients at all iterates, for
        methods that keep estimators of each. *Second-order*: products with g_yy and g_xy.
        *Estimate*: made of several by the linear solver that a method names.
    signature : tuple of (str, str)
        Name and kind, a key of `ARGUMENTS`, of every argument behind `work`.
    meaning : str
    """

    name: str
    kind: str
    signature: tuple[tuple[str, str], ...]
    meaning: str

    def arguments(self, problem: Any, plan: Plan) -> tuple[Any, ...]:
        """Arguments behind `work` of the right types, by which it is compiled."""
        return tuple(ARGUMENTS[kind](problem, plan) for _, kind in self.signature)


def _fused(name: str, kind: str, signature: str, meaning: str) -> FusedOracle:
    """An entry whose signature is written ``name:kind name:kind``, the kind left out if equal."""
    pairs = (each.partition(":") for each in signature.split())
    return FusedOracle(name, kind, tuple((n, k or n) for n, _, k in pairs), meaning)


_GRADIENTS = "x Y weights draw:count F:{0} G:{0}"
_SOLVER = "terms:count lr:number factor:number first:count"
FUSED: dict[str, FusedOracle] = {
    row[0]: _fused(*row)
    for row in (
        (
            "perturbed_descent",
            "fused",
            "x Y weights lr:rates steps:count first:count",
            "SGD steps on all lower problems g + w_j f, in place (F2SA-p, Algorithm 1)",
        ),
        (
            "perturbed_gradient",
            "fused",
            "x Y weights alpha:weights nu:number draw:count out:out_x",
            "sum_j alpha_j (j f_x + g_x / nu) at all iterates (F2SA-p, Algorithm 1)",
        ),
        ("gradients_y", "stacked", _GRADIENTS.format("out_all_y"), "f_y and g_y, lower batches"),
        ("outer_gradients_y", "stacked", _GRADIENTS.format("out_all_y"), "the same, outer batches"),
        ("gradients_x", "stacked", _GRADIENTS.format("out_all_x"), "f_x and g_x, outer batches"),
        ("lower_values", "stacked", "x Y draw:count out:out_values", "g, outer batches"),
        (
            "lower_products",
            "second-order",
            "x pair draw:count G:out_pair cross:out_x",
            "g_y and g_yy v, and g_xy v, on one lower batch",
        ),
        (
            "upper_gradients",
            "second-order",
            "x pair draw:count F_y:out_y F_x:out_x",
            "f_y and f_x on one outer batch",
        ),
        (
            "linear_descent",
            "second-order",
            "x pair b total:out_y lr:number steps:count first:count mode:count",
            "steps v <- v - lr g_yy v of a mode of `csr_curvature`, a linear batch each",
        ),
        ("hessian_product", "second-order", "x pair draw:count out:out_y", "g_yy v, linear batch"),
        ("cross_product", "second-order", "x pair draw:count out:out_x", "g_xy v, outer batch"),
        ("lower_gradient", "second-order", "x pair draw:count out:out_y", "g_y, lower batch"),
        ("linear_solver", "estimate", f"x pair b {_SOLVER}", "leaves g_yy^-1 b, about, in v"),
        (
            "hypergradient",
            "estimate",
            f"x pair {_SOLVER} draw:count out:out_x",
            "F_x - G_xy v with v near g_yy^-1 F_y",
        ),
    )
}
