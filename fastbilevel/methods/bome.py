"""BOME: descent on both levels at once, with a dynamic barrier."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastbilevel._checks.values import check_integer, check_positive
from fastbilevel._numerics.curvature import default_step
from fastbilevel._schedules import RunningTotals, Schedule, values_of
from fastbilevel.methods._description import Description
from fastbilevel.methods._penalty import GRADIENTS, PenaltyMethod

if TYPE_CHECKING:
    from fastbilevel._texts.plan import Plan
    from fastbilevel.problems.base import BilevelProblem

BARRIERS = ("gradient", "value")


def make_chunk(k: Any, use_values: int) -> Any:
    """Lower steps from y to theta, then one step of (x, y) that keeps g(x, y) - g* shrinking."""

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        (perturbed_descent, data, work), (gradients_y, data_y, work_y) = oracles[:2]
        gradients_x, data_x, work_x = oracles[2]
        x, Y, weights, m, _, norms, flag = state
        F_y, G_y, F_x, G_x, values, barrier = memory
        kind, a, b = domain
        lr_inner, lr, step, batch = schedules
        offsets, inner_steps, eta = fixed
        # All gradients at y are taken on the minibatch of x.
        outer = (samplers[2], samplers[3], samplers[2], samplers[3], samplers[4])
        k.vector.scale(1.0, offsets, weights)
        for t in range(n):
            Y[0][:] = Y[1]
            perturbed_descent(
                data, samplers, work, x, Y[0:1], weights[0:1], lr_inner[t], inner_steps, step[t]
            )
            gradients_y(data_y, outer, work_y, x, Y[1:2], weights[1:2], batch[t], F_y, G_y)
            gradients_x(data_x, samplers, work_x, x, Y, weights, batch[t], F_x, G_x)
            if use_values:
                lower_values, data_v, work_v = oracles[3]
                lower_values(data_v, samplers, work_v, x, Y, batch[t], values)
            k.barrier.dynamic_barrier(
                x, Y[1], m, F_x[1], F_y[0], G_x, G_y[0], values, eta, use_values, lr[t],
                kind, a, b, barrier, norms[t : t + 1], flag,
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
    def oracles(self) -> tuple[str, ...]:
        values = ("lower_values",) if self.barrier == "value" else ()
        return ("perturbed_descent", "gradients_y", "gradients_x", *values)

    def check(self, problem: BilevelProblem) -> None:
        super().check(problem)
        check_integer("inner_steps", self.inner_steps, 1)
        for name in ("lr", "eta"):
            check_positive(name, getattr(self, name))
        if self.lr_inner is not None:
            check_positive("lr_inner", self.lr_inner)
        if self.barrier not in BARRIERS:
            raise ValueError(f"barrier must be one of {', '.join(BARRIERS)}; got {self.barrier!r}.")

    def complete(self, problem: BilevelProblem, x: np.ndarray, y: np.ndarray) -> BOME:
        """These options with `lr_inner` filled in."""
        found = default_step("lr_inner", self.lr_inner, problem, x, y, 0.0)
        return dataclasses.replace(self, lr_inner=found)

    def sharing(self) -> bool:
        return True

    def group_size(self) -> int:
        return 1

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk, int(self.barrier == "value"))

    def memory(self, problem: BilevelProblem, plan: Plan, x: Any, Y: Any) -> tuple[Any, ...]:
        def pair(size: int) -> tuple[np.ndarray, np.ndarray]:
            return np.zeros((2, size), problem.dtype), np.zeros((2, size), problem.dtype)

        return *pair(problem.n_y), *pair(problem.n_x), np.zeros(2), np.zeros(4)

    def schedules(
        self, plan: Plan, first: int, n: int, totals: RunningTotals
    ) -> tuple[np.ndarray, ...]:
        """Step of theta, step of (x, y), and how many of both were taken before."""
        lr_inner = values_of("lr_inner", self.lr_inner, first, n)[:, np.newaxis]
        steps, ones = np.full(n, self.inner_steps), np.ones(n, np.int64)
        return (
            lr_inner,
            values_of("lr", self.lr, first, n),
            totals.before("inner_steps", steps),
            totals.before("outer_batches", ones),
        )

    def fixed(self, problem: BilevelProblem, plan: Plan) -> tuple[Any, ...]:
        return self.stencil(plan.g)[0], self.inner_steps, float(self.eta)

    def lower_estimate(self, plan: Plan) -> np.ndarray:
        return np.array([[0.0], [1.0]])

    def oracle_calls(self, plan: Plan, totals: RunningTotals) -> dict[str, int]:
        lower, _, outer_lower, outer_upper, _ = plan.batch_sizes
        inner_steps, outer_batches = totals.of("inner_steps"), totals.of("outer_batches")
        return {
            "f_x": outer_batches * outer_upper,
            "f_y": outer_batches * outer_upper,
            "g_x": 2 * outer_batches * outer_lower,
            "g_y": inner_steps * lower + outer_batches * outer_lower,
            "hvp": 0,
            "jvp": 0,
        }
