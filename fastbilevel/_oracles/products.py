"""The second-order oracles of any problem, composed of its simple ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastbilevel._oracles.composed import Composition, Simple
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.protocol import record
from fastbilevel.kernels.reference.csr_curvature import SOLVE, SUM
from fastbilevel.problems.base import BilevelProblem


@record
class LowerProducts(NamedTuple):
    gradient: Simple
    hvp: Simple
    jvp: Simple
    problem: Any


@record
class UpperGradients(NamedTuple):
    of_y: Simple
    of_x: Simple
    problem: Any


@record
class One(NamedTuple):
    oracle: Simple
    problem: Any


@record
class WithProduct(NamedTuple):
    """The problem's own work, and a product (n_y,)."""

    own: Any
    product: np.ndarray


def make_lower_products(k: Any) -> Any:
    """``g_y``, ``g_yy v`` and ``g_xy v`` on one minibatch."""

    def lower_products(data, samplers, work, x, pair, draw, G, cross):
        rows, _ = k.draw.draw_batch(samplers.lower, draw, 0)
        data.gradient(data.problem, work, x, pair[0], rows, G[0])
        data.hvp(data.problem, work, x, pair[0], pair[1], rows, G[1])
        data.jvp(data.problem, work, x, pair[0], pair[1], rows, cross)

    return lower_products


def make_upper_gradients(k: Any) -> Any:
    """``f_y`` and ``f_x`` on one minibatch."""

    def upper_gradients(data, samplers, work, x, pair, draw, F_y, F_x):
        rows, _ = k.draw.draw_batch(samplers.outer_upper, draw, 0)
        data.of_y(data.problem, work, x, pair[0], rows, F_y)
        data.of_x(data.problem, work, x, pair[0], rows, F_x)

    return upper_gradients


def make_linear_descent(k: Any, sum_mode: int, solve_mode: int) -> Any:
    """Steps v <- v - lr g_yy v, a fresh minibatch each; see `linear_step`."""

    def linear_descent(data, samplers, work, x, pair, b, total, lr, steps, first, mode):
        for draw in range(first, first + steps):
            rows, _ = k.draw.draw_batch(samplers.linear, draw, 0)
            data.oracle(data.problem, work.own, x, pair[0], pair[1], rows, work.product)
            if mode == solve_mode:
                k.vector.axpy(-1.0, b, work.product)
            k.vector.axpy(-lr, work.product, pair[1])
            if mode == sum_mode:
                k.vector.axpy(1.0, pair[1], total)

    return linear_descent


def make_hessian_product(k: Any) -> Any:
    """``g_yy v`` on one minibatch of the linear solver."""

    def hessian_product(data, samplers, work, x, pair, draw, out):
        rows, _ = k.draw.draw_batch(samplers.linear, draw, 0)
        data.oracle(data.problem, work, x, pair[0], pair[1], rows, out)

    return hessian_product


def make_cross_product(k: Any) -> Any:
    """``g_xy v`` on one minibatch of the estimate."""

    def cross_product(data, samplers, work, x, pair, draw, out):
        rows, _ = k.draw.draw_batch(samplers.outer_lower, draw, 0)
        data.oracle(data.problem, work, x, pair[0], pair[1], rows, out)

    return cross_product


def make_lower_gradient(k: Any) -> Any:
    """``g_y`` on one minibatch."""

    def lower_gradient(data, samplers, work, x, pair, draw, out):
        rows, _ = k.draw.draw_batch(samplers.lower, draw, 0)
        data.oracle(data.problem, work, x, pair[0], rows, out)

    return lower_gradient


def _with_product(problem: BilevelProblem, plan: Plan, own: Any) -> WithProduct:
    return WithProduct(own=own, product=np.zeros(problem.n_y, problem.dtype))


COMPOSITIONS: dict[str, Composition] = {
    "lower_products": Composition(
        make_lower_products,
        LowerProducts,
        {"gradient": "grad_lower_y", "hvp": "hvp_lower_yy", "jvp": "jvp_lower_xy"},
    ),
    "upper_gradients": Composition(
        make_upper_gradients, UpperGradients, {"of_y": "grad_upper_y", "of_x": "grad_upper_x"}
    ),
    "linear_descent": Composition(
        make_linear_descent,
        One,
        {"oracle": "hvp_lower_yy"},
        constants=lambda plan: (SUM, SOLVE),
        work=_with_product,
    ),
    "hessian_product": Composition(make_hessian_product, One, {"oracle": "hvp_lower_yy"}),
    "cross_product": Composition(make_cross_product, One, {"oracle": "jvp_lower_xy"}),
    "lower_gradient": Composition(make_lower_gradient, One, {"oracle": "grad_lower_y"}),
}
