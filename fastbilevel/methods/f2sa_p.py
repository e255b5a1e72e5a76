"""F2SA-p: a fully-first-order method whose hypergradient is a p-th order finite difference."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fastbilevel._checks.values import check_batch, check_flag
from fastbilevel._numerics.curvature import default_step
from fastbilevel._numerics.stencil import finite_difference_coefficients
from fastbilevel._schedules import Schedule, Totals, values_of
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.protocol import Progress
from fastbilevel.methods._description import Description
from fastbilevel.methods._kinds import Kind, flag, fraction, or_word, positive, steps
from fastbilevel.methods._penalty import PenaltyMethod, make_chunk
from fastbilevel.methods._setting import Setting
from fastbilevel.problems.base import BilevelProblem

ROUNDING_LIMIT = 0.01


def _sharing(name: str, value: Any) -> bool | str:
    return "outer" if isinstance(value, str) and value == "outer" else check_flag(name, value)


@dataclass(frozen=True, kw_only=True)
class F2SAp(PenaltyMethod):
    """F2SA-p (Faster fully first-order stochastic approximation, ICLR 2026).

    Lower iterates y_j follow stochastic gradient descent on g + j nu f for every offset j of a
    finite-difference stencil, warm-started from outer iteration to outer iteration; the last ones
    give the estimate Phi = sum_j alpha_j (j F_x(x, y_j) + G_x(x, y_j) / nu), whose bias is
    O(nu**p) (Lemma 3.1), and x takes a step of length `lr_x` along -Phi (Algorithm 1).

    Parameters
    ----------
    order : int
        p >= 1. Even orders solve p lower problems, odd ones p + 1.
    nu : float or schedule
        Width nu = 1/lambda of the stencil. The weights j nu must keep g + j nu f convex in y.
    inner_steps : int
        K, steps of every lower iterate in one outer iteration.
    lr_y : float, schedule or None
        eta_y, step on the lower iterates. None takes 1 / L, L the largest curvature of
        g + max_j |j| nu f in y at the starting point on the full data (by power iteration).
    lr_x : float or schedule
        eta_x: the length of a step of x, or its factor if `normalize` is False.
    normalize : bool
        Step along Phi / ||Phi|| (the paper) or along Phi.
    momentum : float
        Weight beta in [0, 1) of the past in the moving average m = beta m + (1 - beta) Phi along
        which x steps; 0 is the paper's method.
    shared_samples : bool or "outer"
        True: all offsets see the same minibatches, in the lower steps and in Phi, so that noise
        that does not depend on y cancels in Phi, and the data are read once for two offsets.
        "outer": shared in Phi only, every offset draws its own in the lower steps (Algorithm 1 to
        the letter). False: every offset always draws its own, as the authors' code does.
    outer_batch_size : int, None or "same"
        Rows S of both levels in Phi; None takes the full data, "same" the inner minibatches'.
    recenter : bool
        Before every outer iteration set the iterates of all positive offsets to their mean and
        those of all others to theirs, as the authors' code does; not in the paper.

    Notes
    -----
    The result's `y` is the mean of the iterates of the offsets -1 and 1 (even p) or that of the
    offset 0 (odd p). `tol` is compared with ||m||, averaged over the iterations since the last
    record.
    """

    name: ClassVar[str] = "f2sa-p"
    remedy: ClassVar[str] = "or a smaller nu"
    kinds: ClassVar[Mapping[str, Kind]] = {
        "order": steps(),
        "nu": positive,
        "inner_steps": steps(),
        "lr_y": positive,
        "lr_x": positive,
        "normalize": flag,
        "momentum": fraction,
        "shared_samples": _sharing,
        "outer_batch_size": or_word("same", steps(), "a number of rows, None for all of them"),
        "recenter": flag,
    }
    description: ClassVar[Description] = Description(
        complexity={
            "both": "O(p kappa**(9 + 2/p) eps**(-4 - 2/p)) gradients of f and g",
            "none": "not analysed in the paper",
        },
        assumptions=(
            "g is mu-strongly convex in y; f is Lipschitz in y; f and g have Lipschitz gradients",
            "the derivatives of f and g in y up to order p and p + 1 are Lipschitz in y",
            "unbiased gradients of bounded variance",
            "max |j| nu <= 1 / (2 kappa), so that every g + j nu f is strongly convex",
        ),
        calls="p K f_y, p f_x; p K g_y, p g_x (p + 1 for odd p); no second derivatives",
        reference="F2SA-p, ICLR 2026, Algorithms 1 and 2, Theorem 3.1",
    )

    order: int = 2
    nu: Schedule = 0.1
    inner_steps: int = 10
    lr_y: Schedule | None = None
    lr_x: Schedule = 0.1
    normalize: bool = True
    momentum: float = 0.0
    shared_samples: bool | str = True
    outer_batch_size: int | str | None = "same"
    recenter: bool = False

    def check(self, problem: BilevelProblem) -> None:
        super().check(problem)
        most = problem.kernels.MOST_OFFSETS
        if most is not None and self.nodes()[0].size > most:
            raise ValueError(
                f"order must be at most {most - 1} on a device, whose kernels take the "
                f"coefficients of up to {most} offsets; got {self.order}."
            )
        self._warn_of_rounding(np.finfo(problem.dtype).eps)
        if self.outer_batch_size != "same":
            check_batch("outer_batch_size", self.outer_batch_size, problem.n_lower, "lower")
            check_batch("outer_batch_size", self.outer_batch_size, problem.n_upper, "upper")

    def _warn_of_rounding(self, eps: float) -> None:
        nu = values_of("nu", self.nu, 0, 1)[0]
        noise = eps * np.abs(finite_difference_coefficients(self.order)[1]).sum() / nu
        if noise > ROUNDING_LIMIT:
            warnings.warn(
                f"nu = {nu:g} is so small that rounding alone puts a relative error of about "
                f"{noise:.1g} into the hypergradient; take a larger nu or a higher order.",
                RuntimeWarning,
                stacklevel=4,
            )

    def complete(self, problem: BilevelProblem, x: np.ndarray, y: np.ndarray) -> F2SAp:
        """These options with `lr_y` filled in; warns if the lower level is not strongly convex."""
        widest = float(np.abs(self.nodes()[0]).max() * values_of("nu", self.nu, 0, 1)[0])
        lr_y = default_step("lr_y", self.lr_y, problem, x, y, widest, self.lower_samples(problem))
        return dataclasses.replace(self, lr_y=lr_y)

    def nodes(self) -> tuple[np.ndarray, np.ndarray]:
        return finite_difference_coefficients(self.order)

    def sharing(self) -> bool | str:
        return self.shared_samples

    def outer_batches_of(self) -> tuple[int | None, int | None]:
        if isinstance(self.outer_batch_size, str):
            return self.batch_size, self.val_batch_size
        return self.outer_batch_size, self.outer_batch_size

    def chunk_text(self) -> tuple[Any, ...]:
        """The text of the outer loop and the constants it closes over."""
        return (make_chunk, int(self.normalize), int(self.recenter))

    def schedules(self, plan: Plan, first: int, n: int, totals: Totals) -> tuple[Any, Progress]:
        nu, lr_y, lr_x = (
            values_of(name, getattr(self, name), first, n) for name in ("nu", "lr_y", "lr_x")
        )
        lr = np.repeat(lr_y[:, np.newaxis], plan.n_groups, axis=1)
        return self.double_loop(plan, first, self.inner_steps, nu, lr, lr_x, {})

    def fixed(self, problem: BilevelProblem, plan: Plan) -> Any:
        return super().fixed(problem, plan)._replace(momentum=self.momentum)

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        """Theorem 3.1; the step of y is cut off at 1 / (2 L) where the noise is small."""
        p, kappa = s.order, s.kappa
        furthest = (p + 1) // 2
        nu = min(
            1.0 / (2.0 * kappa * furthest),
            (s.eps / (s.L * kappa ** (2 * p + 1))) ** (1.0 / p),
        )
        ratio = 0.0 if s.noise == "none" else (s.sigma / (nu * s.eps)) ** 2
        steps = math.log(1.0 + s.L * kappa / (nu * s.eps))
        options = {
            "order": p,
            "nu": nu,
            "lr_x": s.eps / (s.L * kappa**3),
            "lr_y": min(1.0, 1.0 / (kappa * ratio) if ratio else 1.0) / (2.0 * s.L),
            "inner_steps": math.ceil(kappa * max(1.0, kappa * ratio) * steps),
        }
        batch = _fewest(s.batch(ratio, 0), s.batch(ratio, 1)) if ratio else None
        return options | {"outer_batch_size": batch, "shared_samples": "outer"}


def _fewest(lower: int | None, upper: int | None) -> int | None:
    return None if lower is None or upper is None else min(lower, upper)
