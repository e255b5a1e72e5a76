"""AccF2BA: F2BA with Nesterov momentum on both levels and restarts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from fastbilevel._texts.plan import Plan
from fastbilevel._texts.protocol import FloatRows, record
from fastbilevel.methods._description import Description
from fastbilevel.methods._kinds import Kind, fraction, pair
from fastbilevel.methods._setting import Setting
from fastbilevel.methods._two_rates import DoubleLoop
from fastbilevel.methods.f2ba import F2BA
from fastbilevel.problems.base import BilevelProblem


@record
class Memory(NamedTuple):
    """The point before; steps and summed squared length since a restart, with B and B0."""

    x_old: np.ndarray
    Y_old: np.ndarray
    moves: np.ndarray


@record
class Fixed(NamedTuple):
    offsets: FloatRows
    alpha: FloatRows
    inner_momentum: float
    outer_momentum: float


def make_chunk(k: Any, restarts: int) -> Any:
    """F2BA with extrapolated points: x before the lower steps, z and y after each of them."""

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        descent, gradient = oracles.perturbed_descent, oracles.perturbed_gradient
        x, Y, weights, phi = state.x, state.Y, state.weights, state.phi
        x_old, Y_old, nu = memory.x_old, memory.Y_old, schedules.nu
        descend, data, work = descent.function, descent.data, descent.work
        combine, outer_data, outer_work = gradient.function, gradient.data, gradient.work
        m, norms, flag = state.m, state.norms, state.flag
        kind, a, b = domain.kind, domain.a, domain.b
        moves = memory.moves
        steps, lr, first_step = schedules.steps, schedules.lr, schedules.first_step
        draw, lr_x = schedules.draw, schedules.lr_x
        offsets, outer_momentum = fixed.offsets, fixed.outer_momentum
        inner_momentum, alpha = fixed.inner_momentum, fixed.alpha
        for t in range(n):
            k.vector.scale(nu[t], offsets, weights)
            k.momentum.extrapolate(x, x_old, outer_momentum)
            k.projection.project(x, kind, a, b)
            k.vector.scale(1.0, Y, Y_old)
            for s in range(steps[t]):
                descend(data, samplers, work, x, Y, weights, lr[t], 1, first_step[t] + s)
                k.momentum.extrapolate(Y, Y_old, inner_momentum)
            k.vector.scale(1.0, Y_old, Y)
            combine(outer_data, samplers, outer_work, x, Y, weights, alpha, nu[t], draw[t], phi)
            k.vector.normalized_momentum(
                x, m, phi, lr_x[t], momentum=0.0, normalize=0, kind=kind, a=a, b=b,
                norm_out=norms[t : t + 1], flag=flag,
            )  # fmt: skip
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
    kinds: ClassVar[Mapping[str, Kind]] = {
        "inner_momentum": fraction,
        "outer_momentum": fraction,
        "restart": pair,
    }
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

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk, int(self.restart is not None))

    def memory(self, problem: BilevelProblem, plan: Plan, x: Any, Y: Any) -> Memory:
        moves = np.array([0.0, 0.0, *(self.restart or (0.0, 0.0))])
        return Memory(x_old=np.array(x, problem.dtype), Y_old=Y.copy(), moves=moves)

    def fixed(self, problem: BilevelProblem, plan: Plan) -> Fixed:
        offsets, alpha = self.stencil(plan.g)
        return Fixed(
            offsets=offsets,
            alpha=alpha,
            inner_momentum=self.inner_momentum,
            outer_momentum=self.outer_momentum,
        )

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        if s.noise != "none":
            raise ValueError(f"acc-f2ba is deterministic: noise must be 'none'; got {s.noise!r}.")
        root = math.sqrt(s.kappa)
        return F2BA.theory(s) | {
            "inner_steps": math.ceil(2.0 * root * math.log(1.0 + s.L * s.kappa**4 / s.eps**2)),
            "inner_momentum": (root - 1.0) / (root + 1.0),
        }
