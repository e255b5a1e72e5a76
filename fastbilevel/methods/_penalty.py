"""What the penalty methods share: lower problems g + j nu f at the offsets j of a stencil."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from fastbilevel._numerics.stencil import finite_difference_coefficients
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
from fastbilevel.methods._options import Options
from fastbilevel.problems.base import BilevelProblem

GRADIENTS = ("grad_lower_y", "grad_upper_y", "grad_lower_x", "grad_upper_x", "value_upper")


@record
class Oracles(NamedTuple):
    perturbed_descent: Oracle
    perturbed_gradient: Oracle


@record
class Schedules(NamedTuple):
    """Lower steps of an iteration and how many came before; estimates that came before."""

    nu: Rates
    lr: GroupRates
    lr_x: Rates
    steps: Counts
    first_step: Counts
    draw: Counts


@record
class Fixed(NamedTuple):
    """Stencil, signs of its offsets, shape of a group of lower iterates, momentum of x."""

    offsets: FloatRows
    alpha: FloatRows
    positive: np.ndarray
    rows: int
    g: int
    cols: int
    momentum: float


def make_chunk(k: Any, normalize: int, recenter: int) -> Any:
    """The double loop of F2SA, F2BA and F2SA-p: lower steps, combination, step of x."""

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        descent, gradient = oracles.perturbed_descent, oracles.perturbed_gradient
        x, Y, weights, phi = state.x, state.Y, state.weights, state.phi
        nu, first_step = schedules.nu, schedules.first_step
        descend, data, work = descent.function, descent.data, descent.work
        combine, outer_data, outer_work = gradient.function, gradient.data, gradient.work
        m, norms, flag = state.m, state.norms, state.flag
        kind, a, b = domain.kind, domain.a, domain.b
        lr, steps, draw, lr_x = schedules.lr, schedules.steps, schedules.draw, schedules.lr_x
        offsets, positive, rows, g = fixed.offsets, fixed.positive, fixed.rows, fixed.g
        cols, alpha, momentum = fixed.cols, fixed.alpha, fixed.momentum
        for t in range(n):
            k.vector.scale(nu[t], offsets, weights)
            if recenter:
                k.vector.recenter(Y, positive, rows, g, cols)
            descend(data, samplers, work, x, Y, weights, lr[t], steps[t], first_step[t])
            combine(outer_data, samplers, outer_work, x, Y, weights, alpha, nu[t], draw[t], phi)
            k.vector.normalized_momentum(
                x, m, phi, lr_x[t], momentum=momentum, normalize=normalize, kind=kind, a=a, b=b,
                norm_out=norms[t : t + 1], flag=flag,
            )  # fmt: skip

    return chunk


@dataclass(frozen=True, kw_only=True)
class PenaltyMethod(Options):
    """Base of the methods that follow minimisers of g + j nu f at the offsets j of a stencil."""

    oracles: ClassVar[type] = Oracles
    # Points at which every minibatch gradient is taken.
    evaluations: ClassVar[int] = 1

    @property
    def requires(self) -> tuple[str, ...]:
        return GRADIENTS

    def nodes(self) -> tuple[np.ndarray, np.ndarray]:
        """Offsets j and coefficients alpha_j: 0 and 1 unless the method has an order."""
        return finite_difference_coefficients(1)

    def group_size(self) -> int:
        """Offsets that take their steps together: two if they see the same samples."""
        return 2 if self.sharing() is True else 1

    def stacking(self, k: Any) -> tuple[int, int]:
        # Two at a time keep the iterates in a CPU's cache; on a device each group is a launch.
        q, g = self.nodes()[0].size, self.group_size()
        if g > 1 and k.ON_DEVICE:
            g = q
        return q // g, g

    @property
    def is_exact(self) -> bool:
        """Every gradient is taken on the full data."""
        return {self.batch_size, self.val_batch_size, *self.outer_batches_of()} == {None}

    def stencil(self, g: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Offsets and coefficients, (n_groups, g) float64; groups join neighbours in size.

        The group size is that of a CPU by default.
        """
        offsets, alpha = self.nodes()
        pairing = np.argsort(np.abs(offsets), kind="stable")
        shape = (-1, self.group_size() if g is None else g)
        return offsets[pairing].reshape(shape).astype(np.float64), alpha[pairing].reshape(shape)

    def fixed(self, problem: BilevelProblem, plan: Plan) -> Any:
        offsets, alpha = self.stencil(plan.g)
        rows, cols = problem.lower_shape
        return Fixed(
            offsets=offsets,
            alpha=alpha,
            positive=(offsets > 0).astype(np.int64),
            rows=rows,
            g=plan.g,
            cols=cols,
            momentum=0.0,
        )

    def lower_estimate(self, plan: Plan) -> np.ndarray:
        """Weights (n_groups, g) of the stacked iterates in the estimate of y*(x)."""
        offsets = self.stencil(plan.g)[0]
        nearest = np.abs(offsets) == np.abs(offsets).min()
        return nearest / nearest.sum()

    def draws(self, plan: Plan, inner: np.ndarray, outer: np.ndarray) -> tuple[Draws, ...]:
        """Minibatches with these numbers, of the lower steps and of Phi (algorithms 10)."""
        offsets = self.stencil(plan.g)[0]
        found = []
        for sampler, numbers, name, apart in (
            ("lower", inner, "g_y", plan.independent),
            ("upper", inner, "f_y", plan.independent),
            ("outer_lower", outer, "g_x", plan.outer_independent),
            ("outer_upper", outer, "f_x", plan.outer_independent),
        ):
            # f is not looked at where its weight is 0.
            seen = np.ones_like(offsets) if name.startswith("g") else offsets != 0
            for a, group in enumerate(seen) if apart else [(-1, seen)]:
                times = self.evaluations * int(np.count_nonzero(group))
                found.append(
                    Draws(sampler=sampler, numbers=numbers, offset=a + 1, calls={name: times})
                )
        return tuple(found)

    def double_loop(
        self, plan: Plan, first: int, K: int, nu: Any, lr: Any, lr_x: Any, growth: dict[str, Any]
    ) -> tuple[Schedules, Progress]:
        """`schedules` of the methods with K lower steps an iteration, from their rates."""
        n = nu.size
        draw, inner = np.arange(first, first + n), np.arange(first * K, (first + n) * K)
        steps = np.full(n, K)
        return (
            Schedules(nu=nu, lr=lr, lr_x=lr_x, steps=steps, first_step=K * draw, draw=draw),
            Progress(growth=growth, draws=self.draws(plan, inner, draw)),
        )
