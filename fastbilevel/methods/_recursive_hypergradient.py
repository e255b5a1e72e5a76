"""The single loop with recursive estimators of G_y and of the hypergradient: MRBO and SUSTAIN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastbilevel._checks.values import check_positive
from fastbilevel._schedules import RunningTotals, Schedule, values_of
from fastbilevel.methods._recursive import estimator_weights
from fastbilevel.methods._second_order import NeumannMethod

if TYPE_CHECKING:
    from fastbilevel._texts.plan import Plan
    from fastbilevel.problems.base import BilevelProblem


def make_chunk(k: Any) -> Any:
    """Both gradients now and before on the same minibatches, then x and y at once."""

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        (lower_gradient, data, work), (hypergradient, outer_data, outer_work) = oracles
        x, Y, _, m, phi, norms, flag = state
        x_old, Y_old, G, G_old, u, h, h_old = memory
        kind, a, b = domain
        lr_y, lr_x, eta, eta_y, (terms, lr_v, factor, first, batch) = schedules
        for t in range(n):
            lower_gradient(data, samplers, work, x, Y, batch[t], G)
            lower_gradient(data, samplers, work, x_old, Y_old, batch[t], G_old)
            hypergradient(
                outer_data, samplers, outer_work, x, Y, terms[t], lr_v[t], factor[t], first[t],
                batch[t], h,
            )  # fmt: skip
            hypergradient(
                outer_data, samplers, outer_work, x_old, Y_old, terms[t], lr_v[t], factor[t],
                first[t], batch[t], h_old,
            )  # fmt: skip
            k.momentum.recursive_momentum(u, G, G_old, eta_y[t])
            k.momentum.recursive_momentum(phi, h, h_old, eta[t])
            x_old[:] = x
            Y_old[0][:] = Y[0]
            k.vector.normalized_momentum(
                x, m, phi, lr_x[t], 0.0, 0, kind, a, b, norms[t : t + 1], flag
            )
            k.vector.axpy(-lr_y[t], u, Y[0])

    return chunk


def estimator_buffers(problem: BilevelProblem, x: Any, Y: Any) -> tuple[np.ndarray, ...]:
    """Previous x and Y; G_y now, before and its estimator; the hypergradient now and before."""
    lower = (np.zeros(problem.n_y, problem.dtype) for _ in range(3))
    upper = (np.zeros(problem.n_x, problem.dtype) for _ in range(2))
    return np.array(x, problem.dtype), Y.copy(), *lower, *upper


@dataclass(frozen=True, kw_only=True)
class RecursiveHypergradient(NeumannMethod):
    """Base of MRBO and SUSTAIN, which differ in the truncation of the Neumann series."""

    points: ClassVar[int] = 2
    copies_of_lower_iterates: ClassVar[int] = 7

    inner_steps: int = 1
    momentum: Schedule = 0.1
    lower_momentum: Schedule = 0.1

    @property
    def oracles(self) -> tuple[Any, ...]:
        return "lower_gradient", self.estimate()

    def check(self, problem: BilevelProblem) -> None:
        super().check(problem)
        for name in ("momentum", "lower_momentum"):
            check_positive(name, getattr(self, name))
        if self.inner_steps != 1:
            raise ValueError(
                f"inner_steps must be 1, since {self.name} is a single loop; got "
                f"{self.inner_steps!r}."
            )

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk,)

    def buffers(self, problem: BilevelProblem, plan: Plan, x: Any, Y: Any) -> tuple[Any, ...]:
        return estimator_buffers(problem, x, Y)

    def schedules(self, plan: Plan, first: int, n: int, totals: RunningTotals) -> tuple[Any, ...]:
        """lr_y, lr_x, both estimators' weights, and what the Neumann series takes."""
        totals.before("lower_gradients", np.full(n, 2))
        return (
            values_of("lr_y", self.lr_y, first, n),
            values_of("lr_x", self.lr_x, first, n),
            estimator_weights(self.momentum, first, n),
            estimator_weights(self.lower_momentum, first, n),
            self.linear_system(plan, first, n, totals),
        )
