"""Solvers of g_yy v = f_y by Hessian-vector products, and the hypergradient estimate over them.

Each is a text ``solve(data, samplers, work, x, Y, b, terms, lr, factor, first)`` that leaves v in
``Y[1]``: y in ``Y[0]``, right-hand side `b`, `terms` steps of length `lr` on minibatches numbered
from `first`. Conjugate gradients on the full data are in `_conjugate_gradients`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastbilevel.kernels.reference.csr_curvature import POWERS, SOLVE, SUM


def make_neumann_sum(k: Any, mode: int) -> Any:
    """v = factor sum_{q=0..terms} r_q, r_0 = b, r_q = (I - lr H_q) r_{q-1} (stocBiO, equation 5).

    With factor = lr its mean is H^-1 (I - (I - lr H)^(terms + 1)) b.
    """

    def neumann_sum(data, samplers, work, x, Y, b, terms, lr, factor, first):
        linear_descent, descent_data = data
        descent_work, total = work
        Y[1][:] = b
        total[:] = b
        linear_descent(descent_data, samplers, descent_work, x, Y, b, total, lr, terms, first, mode)
        k.vector.scale(factor, total, Y[1])

    return neumann_sum


def make_random_neumann(k: Any, mode: int) -> Any:
    """v = factor (I - lr H_P) ... (I - lr H_1) b with P = `terms` (Ghadimi and Wang, equation 3.3).

    With P uniform in {0, ..., Q - 1} and factor = Q lr its mean is that of the Neumann sum with Q
    terms.
    """

    def random_neumann(data, samplers, work, x, Y, b, terms, lr, factor, first):
        linear_descent, descent_data = data
        descent_work, total = work
        Y[1][:] = b
        linear_descent(descent_data, samplers, descent_work, x, Y, b, total, lr, terms, first, mode)
        k.vector.scale(factor, Y[1], Y[1])

    return random_neumann


def make_gradient_descent(k: Any, mode: int) -> Any:
    """Stochastic gradient steps on v'Hv/2 - b'v, from the v that is there (AmIGO, Algorithm 2)."""

    def gradient_descent(data, samplers, work, x, Y, b, terms, lr, factor, first):
        linear_descent, descent_data = data
        descent_work, total = work
        linear_descent(descent_data, samplers, descent_work, x, Y, b, total, lr, terms, first, mode)

    return gradient_descent


def make_normal_equations(k: Any) -> Any:
    """Gradient steps on ||H v - b||^2 / 2 from 0, so that v stays in the range of H (GALET).

    They converge to the minimum-norm solution, also where H is singular.
    """

    def normal_equations(data, samplers, work, x, Y, b, terms, lr, factor, first):
        hessian_product, product_data = data
        product_work, pair, product = work
        pair[0][:] = Y[0]
        Y[1][:] = 0
        for s in range(terms):
            pair[1][:] = Y[1]
            hessian_product(product_data, samplers, product_work, x, pair, first + 2 * s, product)
            pair[1][:] = b
            k.vector.axpy(-1.0, product, pair[1])
            hessian_product(
                product_data, samplers, product_work, x, pair, first + 2 * s + 1, product
            )
            k.vector.axpy(lr, product, Y[1])

    return normal_equations


def make_row_scaled_neumann(k: Any) -> Any:
    """Neumann sum for D^-1 H v = D^-1 b, D = diag((p-1) |y_i|^(p-2)) (UniBiO, Algorithm 2).

    D scales rows: H D^-1, a layout by columns, has another solution unless H is diagonal. Any
    positive D has the limit H^-1 b, so |y_i| may be cut off from below where D would vanish.
    """

    def row_scaled_neumann(data, samplers, work, x, Y, b, terms, lr, factor, first):
        hessian_product, product_data, power, floor = data
        product_work, inverse, product, total = work
        k.linear_system.inverse_scaling(Y[0], power, floor, inverse)
        Y[1][:] = 0
        k.linear_system.scaled_axpy(1.0, inverse, b, Y[1])
        total[:] = Y[1]
        for s in range(terms):
            hessian_product(product_data, samplers, product_work, x, Y, first + s, product)
            k.linear_system.scaled_axpy(-lr, inverse, product, Y[1])
            k.vector.axpy(1.0, Y[1], total)
        k.vector.scale(factor, total, Y[1])

    return row_scaled_neumann


def make_hypergradient(k: Any) -> Any:
    """``F_x - G_xy v`` with v from a linear solver for ``G_yy v = F_y``; F_x and F_y share rows."""

    def hypergradient(data, samplers, work, x, Y, terms, lr, factor, first, step, out):
        (upper_gradients, solve, cross_product), (upper_data, solve_data, cross_data) = data
        upper_work, solve_work, cross_work, F_y, cross = work
        upper_gradients(upper_data, samplers, upper_work, x, Y, step, F_y, out)
        solve(solve_data, samplers, solve_work, x, Y, F_y, terms, lr, factor, first)
        cross_product(cross_data, samplers, cross_work, x, Y, step, cross)
        k.vector.axpy(-1.0, cross, out)

    return hypergradient


@dataclass(frozen=True)
class HypergradientEstimate:
    """Which linear solver an estimate ``F_x - G_xy v`` uses.

    Attributes
    ----------
    solver : tuple
        Text of the solver and its constants.
    product : str
        The oracle that the solver calls.
    pairs, vectors : int
        Scratch of the solver: (2, n_y) and (n_y,) arrays.
    numbers : tuple of float
        What the solver reads besides its oracle.
    """

    solver: tuple[Any, ...]
    product: str
    pairs: int
    vectors: int
    numbers: tuple[float, ...] = ()

    @property
    def parts(self) -> tuple[str, str, str]:
        """Names of the oracles that the estimate is made of."""
        return "upper_gradients", self.product, "cross_product"

    def scratch(self, pair: Any, vector: Any) -> tuple[Any, ...]:
        """The solver's scratch by example: pairs first, then vectors."""
        return (pair,) * self.pairs + (vector,) * self.vectors


NEUMANN_SUM = HypergradientEstimate((make_neumann_sum, SUM), "linear_descent", 0, 1)
RANDOM_NEUMANN = HypergradientEstimate((make_random_neumann, POWERS), "linear_descent", 0, 1)
GRADIENT_DESCENT = HypergradientEstimate((make_gradient_descent, SOLVE), "linear_descent", 0, 1)
NORMAL_EQUATIONS = HypergradientEstimate((make_normal_equations,), "hessian_product", 1, 1)


def row_scaled_neumann(power: float, floor: float) -> HypergradientEstimate:
    """The Neumann sum with the row scaling D of power p; the plain one if p is 2."""
    if power == 2.0:
        return NEUMANN_SUM
    return HypergradientEstimate(
        (make_row_scaled_neumann,), "hessian_product", 0, 3, (float(power), float(floor))
    )
