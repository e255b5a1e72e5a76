"""AccF2BA: F2BA with Nesterov momentum on both levels and restarts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastbilevel._checks.values import check_fraction
from fastbilevel.methods._description import Description
from fastbilevel.methods._two_rates import DoubleLoop

if TYPE_CHECKING:
    from fastbilevel._texts.plan import Plan
    from fastbilevel.problems.base import BilevelProblem


def make_chunk(k: Any, restarts: int) -> Any:
    """F2BA with extrapolated points: x before the lower steps, z and y after each of them."""

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        (perturbed_descent, data, work), (perturbed_gradient, outer_data, outer_work) = oracles
        x, Y, weights, m, phi, norms, flag = state
        x_old, Y_old, moves = memory
        kind, a, b = domain
        nu, lr, lr_x, steps, step, batch = schedules
        offsets, alpha, inner_momentum, outer_momentum = fixed
        for t in range(n):
            k.vector.scale(nu[t], offsets, weights)
            k.momentum.extrapolate(x, x_old, outer_momentum)
            k.projection.project(x, kind, a, b)
            Y_old[:] = Y
            for s in range(steps[t]):
                perturbed_descent(data, samplers, work, x, Y, weights, lr[t], 1, step[t] + s)
                k.momentum.extrapolate(Y, Y_old, inner_momentum)
            Y[:] = Y_old
            perturbed_gradient(
                outer_data, samplers, outer_work, x, Y, weights, alpha, nu[t], batch[t], phi
            )
            k.vector.normalized_momentum(
                x, m, phi, lr_x[t], 0.0, 0, kind, a, b, norms[t : t + 1], flag
            )
            if restarts:
                k.momentum.restart(x, x_old, moves)

    return chunk


@dataclass(frozen=True, kw_only=True)
class AccF2BA(DoubleLoop):
    """Accelerated F2BA: Nesterov's method for z, y and x, with restarts for x.

    In every outer iteration x moves to ``w = x_t + outer_momentum (x_t - x_t-1)``, projected on
    the bounds; z and y take `inner_steps` steps of Nesterov's method at w, with a momentum that
    starts anew; then ``x_t+1 = w - lr_x (F_x(w, y) + lambda (G_x(w, y) - G_x(w, z)))``.

    Parameters
    ----------
    inner_steps, lr_z, lr_y, lr_x, penalty
        As in `F2BA`.
    inner_momentum, outer_momentum : float
        Weights of the last move, in [0, 1); 0 for both is F2BA.
    restart : tuple of two float, or None
        (B, B0): once (steps since the last restart) times (their summed squared lengths) exceeds
        max(B, B0)**2, the momentum of x is set to zero and B is multiplied by 0.99. None never
        restarts.

    Notes
    -----
    The result's `y` is z. The restart rule and the defaults of momentum are those of the authors'
    code; the theory takes an inner momentum (sqrt(kappa) - 1) / (sqrt(kappa) + 1).
    """

    name: ClassVar[str] = "acc-f2ba"
    copies_of_lower_iterates: ClassVar[int] = 2
    description: ClassVar[Description] = Description(
        complexity={
            "none": "below the O(kappa**4 eps**-2) of F2BA; the rate was not available to us"
        },
        assumptions=(
            "those of F2BA; third derivatives that are Lipschitz for the accelerated rate",
        ),
        calls="K f_y, 2 K g_y, 1 f_x, 2 g_x; no second derivatives",
        reference="authors' code of Chen, Ma, Zhang, JMLR 2025; restarts as in restarted AGD",
    )

    inner_momentum: float = 0.5
    outer_momentum: float = 0.9
    restart: tuple[float, float] | None = (10.0, 0.1)

    def check(self, problem: BilevelProblem) -> None:
        super().check(problem)
        check_fraction("inner_momentum", self.inner_momentum)
        check_fraction("outer_momentum", self.outer_momentum)
        if self.restart is None:
            return
        pair = np.asarray(self.restart, dtype=float)
        if pair.shape != (2,) or not (np.isfinite(pair).all() and (pair > 0).all()):
            raise ValueError(
                "restart must be a pair (B, B0) of positive numbers, or None for no restarts; got "
                f"{self.restart!r}."
            )

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk, int(self.restart is not None))

    def memory(self, problem: BilevelProblem, plan: Plan, x: Any, Y: Any) -> tuple[Any, ...]:
        moves = np.array([0.0, 0.0, *(self.restart or (0.0, 0.0))])
        return np.array(x, problem.dtype), Y.copy(), moves

    def fixed(self, problem: BilevelProblem, plan: Plan) -> tuple[Any, ...]:
        return (*self.stencil(plan.g), float(self.inner_momentum), float(self.outer_momentum))
