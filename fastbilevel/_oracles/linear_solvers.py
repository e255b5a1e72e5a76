"""Solvers of g_yy v = f_y by Hessian-vector products, and the hypergradient estimate over them.

Each is a text ``solve(data, samplers, work, x, pair, b, terms, lr, factor, first)`` that leaves v
in ``pair[1]``: y in ``pair[0]``, right-hand side `b`, `terms` steps of length `lr` on minibatches
numbered from `first`. Conjugate gradients on the full data are in
`fastbilevel._numerics.conjugate_gradients`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastbilevel._texts.compile import Part, Text
from fastbilevel._texts.protocol import Oracle, record
from fastbilevel.kernels.reference.csr_curvature import POWERS, SOLVE, SUM
from fastbilevel.problems.base import BilevelProblem


@record
class Total(NamedTuple):
    total: np.ndarray


@record
class Pair(NamedTuple):
    pair: np.ndarray
    product: np.ndarray


@record
class Scaled(NamedTuple):
    """An oracle, and the power p and the floor of the scaling D."""

    product: Oracle
    power: float
    floor: float


@record
class ScaledWork(NamedTuple):
    inverse: np.ndarray
    product: np.ndarray
    total: np.ndarray


@record
class Estimate(NamedTuple):
    upper: Oracle
    solver: Oracle
    cross: Oracle


@record
class EstimateWork(NamedTuple):
    F_y: np.ndarray
    cross: np.ndarray

    @classmethod
    def of(cls, problem: BilevelProblem) -> EstimateWork:
        """For a problem, on the host."""
        F_y, cross = (np.zeros(n, problem.dtype) for n in (problem.n_y, problem.n_x))
        return cls(F_y=F_y, cross=cross)


def make_solvers(k: Any) -> dict[str, Any]:
    """The solvers."""

    def neumann_sum(data, samplers, work, x, pair, b, terms, lr, factor, first):
        """v = factor sum_{q=0..terms} r_q, r_0 = b, r_q = (I - lr H_q) r_{q-1} (stocBiO, (5)).

        With factor = lr its mean is H^-1 (I - (I - lr H)^(terms + 1)) b.
        """
        k.vector.scale(1.0, b, pair[1])
        k.vector.scale(1.0, b, work.total)
        data.function(data.data, samplers, data.work, x, pair, b, work.total, lr, terms, first, SUM)
        k.vector.scale(factor, work.total, pair[1])

    def random_neumann(data, samplers, work, x, pair, b, terms, lr, factor, first):
        """v = factor (I - lr H_P) ... (I - lr H_1) b with P = `terms` (Ghadimi and Wang, (3.3)).

        With P uniform in {0, ..., Q - 1} and factor = Q lr its mean is that of the Neumann sum with
        Q terms.
        """
        k.vector.scale(1.0, b, pair[1])
        data.function(
            data.data, samplers, data.work, x, pair, b, work.total, lr, terms, first, POWERS
        )
        k.vector.scale(factor, pair[1], pair[1])

    def gradient_descent(data, samplers, work, x, pair, b, terms, lr, factor, first):
        """Stochastic gradient steps on v'Hv/2 - b'v, from where v is (AmIGO, Algorithm 2)."""
        data.function(
            data.data, samplers, data.work, x, pair, b, work.total, lr, terms, first, SOLVE
        )

    def normal_equations(data, samplers, work, x, pair, b, terms, lr, factor, first):
        """Gradient steps on ||H v - b||^2 / 2 from 0, so that v stays in the range of H (GALET).

        They converge to the minimum-norm solution, also where H is singular.
        """
        times, own_data, own_work = data.function, data.data, data.work
        at, product = work.pair, work.product
        k.vector.scale(1.0, pair[0], at[0])
        pair[1][:] = 0
        for s in range(terms):
            k.vector.scale(1.0, pair[1], at[1])
            times(own_data, samplers, own_work, x, at, first + 2 * s, product)
            k.vector.scale(1.0, b, at[1])
            k.vector.axpy(-1.0, product, at[1])
            times(own_data, samplers, own_work, x, at, first + 2 * s + 1, product)
            k.vector.axpy(lr, product, pair[1])

    def row_scaled_neumann(data, samplers, work, x, pair, b, terms, lr, factor, first):
        """Neumann sum for D^-1 H v = D^-1 b, D = diag((p-1) |y_i|^(p-2)) (UniBiO, Algorithm 2).

        D scales rows: H D^-1, a layout by columns, has another solution unless H is diagonal. Any
        positive D has the limit H^-1 b, so |y_i| may be cut off from below where D would vanish.
        """
        oracle, inverse, product, total = data.product, work.inverse, work.product, work.total
        times, own_data, own_work = oracle.function, oracle.data, oracle.work
        k.linear_system.inverse_scaling(pair[0], data.power, data.floor, inverse)
        pair[1][:] = 0
        k.linear_system.scaled_axpy(1.0, inverse, b, pair[1])
        k.vector.scale(1.0, pair[1], total)
        for draw in range(first, first + terms):
            times(own_data, samplers, own_work, x, pair, draw, product)
            k.linear_system.scaled_axpy(-lr, inverse, product, pair[1])
            k.vector.axpy(1.0, pair[1], total)
        k.vector.scale(factor, total, pair[1])

    return locals()


def make_hypergradient(k: Any) -> Any:
    """``F_x - G_xy v`` with v from a linear solver for ``G_yy v = F_y``; F_x and F_y share rows."""

    def hypergradient(data, samplers, work, x, pair, terms, lr, factor, first, draw, out):
        upper, solver, cross = data.upper, data.solver, data.cross
        upper.function(upper.data, samplers, upper.work, x, pair, draw, work.F_y, out)
        solver.function(
            solver.data, samplers, solver.work, x, pair, work.F_y, terms, lr, factor, first
        )
        cross.function(cross.data, samplers, cross.work, x, pair, draw, work.cross)
        k.vector.axpy(-1.0, work.cross, out)

    return hypergradient


@dataclass(frozen=True)
class HypergradientEstimate:
    """Which linear solver an estimate ``F_x - G_xy v`` uses.

    Attributes
    ----------
    solver : str
        One of `make_solvers`.
    product : str
        The oracle that the solver calls.
    scratch : type
        Record of the solver's arrays, (2, n_y) for the field `pair` and (n_y,) for all others.
    scaling : tuple of two float, optional
        Power and floor, for a solver whose data are `Scaled`.
    """

    solver: str
    product: str
    scratch: type
    scaling: tuple[float, float] | None = None

    @property
    def text(self) -> Text:
        """The text of the solver."""
        return (Part(make_solvers, self.solver),)

    @property
    def parts(self) -> tuple[str, str, str]:
        """Names of the oracles that the estimate is made of."""
        return "upper_gradients", self.product, "cross_product"

    def data(self, product: Oracle) -> Any:
        """What the solver finds in `data`, given its oracle."""
        if self.scaling is None:
            return product
        power, floor = self.scaling
        return Scaled(product=product, power=power, floor=floor)

    def work(self, problem: BilevelProblem) -> Any:
        """The solver's scratch, on the host."""
        shapes = dict.fromkeys(self.scratch._fields, (problem.n_y,))  # type: ignore[attr-defined]
        if "pair" in shapes:
            shapes["pair"] = 2, problem.n_y  # type: ignore[assignment]
        return self.scratch(**{n: np.zeros(s, problem.dtype) for n, s in shapes.items()})


NEUMANN_SUM = HypergradientEstimate("neumann_sum", "linear_descent", Total)
RANDOM_NEUMANN = HypergradientEstimate("random_neumann", "linear_descent", Total)
GRADIENT_DESCENT = HypergradientEstimate("gradient_descent", "linear_descent", Total)
NORMAL_EQUATIONS = HypergradientEstimate("normal_equations", "hessian_product", Pair)


def row_scaled_neumann(power: float, floor: float) -> HypergradientEstimate:
    """The Neumann sum with the row scaling D of power p; the plain one if p is 2."""
    if power == 2.0:
        return NEUMANN_SUM
    scaling = float(power), float(floor)
    return HypergradientEstimate("row_scaled_neumann", "hessian_product", ScaledWork, scaling)
