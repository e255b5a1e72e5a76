"""The second-order oracles of any problem, composed of its simple ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastbilevel._oracles.composed import Composition, Simple
from fastbilevel._texts.compile import Part
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


def make_products(k: Any) -> dict[str, Any]:
    """The second-order oracles."""

    def lower_products(data, samplers, work, x, pair, draw, G, cross):
        """``g_y``, ``g_yy v`` and ``g_xy v`` on one minibatch."""
        problem, y, v = data.problem, pair[0], pair[1]
        rows, _ = k.draw.draw_batch(samplers.lower, draw, 0)
        data.gradient(problem, work, x, y, rows, G[0])
        data.hvp(problem, work, x, y, v, rows, G[1])
        data.jvp(problem, work, x, y, v, rows, cross)

    def upper_gradients(data, samplers, work, x, pair, draw, F_y, F_x):
        """``f_y`` and ``f_x`` on one minibatch."""
        problem, y = data.problem, pair[0]
        rows, _ = k.draw.draw_batch(samplers.outer_upper, draw, 0)
        data.of_y(problem, work, x, y, rows, F_y)
        data.of_x(problem, work, x, y, rows, F_x)

    def linear_descent(data, samplers, work, x, pair, b, total, lr, steps, first, mode):
        """Steps v <- v - lr g_yy v, a fresh minibatch each; see `linear_step`."""
        hvp, problem, own, product = data.oracle, data.problem, work.own, work.product
        sampler = samplers.linear
        for draw in range(first, first + steps):
            rows, _ = k.draw.draw_batch(sampler, draw, 0)
            hvp(problem, own, x, pair[0], pair[1], rows, product)
            if mode == SOLVE:
                k.vector.axpy(-1.0, b, product)
            k.vector.axpy(-lr, product, pair[1])
            if mode == SUM:
                k.vector.axpy(1.0, pair[1], total)

    def hessian_product(data, samplers, work, x, pair, draw, out):
        """``g_yy v`` on one minibatch of the linear solver."""
        rows, _ = k.draw.draw_batch(samplers.linear, draw, 0)
        data.oracle(data.problem, work, x, pair[0], pair[1], rows, out)

    def cross_product(data, samplers, work, x, pair, draw, out):
        """``g_xy v`` on one minibatch of the estimate."""
        rows, _ = k.draw.draw_batch(samplers.outer_lower, draw, 0)
        data.oracle(data.problem, work, x, pair[0], pair[1], rows, out)

    def lower_gradient(data, samplers, work, x, pair, draw, out):
        """``g_y`` on one minibatch."""
        rows, _ = k.draw.draw_batch(samplers.lower, draw, 0)
        data.oracle(data.problem, work, x, pair[0], rows, out)

    return locals()


def _with_product(problem: BilevelProblem, plan: Plan, own: Any) -> WithProduct:
    return WithProduct(own=own, product=np.zeros(problem.n_y, problem.dtype))


COMPOSITIONS: dict[str, Composition] = {
    "lower_products": Composition(
        Part(make_products, "lower_products"),
        LowerProducts,
        {"gradient": "grad_lower_y", "hvp": "hvp_lower_yy", "jvp": "jvp_lower_xy"},
    ),
    "upper_gradients": Composition(
        Part(make_products, "upper_gradients"),
        UpperGradients,
        {"of_y": "grad_upper_y", "of_x": "grad_upper_x"},
    ),
    "linear_descent": Composition(
        Part(make_products, "linear_descent"),
        One,
        {"oracle": "hvp_lower_yy"},
        work=_with_product,
    ),
    "hessian_product": Composition(
        Part(make_products, "hessian_product"), One, {"oracle": "hvp_lower_yy"}
    ),
    "cross_product": Composition(
        Part(make_products, "cross_product"), One, {"oracle": "jvp_lower_xy"}
    ),
    "lower_gradient": Composition(
        Part(make_products, "lower_gradient"), One, {"oracle": "grad_lower_y"}
    ),
}
