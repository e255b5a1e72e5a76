"""What the methods with Hessian-vector products share: options, minibatches, counts."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from fastbilevel._checks.values import check_integer, check_positive
from fastbilevel._numerics.curvature import default_step
from fastbilevel._oracles.linear_solvers import NEUMANN_SUM, HypergradientEstimate
from fastbilevel._schedules import RunningTotals, Schedule, values_of
from fastbilevel._texts import samplers as _random
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.samplers import Sampler, make_sampler
from fastbilevel.kernels.reference.draw import draw_index
from fastbilevel.methods._options import Options

if TYPE_CHECKING:
    from fastbilevel.problems.base import BilevelProblem

SECOND_ORDER = (
    "grad_lower_y",
    "grad_upper_y",
    "grad_upper_x",
    "hvp_lower_yy",
    "jvp_lower_xy",
    "value_upper",
)


@dataclass(frozen=True, kw_only=True)
class SecondOrder(Options):
    """Base of the methods that keep y and a vector v near g_yy^-1 f_y."""

    # Missing step sizes become this over the largest curvature of g in y.
    share_of_step: ClassVar[float] = 1.0

    lr_y: Schedule | None = None
    lr_x: Schedule = 0.1

    @property
    def requires(self) -> tuple[str, ...]:
        return SECOND_ORDER

    def steps(self) -> tuple[str, ...]:
        """Names of the step sizes that are filled in where they are missing."""
        return ("lr_y",)

    def check(self, problem: BilevelProblem) -> None:
        super().check(problem)
        check_positive("lr_x", self.lr_x)
        for name in self.steps():
            if getattr(self, name) is not None:
                check_positive(name, getattr(self, name))

    def complete(self, problem: BilevelProblem, x: np.ndarray, y: np.ndarray) -> Self:
        """These options with the missing step sizes filled in."""
        missing = [name for name in self.steps() if getattr(self, name) is None]
        given = None if missing else self.lr_y
        step = default_step((missing or ["lr_y"])[0], given, problem, x, y, 0.0)
        if not missing:
            return self
        return dataclasses.replace(self, **dict.fromkeys(missing, self.share_of_step * step))

    def plan(self, problem: BilevelProblem, key: tuple[int, int], n_threads: int) -> Plan:
        """Samplers, and y and v as two groups."""

        def sampler(stream: int, n: int, batch: int | None) -> Sampler:
            return make_sampler(n, batch, self.sampling, stream, key, problem.infinite)

        return Plan(
            lower=sampler(_random.LOWER, problem.n_lower, self.batch_size),
            upper=sampler(_random.UPPER, problem.n_upper, self.val_batch_size),
            outer_lower=sampler(_random.OUTER_LOWER, problem.n_lower, self.batch_size),
            outer_upper=sampler(_random.OUTER_UPPER, problem.n_upper, self.val_batch_size),
            linear=sampler(_random.LINEAR, problem.n_lower, self.batch_size),
            n_groups=2,
            g=1,
            independent=False,
            outer_independent=False,
            n_threads=n_threads,
        )

    def memory(self, problem: BilevelProblem, plan: Plan, x: Any, Y: Any) -> tuple[Any, ...]:
        # v_0 = 0; the engine has put y into both groups.
        Y[1] = 0
        return self.buffers(problem, plan, x, Y)

    def buffers(self, problem: BilevelProblem, plan: Plan, x: Any, Y: Any) -> tuple[Any, ...]:
        """What the method alone keeps, and its scratch."""
        return ()

    def fixed(self, problem: BilevelProblem, plan: Plan) -> tuple[Any, ...]:
        return ()

    def lower_estimate(self, plan: Plan) -> np.ndarray:
        return np.array([[1.0], [0.0]])

    def oracle_calls(self, plan: Plan, totals: RunningTotals) -> dict[str, int]:
        lower, _, outer_lower, outer_upper, linear = plan.batch_sizes
        estimates = totals.of("estimates")
        return {
            "f_x": estimates * outer_upper,
            "f_y": estimates * outer_upper,
            "g_x": 0,
            "g_y": totals.of("lower_gradients") * lower,
            "hvp": totals.of("products") * linear,
            "jvp": estimates * outer_lower,
        }


@dataclass(frozen=True, kw_only=True)
class NeumannMethod(SecondOrder):
    """Base of the methods that apply g_yy^-1 by a Neumann series."""

    # 1, or 2 if every estimate is taken at the previous point too.
    points: ClassVar[int] = 1
    random_truncation: ClassVar[bool] = False

    neumann_steps: int = 10
    neumann_lr: Schedule | None = None

    def steps(self) -> tuple[str, ...]:
        return "lr_y", "neumann_lr"

    def check(self, problem: BilevelProblem) -> None:
        super().check(problem)
        check_integer("neumann_steps", self.neumann_steps, 1 if self.random_truncation else 0)

    def estimate(self) -> HypergradientEstimate:
        """The linear solver of the hypergradient estimate."""
        return NEUMANN_SUM

    def linear_system(
        self, plan: Plan, first: int, n: int, totals: RunningTotals, repeats: Any = 1
    ) -> tuple[np.ndarray, ...]:
        """Terms, step, factor and first draw of the Neumann series, and estimates drawn before.

        `repeats` estimates with draws of their own are made in each iteration.
        """
        lr = values_of("neumann_lr", self.neumann_lr, first, n)
        factor, terms = lr, np.full(n, self.neumann_steps)
        if self.random_truncation:
            factor, terms = self.neumann_steps * lr, self._truncations(plan, first, n)
        draws = np.full(n, repeats)
        totals.before("products", self.points * draws * terms)
        totals.before("estimates", self.points * draws)
        before = totals.before("draws", draws)
        return terms, lr, factor, before * self.neumann_steps, before

    def _truncations(self, plan: Plan, first: int, n: int) -> np.ndarray:
        """P_k, uniform in {0, ..., Q - 1}, at iterations first, ..., first + n - 1."""
        k0, k1 = plan.linear.key
        Q, stream = self.neumann_steps, _random.TRUNCATION
        drawn = [draw_index(0, k, stream, 0, Q, k0, k1) for k in range(first, first + n)]
        return np.array(drawn, np.int64)
