"""BOME: descent on both levels at once, with a dynamic barrier."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from fastbilevel._numerics.curvature import default_step
from fastbilevel._schedules import Power, Schedule, Totals, values_of
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.protocol import (
    Counts,
    Draws,
    FloatRows,
    GroupRates,
    Oracle,
    Progress,
    Rates,
    record,
)
from fastbilevel.methods._description import Description
from fastbilevel.methods._kinds import Kind, choice, positive, steps
from fastbilevel.methods._penalty import GRADIENTS, PenaltyMethod
from fastbilevel.methods._setting import Setting
from fastbilevel.problems.base import BilevelProblem

BARRIERS = ("gradient", "value")


@record
class Oracles(NamedTuple):
    """All gradients at y are taken on the minibatch of x."""

    perturbed_descent: Oracle
    outer_gradients_y: Oracle
    gradients_x: Oracle


@record
class OraclesWithValues(NamedTuple):
    perturbed_descent: Oracle
    outer_gradients_y: Oracle
    gradients_x: Oracle
    lower_values: Oracle


@record
class Memory(NamedTuple):
    """Gradients and values at theta and at y; scratch of the barrier."""

    F_y: np.ndarray
    G_y: np.ndarray
    F_x: np.ndarray
    G_x: np.ndarray
    values: np.ndarray
    barrier: np.ndarray


@record
class Schedules(NamedTuple):
    lr_inner: GroupRates
    lr: Rates
    first_step: Counts
    draw: Counts


@record
class Fixed(NamedTuple):
    offsets: FloatRows
    inner_steps: int
    eta: float


def make_chunk(k: Any, use_values: int) -> Any:
    """Lower steps from y to theta, then one step of (x, y) that keeps g(x, y) - g* shrinking."""

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        descent, in_y, in_x = (
            oracles.perturbed_descent, oracles.outer_gradients_y, oracles.gradients_x,
        )  # fmt: skip
        x, Y, weights = state.x, state.Y, state.weights
        F_y, G_y, F_x, G_x = memory.F_y, memory.G_y, memory.F_x, memory.G_x
        if use_values:
            at = oracles.lower_values
            lower_values, data_v, work_v = at.function, at.data, at.work
        k.vector.scale(1.0, fixed.offsets, weights)
        descend, data, work = descent.function, descent.data, descent.work
        gradients_y, data_y, work_y = in_y.function, in_y.data, in_y.work
        gradients_x, data_x, work_x = in_x.function, in_x.data, in_x.work
        m, norms, flag = state.m, state.norms, state.flag
        kind, a, b = domain.kind, domain.a, domain.b
        values, barrier = memory.values, memory.barrier
        draws, lr_inner, first_step = schedules.draw, schedules.lr_inner, schedules.first_step
        lr = schedules.lr
        inner_steps, eta = fixed.inner_steps, fixed.eta
        for t in range(n):
            draw = draws[t]
            k.vector.scale(1.0, Y[1], Y[0])
            descend(
                data, samplers, work, x, Y[0:1], weights[0:1], lr_inner[t], inner_steps,
                first_step[t],
            )  # fmt: skip
            gradients_y(data_y, samplers, work_y, x, Y[1:2], weights[1:2], draw, F_y, G_y)
            gradients_x(data_x, samplers, work_x, x, Y, weights, draw, F_x, G_x)
            if use_values:
                lower_values(data_v, samplers, work_v, x, Y, draw, values)
            k.barrier.dynamic_barrier(
                x, Y[1], m, F_x[1], F_y[0], G_x, G_y[0], values, eta, use_values, lr[t], kind, a, b,
                barrier, norms[t : t + 1], flag,
            )  # fmt: skip

    return chunk


@dataclass(frozen=True, kw_only=True)
class BOME(PenaltyMethod):
    """BOME (Ye, Liu, Wright, Stone, Liu: BOME! Bilevel optimization made easy, NeurIPS 2022).

    theta takes `inner_steps` steps on g from the current y. With
    ``dq = (g_x(x, y) - g_x(x, theta), g_y(x, y))``, df the gradient of f at (x, y) and the barrier

    ``phi = eta ||dq||^2``  or  ``phi = eta (g(x, y) - g(x, theta))``,

    the step is ``(x, y) <- (x, y) - lr (df + lam dq)`` with
    ``lam = max((phi - <df, dq>) / ||dq||^2, 0)``, so that ``<dq, df + lam dq> >= phi``.

    Parameters
    ----------
    inner_steps : int
        T.
    lr_inner : float, schedule or None
        alpha, step of theta. None takes 1 / L, L the largest curvature of g in y at the start.
    lr : float or schedule
        xi, step of x and y.
    eta : float
        Strength of the barrier.
    barrier : {"gradient", "value"}
        Which phi. With "value", too large an `lr_inner` makes phi negative, and the barrier goes.

    Notes
    -----
    The result's `y` is y, `jac` the part of the direction in x; `tol` is compared with the norm of
    the joint direction df + lam dq. With minibatches one is drawn for all gradients and values at
    (x, y) and theta, and one for each step of theta; the paper has full gradients. lam is 0 where
    dq is, instead of the 1e-8 that the authors' code adds to ||dq||^2. It rests where phi' = 0 only
    if theta is the minimiser: after T steps that leave a share r of the distance, the hypergradient
    of a quadratic problem enters with the factor 1 - r. Near rest lam grows like 1 / ||dq||; if x
    chatters there, take a smaller `eta` or a decreasing `lr`.
    """

    name: ClassVar[str] = "bome"
    step_sizes: ClassVar[tuple[str, ...]] = ("lr_inner", "lr")
    kinds: ClassVar[Mapping[str, Kind]] = {
        "inner_steps": steps(),
        **dict.fromkeys(("lr_inner", "lr", "eta"), positive),
        "barrier": choice(BARRIERS),
    }
    description: ClassVar[Description] = Description(
        complexity={"none": "its stationarity measure differs; the rate was not available to us"},
        assumptions=(
            "g is PL in y around its minimisers, whose basins are separate",
            "f and g are smooth; deterministic gradients",
        ),
        calls="1 f_y, T + 1 g_y, 1 f_x, 2 g_x; no second derivatives",
        reference="Ye et al., NeurIPS 2022, Algorithm 1",
    )

    inner_steps: int = 10
    lr_inner: Schedule | None = None
    lr: Schedule = 0.01
    eta: float = 0.5
    barrier: str = "gradient"

    @property
    def requires(self) -> tuple[str, ...]:
        return (*GRADIENTS, "value_lower") if self.barrier == "value" else GRADIENTS

    @property
    def oracles(self) -> type:  # type: ignore[override]
        return OraclesWithValues if self.barrier == "value" else Oracles

    def complete(self, problem: BilevelProblem, x: np.ndarray, y: np.ndarray) -> BOME:
        """These options with `lr_inner` filled in."""
        found = default_step(
            "lr_inner", self.lr_inner, problem, x, y, 0.0, self.lower_samples(problem)
        )
        return dataclasses.replace(self, lr_inner=found)

    def sharing(self) -> bool:
        return True

    def group_size(self) -> int:
        return 1

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk, int(self.barrier == "value"))

    def memory(self, problem: BilevelProblem, plan: Plan, x: Any, Y: Any) -> Memory:
        def pair(size: int) -> np.ndarray:
            return np.zeros((2, size), problem.dtype)

        of_y, of_x = problem.n_y, problem.n_x
        return Memory(
            F_y=pair(of_y),
            G_y=pair(of_y),
            F_x=pair(of_x),
            G_x=pair(of_x),
            values=np.zeros(2),
            barrier=np.zeros(4),
        )

    def schedules(self, plan: Plan, first: int, n: int, totals: Totals) -> tuple[Any, Progress]:
        K, draw = self.inner_steps, np.arange(first, first + n)
        schedules = Schedules(
            lr_inner=values_of("lr_inner", self.lr_inner, first, n)[:, np.newaxis],
            lr=values_of("lr", self.lr, first, n),
            first_step=K * draw,
            draw=draw,
        )
        inner = np.arange(first * K, (first + n) * K)
        draws = (
            Draws(sampler="lower", numbers=inner, offset=0, calls={"g_y": 1}),
            Draws(sampler="outer_lower", numbers=draw, offset=0, calls={"g_x": 2, "g_y": 1}),
            Draws(sampler="outer_upper", numbers=draw, offset=0, calls={"f_x": 1, "f_y": 1}),
        )
        return schedules, Progress(growth={}, draws=draws)

    def fixed(self, problem: BilevelProblem, plan: Plan) -> Fixed:
        return Fixed(
            offsets=self.stencil(plan.g)[0], inner_steps=self.inner_steps, eta=float(self.eta)
        )

    def lower_estimate(self, plan: Plan) -> np.ndarray:
        return np.array([[0.0], [1.0]])

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        """xi ~ K**(-1/2), here as k**(-1/2): from memory of the paper."""
        if s.noise != "none":
            raise ValueError(f"bome is deterministic: noise must be 'none'; got {s.noise!r}.")
        return {
            "lr_inner": 1.0 / s.L,
            "lr": Power(1.0 / (2.0 * (s.L + s.L_f)), 1 / 2),
        }
