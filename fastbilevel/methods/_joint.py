"""The single loop of SOBA, SABA and MA-SOBA: y, v and x step at once."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from fastbilevel._checks.values import check_positive
from fastbilevel._schedules import RunningTotals, Schedule, values_of
from fastbilevel.methods._second_order import SecondOrder

if TYPE_CHECKING:
    from fastbilevel._texts.plan import Plan
    from fastbilevel.problems.base import BilevelProblem


def make_chunk(k: Any, saga: int, average: int) -> Any:
    """One step of y, v and x, all along directions at the old point.

    The five gradients are estimated plainly, with `saga` by SAGA on the tables of the blocks; with
    `average` x follows the moving average of its directions, as it was before this iteration.
    """
    # v stands for -g_yy^-1 f_y in SOBA and SABA, for g_yy^-1 f_y in MA-SOBA.
    sign = -1.0 if average else 1.0

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        (lower_products, data, work), (upper_gradients, outer_data, outer_work) = oracles
        x, Y, _, m, phi, norms, flag = state
        G, cross, F_y, newest, tables, averages = memory
        kind, a, b = domain
        lr_y, lr_v, lr_x, theta, batch = schedules
        F_x = newest if average else phi
        if saga:
            shares, upper_shares = fixed
            of_y, of_v, of_x, upper_of_y, upper_of_x = tables
            mean_y, mean_v, mean_x, upper_mean_y, upper_mean_x = averages
        for t in range(n):
            lower_products(data, samplers, work, x, Y, batch[t], G, cross)
            upper_gradients(outer_data, samplers, outer_work, x, Y, batch[t], F_y, F_x)
            if saga:
                _, i = k.draw.draw_batch(samplers[0], batch[t], 0)
                _, j = k.draw.draw_batch(samplers[3], batch[t], 0)
                k.averages.saga(G[0], of_y[i], mean_y, shares[i])
                k.averages.saga(G[1], of_v[i], mean_v, shares[i])
                k.averages.saga(cross, of_x[i], mean_x, shares[i])
                k.averages.saga(F_y, upper_of_y[j], upper_mean_y, upper_shares[j])
                k.averages.saga(F_x, upper_of_x[j], upper_mean_x, upper_shares[j])
            k.linear_system.joint_step(Y, G, F_y, sign, lr_y[t], lr_v[t])
            k.vector.axpy(sign, cross, F_x)
            if average:
                k.vector.normalized_momentum(
                    x, m, phi, lr_x[t], 0.0, 0, kind, a, b, norms[t : t + 1], flag
                )
                k.averages.moving_average(phi, F_x, theta[t])
                k.vector.norm(phi, norms[t : t + 1])
            else:
                k.vector.normalized_momentum(
                    x, m, phi, lr_x[t], 0.0, 0, kind, a, b, norms[t : t + 1], flag
                )

    return chunk


@dataclass(frozen=True, kw_only=True)
class JointSteps(SecondOrder):
    """Base of the methods of this single loop."""

    uses_tables: ClassVar[bool] = False
    uses_average: ClassVar[bool] = False

    lr_v: Schedule | None = None

    @property
    def oracles(self) -> tuple[str, ...]:
        return "lower_products", "upper_gradients"

    def check(self, problem: BilevelProblem) -> None:
        super().check(problem)
        if self.lr_v is not None:
            check_positive("lr_v", self.lr_v)

    def complete(self, problem: BilevelProblem, x: np.ndarray, y: np.ndarray) -> Self:
        found = super().complete(problem, x, y)
        lr_v = found.lr_y if self.lr_v is None else self.lr_v
        return dataclasses.replace(found, lr_v=lr_v)

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk, int(self.uses_tables), int(self.uses_average))

    def buffers(self, problem: BilevelProblem, plan: Plan, x: Any, Y: Any) -> tuple[Any, ...]:
        of_y, of_x = np.zeros_like(Y[0]), np.zeros(problem.n_x, problem.dtype)
        tables, averages = self.tables(problem, plan, x, Y[0])
        return np.zeros_like(Y), of_x, of_y, np.zeros_like(of_x), tables, averages

    def tables(
        self, problem: BilevelProblem, plan: Plan, x: np.ndarray, y: np.ndarray
    ) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        """Gradients of the blocks, and their means; none unless the method is a SAGA method."""
        return (), ()

    def weights_of_new(self, first: int, n: int) -> np.ndarray:
        """theta_k of the moving average; 1 where there is none."""
        return np.ones(n)

    def schedules(
        self, plan: Plan, first: int, n: int, totals: RunningTotals
    ) -> tuple[np.ndarray, ...]:
        """lr_y, lr_v, lr_x, theta, and how many iterations came before."""
        ones = np.ones(n, np.int64)
        for name in ("lower_gradients", "products"):
            totals.before(name, ones)
        return (
            values_of("lr_y", self.lr_y, first, n),
            values_of("lr_v", self.lr_v, first, n),
            values_of("lr_x", self.lr_x, first, n),
            self.weights_of_new(first, n),
            totals.before("estimates", ones),
        )
