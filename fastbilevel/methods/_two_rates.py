"""Methods with one lower problem for g, one for f + lambda g, and a step size for each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fastbilevel._numerics.curvature import default_step
from fastbilevel._schedules import Power, Schedule, Totals, before, values_of
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.protocol import Progress
from fastbilevel.methods._kinds import Kind, not_negative, positive, steps
from fastbilevel.methods._penalty import PenaltyMethod, make_chunk
from fastbilevel.methods._setting import Setting
from fastbilevel.problems.base import BilevelProblem


@dataclass(frozen=True, kw_only=True)
class TwoRates(PenaltyMethod):
    """Base of the methods that step z along g_y and y along f_y + lambda g_y.

    Inside, y descends on g + nu f with nu = 1 / lambda and the step lambda lr_y.
    """

    step_sizes: ClassVar[tuple[str, ...]] = ("lr_z", "lr_y", "lr_x")
    remedy: ClassVar[str] = "or a smaller penalty"
    kinds: ClassVar[Mapping[str, Kind]] = {
        **dict.fromkeys(("lr_z", "lr_y", "lr_x", "penalty"), positive),
        "penalty_increment": not_negative,
    }

    lr_z: Schedule | None = None
    lr_y: Schedule | None = None
    lr_x: Schedule = 0.1
    penalty: Schedule = 10.0

    def increments(self) -> Any:
        """The schedule by which the penalty grows."""
        return getattr(self, "penalty_increment", 0.0)

    def complete(self, problem: BilevelProblem, x: np.ndarray, y: np.ndarray) -> TwoRates:
        """These options with `lr_z` filled in if both steps are missing."""
        given = self.lr_y if self.lr_z is None else self.lr_z
        nu = 1.0 / float(values_of("penalty", self.penalty, 0, 1)[0])
        found = default_step("lr_z", given, problem, x, y, nu, self.lower_samples(problem))
        return self if given is not None else dataclasses.replace(self, lr_z=found)

    def group_size(self) -> int:
        tied = self.lr_z is None or self.lr_y is None
        return 2 if tied and self.sharing() is True else 1

    def rates(
        self, first: int, n: int, totals: Totals
    ) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        """nu = 1 / lambda, (n,), the steps of the groups on g + j nu f, (n, n_groups), and growth.

        The last is what the iterations add to lambda, to be given back with their progress.
        """
        penalty = values_of("penalty", self.penalty, first, n)
        growth = values_of("penalty_increment", self.increments(), first, n, strict=False)
        penalty = penalty + before(totals, "penalty_increment", growth)
        given = {
            name: values_of(name, getattr(self, name), first, n)
            for name in ("lr_z", "lr_y")
            if getattr(self, name) is not None
        }
        of_y = given["lr_y"] * penalty if "lr_y" in given else given["lr_z"]
        of_z = given.get("lr_z", of_y)
        pair = (of_z,) if self.group_size() == 2 else (of_z, of_y)
        return 1.0 / penalty, np.column_stack(pair), {"penalty_increment": growth}


@dataclass(frozen=True, kw_only=True)
class DoubleLoop(TwoRates):
    """Base of those that take the same number of lower steps in every outer iteration."""

    kinds: ClassVar[Mapping[str, Kind]] = {"inner_steps": steps()}

    inner_steps: int = 10

    def sharing(self) -> bool:
        return self.is_exact

    def chunk_text(self) -> tuple[Any, ...]:
        return (make_chunk, 0, 0)

    def schedules(self, plan: Plan, first: int, n: int, totals: Totals) -> tuple[Any, Progress]:
        nu, lr, growth = self.rates(first, n, totals)
        lr_x = values_of("lr_x", self.lr_x, first, n)
        return self.double_loop(plan, first, self.inner_steps, nu, lr, lr_x, growth)


def two_rates(s: Setting, a: float, c: float, steps: int) -> dict[str, Any]:
    """lambda_k = gamma_k / (2 alpha_k), so that y takes half the step of z on g + f / lambda."""
    gamma = min(1.0 / (4.0 * s.L), 1.0 / (4.0 * steps * s.mu))
    penalty = max(1.0, 2.0 * s.L_f / s.mu)
    alpha = gamma / (2.0 * penalty)
    return {
        "lr_z": Power(gamma, c),
        "lr_y": Power(alpha, a),
        "lr_x": Power(alpha, a),
        "penalty": Power(penalty, c - a),
    }
