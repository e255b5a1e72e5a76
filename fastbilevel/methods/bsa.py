"""BSA: growing numbers of lower steps, and a randomly truncated Neumann series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fastbilevel._oracles.linear_solvers import RANDOM_NEUMANN, HypergradientEstimate
from fastbilevel._schedules import Power, Schedule, counts_of, values_of
from fastbilevel.methods._description import Description
from fastbilevel.methods._kinds import Kind, counts
from fastbilevel.methods._second_order import NeumannMethod
from fastbilevel.methods._setting import Setting, outer_step, terms
from fastbilevel.methods._solve_then_step import SolveThenStep, make_chunk


@dataclass(frozen=True, kw_only=True)
class BSA(NeumannMethod, SolveThenStep):
    """BSA (Ghadimi and Wang: Approximation methods for bilevel programming, 2018), Algorithm 3.

    y takes t_k steps ``y <- y - lr_y(t) G_y(x, y)``, t = 0, 1, ...; then, with P uniform in
    {0, ..., Q - 1}, ``v = Q eta (I - eta G_yy) ... (I - eta G_yy) F_y``, P factors on minibatches
    of their own, and ``x <- P_X(x - lr_x (F_x - G_xy v))``.

    Parameters
    ----------
    inner_steps : int, schedule or None
        t_k, rounded up. None takes the paper's ceil(sqrt(k + 1)).
    neumann_steps : int
        Q >= 1.
    neumann_lr : float, schedule or None
        eta. None takes 1 / L, L the largest curvature of g in y at the start.
    lr_y : float, schedule or None
        beta_t, a schedule of the lower step t, which starts anew in every outer iteration; the
        theory has 2 / (mu (t + 2)), ``fb.schedules.Power(2 / mu, 1, offset=2)``. None takes 1 / L.
    lr_x : float or schedule
        alpha_k.

    Notes
    -----
    y starts where the outer iteration before left it. G_xy is taken on a minibatch of its own, F_x
    and F_y on one.
    """

    name: ClassVar[str] = "bsa"
    kinds: ClassVar[Mapping[str, Kind]] = {"inner_steps": counts}
    random_truncation: ClassVar[bool] = True
    description: ClassVar[Description] = Description(
        complexity={"both": "O(eps**-6) g_y, O(eps**-4) f_y and products"},
        assumptions=(
            "g is mu-strongly convex in y; f is Lipschitz; f, g, g_yy, g_xy are Lipschitz",
            "unbiased gradients and products of bounded variance; X is convex",
        ),
        calls="1 f_y, 1 f_x, t_k g_y, fewer than Q products with g_yy, 1 with g_xy",
        reference="Ghadimi and Wang, 2018, Algorithm 3",
    )

    inner_steps: int | Schedule | None = None  # type: ignore[assignment]

    def _counts(self) -> Any:
        return Power(1.0, -0.5) if self.inner_steps is None else self.inner_steps

    def estimate(self) -> HypergradientEstimate:
        return RANDOM_NEUMANN

    def lower_steps(self, first: int, n: int) -> np.ndarray:
        return counts_of("inner_steps", self._counts(), first, n)

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk, 1)

    def rates(self, first: int, n: int, steps: np.ndarray) -> np.ndarray:
        """Step of y in every lower step, (steps, 1)."""
        return values_of("lr_y", self.lr_y, 0, int(steps.max()))[:, np.newaxis]

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        """beta_t = 2 / (mu (t + 2)), held below 1 / L at first by a larger offset."""
        return {
            "lr_y": Power(2.0 / s.mu, 1.0, offset=max(2.0, 2.0 * s.kappa)),
            "lr_x": Power(outer_step(s), 1 / 2),
            "neumann_steps": terms(s),
            "neumann_lr": 1.0 / s.L,
        }
