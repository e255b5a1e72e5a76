"""V-PBGD: descent on the value-gap penalty, in x and y at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fastbilevel._schedules import Totals, values_of
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.protocol import Draws, Progress
from fastbilevel.methods._description import Description
from fastbilevel.methods._setting import Setting
from fastbilevel.methods._two_rates import DoubleLoop


def make_chunk(k: Any) -> Any:
    """Lower steps of w, all but the last; then a step of (x, y), all gradients at the old point."""

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        descent, gradient = oracles.perturbed_descent, oracles.perturbed_gradient
        x, Y, weights, nu, lr = state.x, state.Y, state.weights, schedules.nu, schedules.lr
        descend, data, work = descent.function, descent.data, descent.work
        combine, outer_data, outer_work = gradient.function, gradient.data, gradient.work
        phi, m, norms, flag = state.phi, state.m, state.norms, state.flag
        kind, a, b = domain.kind, domain.a, domain.b
        steps, first_step, draw = schedules.steps, schedules.first_step, schedules.draw
        offsets, alpha, lr_x = fixed.offsets, fixed.alpha, schedules.lr_x
        for t in range(n):
            inner, first = steps[t] - 1, first_step[t]
            k.vector.scale(nu[t], offsets, weights)
            descend(data, samplers, work, x, Y[0:1], weights[0:1], lr[t, 0:1], inner, first)
            combine(outer_data, samplers, outer_work, x, Y, weights, alpha, nu[t], draw[t], phi)
            descend(data, samplers, work, x, Y[1:2], weights[1:2], lr[t, 1:2], 1, first + inner)
            k.vector.normalized_momentum(
                x, m, phi, lr_x[t], momentum=0.0, normalize=0, kind=kind, a=a, b=b,
                norm_out=norms[t : t + 1], flag=flag,
            )  # fmt: skip

    return chunk


@dataclass(frozen=True, kw_only=True)
class PBGD(DoubleLoop):
    """V-PBGD (Shen and Chen: On penalty-based bilevel gradient descent method, ICML 2023).

    Descent on f(x, y) + gamma (g(x, y) - v(x)), v(x) = min over y of g(x, y). w takes
    `inner_steps` steps ``w <- w - lr_z G_y(x, w)`` from where it was; then at once, with every
    gradient at the old (x, y),

    ``x <- P_X(x - lr_x (F_x(x, y) + gamma (G_x(x, y) - G_x(x, w))))``,
    ``y <- y - lr_y (F_y(x, y) + gamma G_y(x, y))``.

    Parameters
    ----------
    inner_steps : int
        T.
    lr_z, lr_y : float, schedule or None
        beta, and alpha of y. If only one is given, the other follows from lr_z = gamma lr_y. If
        none is given, lr_z is 1 / L, L the largest curvature of g and of g + f / gamma at the
        starting point.
    lr_x : float, schedule or None
        alpha of x. If None, that of y, as in the paper.
    penalty : float or schedule
        gamma; the authors' code lets it grow linearly, ``fb.schedules.Linear``.

    Notes
    -----
    The result's `y` is w, the estimate of y*(x); y itself minimises the penalised objective. The
    paper's gradients are exact; with minibatches the steps of w and of y have one each, and all
    gradients in x share one. The authors' code scales the joint step by min(1 / gamma, 1).
    """

    lr_x: Any = None
    name: ClassVar[str] = "pbgd"
    description: ClassVar[Description] = Description(
        complexity={"none": "O(gamma eps**-2), up to logs; from memory"},
        assumptions=(
            "g is PL in y; f and g are smooth, f is Lipschitz in y",
            "gamma of the order delta**(-1/2) for a lower gap g - v of delta",
        ),
        calls="1 f_y, T + 1 g_y, 1 f_x, 2 g_x; no second derivatives",
        reference="Shen and Chen, ICML 2023, V-PBGD",
    )

    def sharing(self) -> bool:
        return True

    def group_size(self) -> int:
        return 1

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk,)

    def schedules(self, plan: Plan, first: int, n: int, totals: Totals) -> tuple[Any, Progress]:
        nu, lr, growth = self.rates(first, n, totals)
        of_y = nu * lr[:, 1]
        lr_x = of_y if self.lr_x is None else values_of("lr_x", self.lr_x, first, n)
        return self.double_loop(plan, first, self.inner_steps + 1, nu, lr, lr_x, growth)

    def draws(self, plan: Plan, inner: np.ndarray, outer: np.ndarray) -> tuple[Draws, ...]:
        of_y = inner[self.inner_steps :: self.inner_steps + 1]
        return (
            Draws(sampler="lower", numbers=inner, offset=0, calls={"g_y": 1}),
            Draws(sampler="upper", numbers=of_y, offset=0, calls={"f_y": 1}),
            Draws(sampler="outer_lower", numbers=outer, offset=0, calls={"g_x": 2}),
            Draws(sampler="outer_upper", numbers=outer, offset=0, calls={"f_x": 1}),
        )

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        """gamma ~ 1 / eps, both steps 1 / (L_f + gamma L)."""
        if s.noise != "none":
            raise ValueError(f"pbgd is deterministic: noise must be 'none'; got {s.noise!r}.")
        penalty = max(1.0, 1.0 / s.eps)
        steps = math.ceil(s.kappa * math.log(1.0 + penalty * s.kappa))
        lr = 1.0 / (s.L_f + penalty * s.L)
        return {"penalty": penalty, "inner_steps": steps, "lr_z": 1 / s.L, "lr_y": lr, "lr_x": lr}
