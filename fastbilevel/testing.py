"""Checks that users can run on their own problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastbilevel._checks.values import check_number, check_seed
from fastbilevel._numerics.lower_solver import in_float64
from fastbilevel._testing import derivatives as checks
from fastbilevel._testing.probe import Probe
from fastbilevel._testing.purity import check_outputs, check_purity
from fastbilevel.problems.base import BilevelProblem, require_problem
from fastbilevel.problems.on_host import on_host
from fastbilevel.problems.oracle_table import SIMPLE

__all__ = ["ProblemReport", "check_problem"]


@dataclass(frozen=True)
class ProblemReport:
    """What `check_problem` looked at.

    Attributes
    ----------
    errors : dict of str to float
        Largest error that every check saw, relative to a scale that grows where rounding shows.
    skipped : tuple of str
        One sentence for each check that could not be made.
    """

    errors: dict[str, float]
    skipped: tuple[str, ...]

    def __str__(self) -> str:
        width = max(map(len, self.errors))
        lines = [f"{name:{width}}  {error:.1e}" for name, error in self.errors.items()]
        return "\n".join([*lines, *self.skipped])


def check_problem(
    problem: BilevelProblem, *, seed: Any = 0, rtol: float | None = None
) -> ProblemReport:
    """Test the oracles of a problem against each other at a random point near (x0, y0).

    - Outputs are finite and have the right shape and dtype.
    - Oracles change nothing but their output, give the same answer twice and whatever was called
      in between.
    - Gradients equal central differences of the values, and products with g_yy and g_xy those of
      the gradients; g_yy is symmetric; g_x and g_y (f_x and f_y) are gradients of one function.
    - The mean over minibatches that share out the rows is the oracle on all rows.

    A float32 problem that can be converted is compared with differences in float64, and then with
    its float64 self.

    Parameters
    ----------
    problem : BilevelProblem
    seed : int or numpy.random.Generator
        Of the point and the directions.
    rtol : float, optional
        Allowed relative error where differences are compared; 1e-6 by default, 2e-3 where they
        have to be taken in float32.

    Returns
    -------
    ProblemReport

    Raises
    ------
    AssertionError
        If an oracle is wrong; the sentence names it and gives the figures.
    TypeError
        If `problem` is not a problem.

    Examples
    --------
    >>> import fastbilevel as fb
    >>> report = fb.testing.check_problem(fb.problems.Quadratic.random())
    >>> max(report.errors.values()) < 1e-6
    True
    """
    require_problem(problem)
    problem = on_host(problem)
    rng = np.random.default_rng(check_seed("seed", seed))
    if rtol is not None:
        rtol = check_number("rtol", rtol, above=0)
    precise = in_float64(problem)
    if rtol is None:
        rtol = 1e-6 if precise.dtype == np.float64 else 2e-3
    x, y = _near(problem.x0, rng), _near(problem.y0, rng)
    if problem.default_bounds is not None:
        x = np.clip(x, *problem.default_bounds)
    given = Probe(problem, rng, x, y, rtol)
    wide = precise.dtype
    double = Probe(precise, rng, x.astype(wide), y.astype(wide), rtol, given.errors)

    check_outputs(given)
    check_purity(given)
    steps: list[Callable[[Probe], None]] = [
        checks.check_gradients,
        checks.check_products,
        checks.check_symmetry,
        checks.check_mixed_derivatives,
    ]
    for step in steps:
        step(double)
    skipped = [
        f"{name} was not checked: {type(problem).__name__} does not have it."
        for name in SIMPLE
        if name not in problem.oracles
    ]
    if problem.infinite:
        skipped.append("Minibatches were not compared with the full data: there are no full data.")
    else:
        checks.check_minibatches(given)
    if precise is not problem:
        checks.check_precision(given, precise)
    return ProblemReport(given.errors, tuple(skipped))


def _near(start: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random point about a tenth of the size of `start`, or of 1, away from it."""
    size = max(1.0, float(np.sqrt(np.mean(np.square(start, dtype=np.float64)))))
    return (start + 0.1 * size * rng.standard_normal(start.size)).astype(start.dtype)
