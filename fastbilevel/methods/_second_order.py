"""What the methods with Hessian-vector products share: options, minibatches, counts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from fastbilevel._checks.values import check_integer
from fastbilevel._numerics.curvature import default_step
from fastbilevel._oracles.linear_solvers import NEUMANN_SUM, HypergradientEstimate
from fastbilevel._schedules import Schedule, values_of
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.protocol import Counts, Draws, Rates, record
from fastbilevel._texts.samplers import TRUNCATION
from fastbilevel.kernels.reference.draw import draw_index
from fastbilevel.methods._kinds import Kind, positive, steps
from fastbilevel.methods._options import Options
from fastbilevel.problems.base import BilevelProblem

SECOND_ORDER = (
    "grad_lower_y",
    "grad_upper_y",
    "grad_upper_x",
    "hvp_lower_yy",
    "jvp_lower_xy",
    "value_upper",
)


@record
class LinearSystem(NamedTuple):
    """What a hypergradient estimate takes, see `fastbilevel._oracles.linear_solvers`.

    Steps of the solver, their length, a factor, the number of their first minibatch and of that of
    the estimate.
    """

    terms: Counts
    lr: Rates
    factor: Rates
    first_product: Counts
    draw: Counts


@dataclass(frozen=True, kw_only=True)
class SecondOrder(Options):
    """Base of the methods that keep y and a vector v near g_yy^-1 f_y."""

    # Missing step sizes become this over the largest curvature of g in y.
    share_of_step: ClassVar[float] = 1.0
    zero_groups: ClassVar[tuple[int, ...]] = (1,)

    kinds: ClassVar[Mapping[str, Kind]] = {"lr_y": positive, "lr_x": positive}

    lr_y: Schedule | None = None
    lr_x: Schedule = 0.1

    @property
    def requires(self) -> tuple[str, ...]:
        return SECOND_ORDER

    def steps(self) -> tuple[str, ...]:
        """Names of the step sizes that are filled in where they are missing."""
        return ("lr_y",)

    def complete(self, problem: BilevelProblem, x: np.ndarray, y: np.ndarray) -> Self:
        """These options with the missing step sizes filled in."""
        missing = [name for name in self.steps() if getattr(self, name) is None]
        given = None if missing else self.lr_y
        step = default_step(
            (missing or ["lr_y"])[0], given, problem, x, y, 0.0, self.lower_samples(problem)
        )
        filled: dict[str, Any] = {}
        if missing:
            filled = dict.fromkeys(missing, self.share_of_step * step)
        if getattr(self, "lr_v", 0.0) is None:
            filled["lr_v"] = self.step_of_v(filled.get("lr_y", self.lr_y))
        return dataclasses.replace(self, **filled)

    def step_of_v(self, lr_y: Any) -> Schedule:
        """The default of `lr_v`, where the method has one."""
        return lr_y

    def stacking(self, k: Any) -> tuple[int, int]:
        # y and v.
        return 2, 1

    def sharing(self) -> bool:
        return True

    def lower_estimate(self, plan: Plan) -> np.ndarray:
        return np.array([[1.0], [0.0]])


def estimate_draws(draw: np.ndarray, products: np.ndarray, points: int) -> tuple[Draws, ...]:
    """Minibatches of hypergradient estimates, each taken at `points` points.

    Parameters
    ----------
    draw, products : int64 arrays
        Numbers of the minibatches of the estimates and of the products with g_yy.
    points : int
    """
    seen = (
        ("outer_upper", draw, {"f_x": points, "f_y": points}),
        ("outer_lower", draw, {"jvp": points}),
        ("linear", products, {"hvp": points}),
    )
    return tuple(Draws(sampler=s, numbers=each, offset=0, calls=c) for s, each, c in seen)


def gradient_draws(draw: np.ndarray, points: int = 1) -> Draws:
    """Minibatches of g_y, each taken at `points` points."""
    return Draws(sampler="lower", numbers=draw, offset=0, calls={"g_y": points})


@dataclass(frozen=True, kw_only=True)
class NeumannMethod(SecondOrder):
    """Base of the methods that apply g_yy^-1 by a Neumann series."""

    # 1, or 2 if every estimate is taken at the previous point too.
    points: ClassVar[int] = 1
    random_truncation: ClassVar[bool] = False

    step_sizes: ClassVar[tuple[str, ...]] = ("lr_y", "neumann_lr", "lr_x")

    kinds: ClassVar[Mapping[str, Kind]] = {"neumann_steps": steps(0), "neumann_lr": positive}

    neumann_steps: int = 10
    neumann_lr: Schedule | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.random_truncation:
            check_integer("neumann_steps", self.neumann_steps, 1)

    def steps(self) -> tuple[str, ...]:
        return "lr_y", "neumann_lr"

    def check(self, problem: BilevelProblem) -> None:
        super().check(problem)
        check_integer("neumann_steps", self.neumann_steps, 1 if self.random_truncation else 0)

    def estimate(self) -> HypergradientEstimate:
        """The linear solver of the hypergradient estimate."""
        return NEUMANN_SUM

    def linear_system(self, plan: Plan, first: int, n: int, draw: np.ndarray) -> LinearSystem:
        """Schedules of the Neumann series, given the number of the first estimate."""
        lr = values_of("neumann_lr", self.neumann_lr, first, n)
        factor, terms = lr, np.full(n, self.neumann_steps)
        if self.random_truncation:
            factor, terms = self.neumann_steps * lr, self._truncations(plan, first, n)
        first_product = draw * self.neumann_steps
        return LinearSystem(
            terms=terms, lr=lr, factor=factor, first_product=first_product, draw=draw
        )

    def _truncations(self, plan: Plan, first: int, n: int) -> np.ndarray:
        """P_k, uniform in {0, ..., Q - 1}, at iterations first, ..., first + n - 1."""
        k0, k1 = plan.linear.key
        Q, stream = self.neumann_steps, TRUNCATION
        drawn = [draw_index(0, k, stream, 0, Q, k0, k1) for k in range(first, first + n)]
        return np.array(drawn, np.int64)
