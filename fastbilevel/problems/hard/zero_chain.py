"""A convex lower level along which first-order methods find one coordinate per step."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastbilevel._checks.arrays import check_numbers, check_vector
from fastbilevel._checks.values import check_integer
from fastbilevel._texts.protocol import Nothing, record
from fastbilevel.problems.base import make_zero, make_zero_product
from fastbilevel.problems.hard._instance import HardInstance


@record
class Data(NamedTuple):
    """1 / sqrt(q), where the chain begins."""

    start: float


def make_oracles(k: Any) -> dict[str, Any]:
    """The oracles."""

    def value_lower(data, work, x, y, rows, out):
        """``h(y)``."""
        k.chain.path_value(y, data.start, out)

    def value_upper(data, work, x, y, rows, out):
        """``sin(x) sin(pi u(y) / 2)``."""
        k.chain.tail_value(x, y, out)

    def grad_lower_y(data, work, x, y, rows, out):
        """``h'(y)``."""
        k.chain.path_gradient(y, data.start, out)

    def grad_upper_y(data, work, x, y, rows, out):
        """``sin(x) cos(pi u / 2) pi u'(y) / 2``."""
        k.chain.tail_gradient_y(x, y, out)

    def grad_upper_x(data, work, x, y, rows, out):
        """``cos(x) sin(pi u / 2)``."""
        k.chain.tail_gradient_x(x, y, out)

    def hvp_lower_yy(data, work, x, y, v, rows, out):
        """``h''v``."""
        k.chain.path_gradient(v, 0.0, out)

    grad_lower_x = make_zero(k)

    jvp_lower_xy = make_zero_product(k)

    return locals()


class ZeroChain(HardInstance):
    """A lower level on which x does not move before y has gone half-way along a chain.

        g(x, y) = h(y) = (y_1 - 1/sqrt(q))^2 / 8 + sum_{j<q} (y_{j+1} - y_j)^2 / 8,  y in R^q,
        f(x, y) = sin(x) sin(pi u(y) / 2),  u(y) = (2 / sqrt(q)) sum_{j>q/2} y_j,    x in R.

    h is convex with curvatures between sin(pi / (4q + 2))^2 and 1, its only minimiser is y* =
    (1, ..., 1) / sqrt(q) with ||y*|| = 1 and u(y*) = 1; all constants of f are independent of q.
    So phi(x) = sin(x) with phi'(0) = 1. But a gradient of h, or a product with its Hessian, finds
    one coordinate of y at most: in the first q/2 lower steps from (0, 0) every y_j with j > q/2 is
    exactly 0, therefore f_x = 0, f_y = 0, g_x = 0, and x stays exactly 0. Whatever the number of
    steps, some q defeats it: for lower levels that are convex only there is no bound without q. A
    method that solves the lower problem to the end (`fastbilevel.hypergradient`) is not defeated.

    There is no noise.

    Parameters
    ----------
    q : int
        Size of y, even.

    Notes
    -----
    The chain is the quadratic of L. Chen, J. Xu, J. Zhang: On finding small hyper-gradients in
    bilevel optimization: hardness results and improved analysis, COLT 2024; the upper objective is
    not theirs but satisfies the same statement.

    Examples
    --------
    >>> import fastbilevel as fb
    >>> problem = fb.problems.hard.ZeroChain(20)
    >>> fb.minimize(problem, method="f2sa-p", maxiter=1, inner_steps=10).x
    array([0.])
    """

    def __init__(self, q: int = 100):
        q = check_integer("q", q, 1)
        if q % 2:
            raise ValueError(f"q must be even; got {q}.")
        super().__init__(np.zeros(1), np.zeros(q))

    def evaluation_arguments(self, rows: int) -> tuple[Data, Nothing]:
        return Data(start=1 / np.sqrt(self.n_y)), Nothing()

    # -- closed forms ------------------------------------------------------------------------

    def lower_solution(self, x: Any) -> np.ndarray:
        """The minimiser of g, (n_y,), the same for every x."""
        check_vector("x", x, 1, finite=False)
        return np.full(self.n_y, 1 / np.sqrt(self.n_y))

    def phi(self, x: Any) -> np.ndarray:
        """sin(x), of x's shape."""
        return np.sin(check_numbers("x", x))

    def hypergradient(self, x: Any) -> np.ndarray:
        """phi'(x) = cos(x), (1,)."""
        return np.cos(check_vector("x", x, 1, finite=False))
