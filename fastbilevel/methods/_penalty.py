"""What the penalty methods share: lower problems g + j nu f at the offsets j of a stencil."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastbilevel._arrays.placement import on_device
from fastbilevel._numerics.stencil import finite_difference_coefficients
from fastbilevel._schedules import RunningTotals
from fastbilevel._texts import samplers as _random
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.samplers import Sampler, make_sampler
from fastbilevel.methods._options import Options

if TYPE_CHECKING:
    from fastbilevel.problems.base import BilevelProblem

GRADIENTS = ("grad_lower_y", "grad_upper_y", "grad_lower_x", "grad_upper_x", "value_upper")


def make_chunk(k: Any, normalize: int, recenter: int) -> Any:
    """The double loop of F2SA, F2BA and F2SA-p: lower steps, combination, step of x."""

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        (perturbed_descent, data, work), (perturbed_gradient, outer_data, outer_work) = oracles
        x, Y, weights, m, phi, norms, flag = state
        kind, a, b = domain
        nu, lr, lr_x, steps, step, batch = schedules
        offsets, alpha, positive, rows, g, cols, momentum = fixed
        for t in range(n):
            k.vector.scale(nu[t], offsets, weights)
            if recenter:
                k.vector.recenter(Y, positive, rows, g, cols)
            perturbed_descent(data, samplers, work, x, Y, weights, lr[t], steps[t], step[t])
            perturbed_gradient(
                outer_data, samplers, outer_work, x, Y, weights, alpha, nu[t], batch[t], phi
            )
            k.vector.normalized_momentum(
                x, m, phi, lr_x[t], momentum, normalize, kind, a, b, norms[t : t + 1], flag
            )

    return chunk


@dataclass(frozen=True, kw_only=True)
class PenaltyMethod(Options):
    """Base of the methods that follow minimisers of g + j nu f at the offsets j of a stencil."""

    # Points at which every minibatch gradient is taken.
    evaluations: ClassVar[int] = 1

    @property
    def requires(self) -> tuple[str, ...]:
        return GRADIENTS

    @property
    def oracles(self) -> tuple[str, ...]:
        return "perturbed_descent", "perturbed_gradient"

    def nodes(self) -> tuple[np.ndarray, np.ndarray]:
        """Offsets j and coefficients alpha_j: 0 and 1 unless the method has an order."""
        return finite_difference_coefficients(1)

    @abstractmethod
    def sharing(self) -> bool | str:
        """Whether all offsets see the same minibatches: True, False, or "outer" (in Phi only)."""

    def group_size(self) -> int:
        """Offsets that take their steps together: two if they see the same samples."""
        return 2 if self.sharing() is True else 1

    def group_size_on(self, k: Any) -> int:
        """As `group_size`, for the kernels `k`: on a device, all offsets that may go together.

        Two at a time keep the iterates in a CPU's cache; on a device each group is a launch.
        """
        together = self.group_size()
        return self.nodes()[0].size if together > 1 and on_device(k) else together

    def outer_batches_of(self) -> tuple[int | None, int | None]:
        """Rows of the lower and of the upper minibatches of Phi."""
        return self.batch_size, self.val_batch_size

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

    def plan(self, problem: BilevelProblem, key: tuple[int, int], n_threads: int) -> Plan:
        """Samplers and stacking of the lower iterates."""

        def sampler(stream: int, n: int, batch: int | None) -> Sampler:
            return make_sampler(n, batch, self.sampling, stream, key, problem.infinite)

        n_groups, g = self.stencil(self.group_size_on(problem.kernels))[0].shape
        outer_lower, outer_upper = self.outer_batches_of()
        return Plan(
            lower=sampler(_random.LOWER, problem.n_lower, self.batch_size),
            upper=sampler(_random.UPPER, problem.n_upper, self.val_batch_size),
            outer_lower=sampler(_random.OUTER_LOWER, problem.n_lower, outer_lower),
            outer_upper=sampler(_random.OUTER_UPPER, problem.n_upper, outer_upper),
            linear=sampler(_random.LINEAR, problem.n_lower, self.batch_size),
            n_groups=n_groups,
            g=g,
            independent=self.sharing() is not True,
            outer_independent=self.sharing() is False,
            n_threads=n_threads,
        )

    def fixed(self, problem: BilevelProblem, plan: Plan) -> tuple[Any, ...]:
        """Stencil, signs of its offsets, shape of a group of lower iterates, and momentum."""
        offsets, alpha = self.stencil(plan.g)
        rows, cols = problem.lower_shape
        return offsets, alpha, (offsets > 0).astype(np.int64), rows, plan.g, cols, 0.0

    def lower_estimate(self, plan: Plan) -> np.ndarray:
        """Weights (n_groups, g) of the stacked iterates in the estimate of y*(x)."""
        offsets = self.stencil(plan.g)[0]
        nearest = np.abs(offsets) == np.abs(offsets).min()
        return nearest / nearest.sum()

    def oracle_calls(self, plan: Plan, totals: RunningTotals) -> dict[str, int]:
        """Single-sample oracle calls (algorithms 10)."""
        offsets, _ = self.nodes()
        q, perturbed = offsets.size, int(np.count_nonzero(offsets))
        lower, upper, outer_lower, outer_upper = plan.batch_sizes[:4]
        inner_steps, outer_batches = totals.of("inner_steps"), totals.of("outer_batches")
        times = self.evaluations
        return {
            "f_x": times * perturbed * outer_batches * outer_upper,
            "f_y": times * perturbed * inner_steps * upper,
            "g_x": times * q * outer_batches * outer_lower,
            "g_y": times * q * inner_steps * lower,
            "hvp": 0,
            "jvp": 0,
        }
