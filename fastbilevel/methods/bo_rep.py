"""BO-REP: unbounded smoothness of the upper level; periodic lower steps on a fixed ball."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fastbilevel._schedules import Schedule
from fastbilevel.methods._description import Description
from fastbilevel.methods.unibio import UniBiO


@dataclass(frozen=True, kw_only=True)
class BOREP(UniBiO):
    """BO-REP (Hao, Gong, Liu: Bilevel optimization under unbounded smoothness: a new algorithm and
    convergence analysis, ICLR 2024).

    As `UniBiO`, but after the first iteration y is updated, every `period` iterations, by
    `lower_budget` steps of length `lr_y` projected on the ball of radius `radius` around the
    current y, and becomes the mean of their iterates. Before the first iteration it goes through
    UniBiO's epochs (initialization refinement).

    Parameters
    ----------
    power : float or None
        As in `UniBiO`; the paper has 2, a strongly convex lower level.
    period : int
        I.
    lower_budget : int or schedule
        N, lower steps of an update.
    initial_budget : int or None
        Budget of the epochs before the first iteration; None takes `lower_budget`.
    epoch_steps : int
        Steps of the first of these epochs.
    radius : float
        R.
    lr_y : float, schedule or None
        Lower step. None takes 1 / L, L the largest curvature of g in y at the start.
    neumann_steps, neumann_lr, momentum, lr_x, scaling_floor
        As in `UniBiO`.

    Notes
    -----
    The authors' code follows v by steps on the linear system instead of a Neumann series.
    """

    name: ClassVar[str] = "bo-rep"
    description: ClassVar[Description] = Description(
        complexity={"both": "O(eps**-4), up to logs"},
        assumptions=(
            "f is (L0, L1)-smooth: its smoothness may grow with its gradient",
            "g is strongly convex in y; f, g_yy, g_xy are Lipschitz; light-tailed noise",
        ),
        calls="1 f_y, 1 f_x, about N / I g_y, Q products with g_yy, 1 with g_xy",
        reference="Hao, Gong, Liu, ICLR 2024, Algorithms 1 to 3",
    )

    lower_budget: int | Schedule = 10

    def update(self, budget: int) -> list[tuple[int, float, float]]:
        return [(budget, float(self.radius), 1.0)]
