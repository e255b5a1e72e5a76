"""What the proximal methods share: centres that the lower iterates are pulled to."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fastbilevel._bounds import own_copy
from fastbilevel._numerics.curvature import default_step
from fastbilevel._schedules import Schedule, values_of
from fastbilevel._texts.plan import Plan
from fastbilevel.methods._kinds import Kind, constant, positive
from fastbilevel.methods._lower_projection import Fixed, projected, projection_of
from fastbilevel.methods._penalty import PenaltyMethod
from fastbilevel.problems.base import BilevelProblem
from fastbilevel.projections import Custom, domain_of


@dataclass(frozen=True, kw_only=True)
class ProximalMethod(PenaltyMethod):
    """Base of the methods that add ||y - centre||^2 / (2 prox) to both lower problems."""

    projects_lower: ClassVar[bool] = True
    remedy: ClassVar[str] = "or a smaller nu"
    kinds: ClassVar[Mapping[str, Kind]] = {
        **dict.fromkeys(("lr_y", "lr_x", "nu", "smoothing"), positive),
        "prox": constant(above=0),
        "lower_projection": own_copy,
    }

    lr_y: Schedule | None = None
    lr_x: Schedule = 0.1
    nu: Schedule = 0.1
    prox: float = 1.0
    smoothing: Schedule = 0.5
    lower_projection: Any = None

    def check(self, problem: BilevelProblem) -> None:
        super().check(problem)
        self._smoothing(0, 1)
        domain_of(
            projection_of(problem, self.lower_projection),
            problem.n_y,
            problem.dtype,
            problem.pack_lower,
        )

    def complete(self, problem: BilevelProblem, x: np.ndarray, y: np.ndarray) -> ProximalMethod:
        """These options with `lr_y` = 1 / (L + 1 / prox) filled in if it is missing."""
        nu = float(values_of("nu", self.nu, 0, 1)[0])
        lr_y = default_step("lr_y", self.lr_y, problem, x, y, nu, self.lower_samples(problem))
        if self.lr_y is None:
            lr_y = 1.0 / (1.0 / lr_y + 1.0 / self.prox)
        projection = projection_of(problem, self.lower_projection)
        return dataclasses.replace(self, lr_y=lr_y, lower_projection=projection)

    def sharing(self) -> bool:
        return False

    @property
    def is_compiled(self) -> bool:
        return not isinstance(self.lower_projection, Custom)

    def rates(self, first: int, n: int) -> tuple[np.ndarray, ...]:
        """nu (n,), lr_y of both groups (n, 2), the factor of Phi in the step of x, smoothing.

        x descends on nu times the penalty function: its step is lr_x nu Phi.
        """
        nu, lr_y, lr_x = (
            values_of(name, getattr(self, name), first, n) for name in ("nu", "lr_y", "lr_x")
        )
        return nu, np.column_stack([lr_y, lr_y]), lr_x * nu, self._smoothing(first, n)

    def _smoothing(self, first: int, n: int) -> np.ndarray:
        values = values_of("smoothing", self.smoothing, first, n)
        if (values > 1.0).any():
            raise ValueError(f"smoothing must be in (0, 1]; it is {values.max()}.")
        return values

    def fixed(self, problem: BilevelProblem, plan: Plan) -> Fixed:
        return projected(problem, self.stencil(plan.g), self.prox, self.lower_projection)
