"""F2SA-p: a fully-first-order method whose hypergradient is a p-th order finite difference."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastbilevel import _random
from fastbilevel._curvature import ConditioningWarning, curvature_range, is_cheap
from fastbilevel._problem import Plan
from fastbilevel._random import Sampler, make_sampler
from fastbilevel._schedules import Schedule, values_of
from fastbilevel._stencil import finite_difference_coefficients
from fastbilevel.methods._options import (
    Options,
    check_batch,
    check_flag,
    check_fraction,
    check_integer,
    check_positive,
)

if TYPE_CHECKING:
    from fastbilevel._problem import BilevelProblem

ROUNDING_LIMIT = 0.01


def make_chunk(k: Any, normalize: int, recenter: int) -> Any:
    """Outer iterations of F2SA-p, Algorithms 1 (even order) and 2 (odd order)."""

    def chunk(oracles, data, work, samplers, state, stencil, bounds, schedules, fixed, first, n):
        perturbed_descent, perturbed_gradient = oracles
        x, Y, m, phi, weights, norms, flag = state
        offsets, alpha, positive = stencil
        lower, upper = bounds
        nu, lr_y, lr_x = schedules
        rows, g, cols, inner_steps, momentum = fixed
        for t in range(n):
            k.vector.scale(nu[t], offsets, weights)
            if recenter:
                k.vector.recenter(Y, positive, rows, g, cols)
            perturbed_descent(
                data, samplers, work, x, Y, weights, lr_y[t], inner_steps, (first + t) * inner_steps
            )
            perturbed_gradient(data, samplers, work, x, Y, weights, alpha, nu[t], first + t, phi)
            k.vector.normalized_momentum(
                x, m, phi, lr_x[t], momentum, normalize, lower, upper, norms[t : t + 1], flag
            )

    return chunk


@dataclass(frozen=True, kw_only=True)
class F2SAp(Options):
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

    References
    ----------
    Theorem 3.1 gives O(p kappa**(9 + 2/p) eps**(-4 - 2/p)) oracle calls.
    """

    name: ClassVar[str] = "f2sa-p"
    requires: ClassVar[tuple[str, ...]] = (
        "grad_lower_y",
        "grad_upper_y",
        "grad_lower_x",
        "grad_upper_x",
        "value_upper",
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
        check_integer("order", self.order, 1)
        check_integer("inner_steps", self.inner_steps, 1)
        check_positive("nu", self.nu)
        self._warn_of_rounding(np.finfo(problem.dtype).eps)
        check_positive("lr_x", self.lr_x)
        if self.lr_y is not None:
            check_positive("lr_y", self.lr_y)
        check_fraction("momentum", self.momentum)
        for flag in ("normalize", "recenter"):
            check_flag(flag, getattr(self, flag))
        if self.shared_samples != "outer":
            check_flag("shared_samples", self.shared_samples)
        if self.outer_batch_size != "same":
            if isinstance(self.outer_batch_size, str):
                raise ValueError(
                    "outer_batch_size must be a number of rows, None for all of them, or 'same'; "
                    f"got {self.outer_batch_size!r}."
                )
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
        if self.lr_y is not None and not is_cheap(problem):
            return self
        smallest, largest = curvature_range(problem, x, y)
        if smallest <= 0:
            warnings.warn(
                f"The lower objective is not strongly convex at the starting point (a curvature "
                f"of {smallest:.3g} was found), so y*(x) may not be unique; add a ridge penalty.",
                ConditioningWarning,
                stacklevel=3,
            )
        if self.lr_y is not None:
            return self
        widest = float(np.abs(self.stencil()[0]).max() * values_of("nu", self.nu, 0, 1)[0])
        steepest = max(largest, curvature_range(problem, x, y, widest)[1])
        if not steepest > 0:
            raise ValueError(
                "lr_y could not be chosen: the lower objective has no positive curvature at the "
                "starting point. Give lr_y."
            )
        return dataclasses.replace(self, lr_y=1.0 / steepest)

    def stencil(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Offsets, coefficients and signs, (n_groups, g) each; groups pair neighbours in size."""
        offsets, alpha = finite_difference_coefficients(self.order)
        pairing = np.argsort(np.abs(offsets), kind="stable")
        g = 2 if self.shared_samples is True else 1
        shape = (len(offsets) // g, g)
        offsets = offsets[pairing].reshape(shape)
        positive = (offsets > 0).astype(np.int64)
        return offsets.astype(np.float64), alpha[pairing].reshape(shape), positive

    def plan(self, problem: BilevelProblem, key: tuple[int, int], n_threads: int) -> Plan:
        """Samplers and stacking of the lower iterates."""
        same = self.outer_batch_size == "same"

        def sampler(n: int, stream: int, batch: Any) -> Sampler:
            return make_sampler(n, batch, self.sampling, stream, key, problem.infinite)

        lower, upper = partial(sampler, problem.n_lower), partial(sampler, problem.n_upper)

        n_groups, g = self.stencil()[0].shape
        return Plan(
            lower=lower(_random.LOWER, self.batch_size),
            upper=upper(_random.UPPER, self.val_batch_size),
            outer_lower=lower(
                _random.OUTER_LOWER, self.batch_size if same else self.outer_batch_size
            ),
            outer_upper=upper(
                _random.OUTER_UPPER, self.val_batch_size if same else self.outer_batch_size
            ),
            n_groups=n_groups,
            g=g,
            independent=self.shared_samples is not True,
            outer_independent=self.shared_samples is False,
            n_threads=n_threads,
        )

    def chunk_text(self) -> tuple[Any, ...]:
        """The text of the outer loop and the constants it closes over."""
        return (make_chunk, int(self.normalize), int(self.recenter))

    def schedules(self, first: int, n: int) -> tuple[np.ndarray, ...]:
        """nu, lr_y and lr_x at iterations first, ..., first + n - 1."""
        names = ("nu", "lr_y", "lr_x")
        return tuple(values_of(name, getattr(self, name), first, n) for name in names)

    def fixed(self, problem: BilevelProblem, plan: Plan) -> tuple[Any, ...]:
        """Shape of a group of lower iterates, and options that do not change during the run."""
        rows, cols = problem.lower_shape
        return rows, plan.g, cols, self.inner_steps, float(self.momentum)

    def lower_estimate(self) -> np.ndarray:
        """Weights (n_groups, g) of the stacked iterates in the estimate of y*(x)."""
        offsets = self.stencil()[0]
        nearest = np.abs(offsets) == np.abs(offsets).min()
        return nearest / nearest.sum()

    def oracle_calls(self, plan: Plan) -> dict[str, int]:
        """Single-sample oracle calls of one outer iteration (algorithms 10)."""
        offsets = self.stencil()[0]
        q, perturbed = offsets.size, np.count_nonzero(offsets)
        rows = [
            1 if s.batch == 0 else s.batch
            for s in (plan.lower, plan.upper, plan.outer_lower, plan.outer_upper)
        ]
        return {
            "f_x": int(perturbed * rows[3]),
            "f_y": int(perturbed * self.inner_steps * rows[1]),
            "g_x": int(q * rows[2]),
            "g_y": int(q * self.inner_steps * rows[0]),
            "hvp": 0,
            "jvp": 0,
        }
