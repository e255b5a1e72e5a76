"""The second-order oracles of any problem, composed of its simple ones.

``Y`` is (2, n_y): y and, below it, a vector v. Samplers are numbered by their streams: 0 for the
lower gradient, 2 for the cross product, 3 for the upper gradients, 4 for the products of a linear
solver. `work` holds the problem's own and, where there is one, a product (n_y,).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastbilevel._arrays.placement import place
from fastbilevel._texts import compile as _compile
from fastbilevel.kernels.reference.csr_curvature import SOLVE, SUM

if TYPE_CHECKING:
    from fastbilevel._texts.plan import Plan
    from fastbilevel.problems.base import BilevelProblem


def make_lower_products(k: Any) -> Any:
    """``g_y``, ``g_yy v`` and ``g_xy v`` on one minibatch."""

    def lower_products(data, samplers, work, x, Y, step, G, cross):
        (gradient, hvp, jvp), problem = data
        own, _ = work
        rows, _ = k.draw.draw_batch(samplers[0], step, 0)
        gradient(problem, own, x, Y[0], rows, G[0])
        hvp(problem, own, x, Y[0], Y[1], rows, G[1])
        jvp(problem, own, x, Y[0], Y[1], rows, cross)

    return lower_products


def make_upper_gradients(k: Any) -> Any:
    """``f_y`` and ``f_x`` on one minibatch."""

    def upper_gradients(data, samplers, work, x, Y, step, F_y, F_x):
        (gradient_y, gradient_x), problem = data
        own, _ = work
        rows, _ = k.draw.draw_batch(samplers[3], step, 0)
        gradient_y(problem, own, x, Y[0], rows, F_y)
        gradient_x(problem, own, x, Y[0], rows, F_x)

    return upper_gradients


def make_linear_descent(k: Any, sum_mode: int, solve_mode: int) -> Any:
    """Steps v <- v - lr g_yy v, a fresh minibatch each; see `linear_step`."""

    def linear_descent(data, samplers, work, x, Y, b, total, lr, steps, first_step, mode):
        (hvp,), problem = data
        own, product = work
        for s in range(steps):
            rows, _ = k.draw.draw_batch(samplers[4], first_step + s, 0)
            hvp(problem, own, x, Y[0], Y[1], rows, product)
            if mode == solve_mode:
                k.vector.axpy(-1.0, b, product)
            k.vector.axpy(-lr, product, Y[1])
            if mode == sum_mode:
                k.vector.axpy(1.0, Y[1], total)

    return linear_descent


def make_product(k: Any, stream: int) -> Any:
    """``g_yy v`` or ``g_xy v`` on one minibatch of a stream."""

    def product(data, samplers, work, x, Y, step, out):
        (oracle,), problem = data
        own, _ = work
        rows, _ = k.draw.draw_batch(samplers[stream], step, 0)
        oracle(problem, own, x, Y[0], Y[1], rows, out)

    return product


def make_lower_gradient(k: Any) -> Any:
    """``g_y`` on one minibatch."""

    def lower_gradient(data, samplers, work, x, Y, step, out):
        (gradient,), problem = data
        own, _ = work
        rows, _ = k.draw.draw_batch(samplers[0], step, 0)
        gradient(problem, own, x, Y[0], rows, out)

    return lower_gradient


# The simple oracles that each is made of, and its text.
PARTS: dict[str, tuple[tuple[str, ...], tuple[Any, ...]]] = {
    "lower_products": (("grad_lower_y", "hvp_lower_yy", "jvp_lower_xy"), (make_lower_products,)),
    "upper_gradients": (("grad_upper_y", "grad_upper_x"), (make_upper_gradients,)),
    "linear_descent": (("hvp_lower_yy",), (make_linear_descent, SUM, SOLVE)),
    "hessian_product": (("hvp_lower_yy",), (make_product, 4)),
    "cross_product": (("jvp_lower_xy",), (make_product, 2)),
    "lower_gradient": (("grad_lower_y",), (make_lower_gradient,)),
}


def sample_arguments(problem: BilevelProblem, name: str) -> tuple[Any, ...]:
    """Arguments behind `work` of the right types, by which the oracle `name` is compiled."""
    x, y = np.zeros(problem.n_x, problem.dtype), np.zeros(problem.n_y, problem.dtype)
    Y = np.zeros((2, problem.n_y), problem.dtype)
    of_name: dict[str, tuple[Any, ...]] = {
        "lower_products": (0, Y, x),
        "upper_gradients": (0, y, x),
        "linear_descent": (y, y, 1.0, 1, 0, 0),
        "hessian_product": (0, y),
        "cross_product": (0, x),
        "lower_gradient": (0, y),
    }
    return (x, Y, *of_name[name])


def bind(problem: BilevelProblem, plan: Plan, name: str) -> tuple[Any, Any, Any]:
    """The oracle `name` with its data and work."""
    names, (make, *constants) = PARTS[name]
    x, y = np.zeros(problem.n_x, problem.dtype), np.zeros(problem.n_y, problem.dtype)
    problem_data, own = problem.placed_arguments(max(1, plan.largest_batch))
    simple = []
    for each in names:
        vectors = (x, y, y) if each in ("hvp_lower_yy", "jvp_lower_xy") else (x, y)
        out = x if each in ("jvp_lower_xy", "grad_upper_x") else y
        sample = (problem_data, own, *vectors, np.zeros(1, np.int64), out)
        simple.append(_compile.pointer(problem.oracle(each), sample))
    data, work = (tuple(simple), problem_data), (own, place(problem.kernels, y.copy()))
    function = _compile.text(make, problem.kernels, *constants, compiled=problem.compiled)
    arguments = (
        data,
        place(problem.kernels, plan.samplers()),
        work,
        *sample_arguments(problem, name),
    )
    return _compile.pointer(function, arguments), data, work
