"""The single loop of SOBA, SABA and MA-SOBA: y, v and x step at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from fastbilevel._schedules import Power, Schedule, Totals, values_of
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.protocol import Counts, Draws, Nothing, Oracle, Progress, Rates, record
from fastbilevel.methods._kinds import Kind, positive
from fastbilevel.methods._second_order import SecondOrder
from fastbilevel.methods._setting import Setting, outer_step
from fastbilevel.problems.base import BilevelProblem


@record
class Oracles(NamedTuple):
    lower_products: Oracle
    upper_gradients: Oracle


@record
class Tables(NamedTuple):
    """Gradients of the blocks, one a row, or their means: of y, v and x, of y and x above."""

    of_y: np.ndarray
    of_v: np.ndarray
    of_x: np.ndarray
    upper_of_y: np.ndarray
    upper_of_x: np.ndarray


@record
class Memory(NamedTuple):
    """G_y and G_yy v; G_xy v; F_y; the newest direction of x; tables, or `Nothing`."""

    G: np.ndarray
    cross: np.ndarray
    F_y: np.ndarray
    newest: np.ndarray
    tables: Any
    averages: Any


@record
class Schedules(NamedTuple):
    lr_y: Rates
    lr_v: Rates
    lr_x: Rates
    theta: Rates
    draw: Counts


@record
class Shares(NamedTuple):
    """Share of every block in the rows of its level."""

    lower: np.ndarray
    upper: np.ndarray


def make_chunk(k: Any, saga: int, average: int) -> Any:
    """One step of y, v and x, all along directions at the old point.

    The five gradients are estimated plainly, with `saga` by SAGA on the tables of the blocks; with
    `average` x follows the moving average of its directions, as it was before this iteration.
    """
    # v stands for -g_yy^-1 f_y in SOBA and SABA, for g_yy^-1 f_y in MA-SOBA.
    sign = -1.0 if average else 1.0

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        products, upper = oracles.lower_products, oracles.upper_gradients
        x, Y, phi, norms = state.x, state.Y, state.phi, state.norms
        G, cross, F_y = memory.G, memory.cross, memory.F_y
        F_x = memory.newest if average else phi
        if saga:
            tables, means = memory.tables, memory.averages
            lower_shares, upper_shares = fixed.lower, fixed.upper
            of_lower, of_upper = samplers.lower, samplers.outer_upper
        lower_products, data, work = products.function, products.data, products.work
        upper_gradients, outer_data, outer_work = upper.function, upper.data, upper.work
        m, flag = state.m, state.flag
        kind, a, b = domain.kind, domain.a, domain.b
        draws, lr_y, lr_v, lr_x = schedules.draw, schedules.lr_y, schedules.lr_v, schedules.lr_x
        theta = schedules.theta
        for t in range(n):
            draw = draws[t]
            lower_products(data, samplers, work, x, Y, draw, G, cross)
            upper_gradients(outer_data, samplers, outer_work, x, Y, draw, F_y, F_x)
            if saga:
                _, i = k.draw.draw_batch(of_lower, draw, 0)
                _, j = k.draw.draw_batch(of_upper, draw, 0)
                share, upper_share = lower_shares[i], upper_shares[j]
                k.averages.saga(G[0], tables.of_y[i], means.of_y, share)
                k.averages.saga(G[1], tables.of_v[i], means.of_v, share)
                k.averages.saga(cross, tables.of_x[i], means.of_x, share)
                k.averages.saga(F_y, tables.upper_of_y[j], means.upper_of_y, upper_share)
                k.averages.saga(F_x, tables.upper_of_x[j], means.upper_of_x, upper_share)
            k.linear_system.joint_step(Y, G, F_y, sign, lr_y[t], lr_v[t])
            k.vector.axpy(sign, cross, F_x)
            k.vector.normalized_momentum(
                x, m, phi, lr_x[t], momentum=0.0, normalize=0, kind=kind, a=a, b=b,
                norm_out=norms[t : t + 1], flag=flag,
            )  # fmt: skip
            if average:
                k.averages.moving_average(phi, F_x, theta[t])
                k.vector.norm(phi, norms[t : t + 1])

    return chunk


@dataclass(frozen=True, kw_only=True)
class JointSteps(SecondOrder):
    """Base of the methods of this single loop."""

    oracles: ClassVar[type] = Oracles
    step_sizes: ClassVar[tuple[str, ...]] = ("lr_y", "lr_v", "lr_x")
    uses_tables: ClassVar[bool] = False
    uses_average: ClassVar[bool] = False

    kinds: ClassVar[Mapping[str, Kind]] = {"lr_v": positive}

    lr_v: Schedule | None = None

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk, int(self.uses_tables), int(self.uses_average))

    def memory(self, problem: BilevelProblem, plan: Plan, x: Any, Y: Any) -> Memory:
        tables, averages = self.tables(problem, plan, x, Y[0])
        return Memory(
            G=np.zeros_like(Y),
            cross=np.zeros(problem.n_x, problem.dtype),
            F_y=np.zeros_like(Y[0]),
            newest=np.zeros(problem.n_x, problem.dtype),
            tables=tables,
            averages=averages,
        )

    def tables(
        self, problem: BilevelProblem, plan: Plan, x: np.ndarray, y: np.ndarray
    ) -> tuple[Any, Any]:
        """Gradients of the blocks, and their means; none unless the method is a SAGA method."""
        return Nothing(), Nothing()

    def weights_of_new(self, first: int, n: int) -> np.ndarray:
        """theta_k of the moving average; 1 where there is none."""
        return np.ones(n)

    def schedules(self, plan: Plan, first: int, n: int, totals: Totals) -> tuple[Any, Progress]:
        draw = np.arange(first, first + n)
        rates = {name: values_of(name, getattr(self, name), first, n) for name in self.step_sizes}
        schedules = Schedules(**rates, theta=self.weights_of_new(first, n), draw=draw)
        lower, upper = {"g_y": 1, "hvp": 1, "jvp": 1}, {"f_x": 1, "f_y": 1}
        draws = (
            Draws(sampler="lower", numbers=draw, offset=0, calls=lower),
            Draws(sampler="outer_upper", numbers=draw, offset=0, calls=upper),
        )
        return schedules, Progress(growth={}, draws=draws)


def decaying_steps(s: Setting) -> dict[str, Any]:
    """All steps ~ k^(-1/2), constant without noise."""
    decay = 0.0 if s.noise == "none" else 1 / 2
    return {
        "lr_y": Power(1.0 / s.L, decay),
        "lr_v": Power(1.0 / s.L, decay),
        "lr_x": Power(outer_step(s), decay),
    }
