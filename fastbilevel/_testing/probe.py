"""A problem under test: a point, directions, and the errors seen so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastbilevel.problems.base import BilevelProblem
from fastbilevel.problems.oracle_table import SIMPLE


@dataclass
class Probe:
    """A problem, a point, directions, and the errors seen so far.

    Attributes
    ----------
    problem : BilevelProblem
    rng : numpy.random.Generator
    x, y : (n_x,), (n_y,) arrays
        A point near (x0, y0).
    rtol : float
        Allowed relative error of what is compared with finite differences.
    errors : dict of str to float
        Largest error of every check, relative to a scale that grows where rounding shows.
    """

    problem: BilevelProblem
    rng: np.random.Generator
    x: np.ndarray
    y: np.ndarray
    rtol: float
    errors: dict[str, float] = field(default_factory=dict)

    @property
    def eps(self) -> float:
        """Rounding unit of the problem's dtype."""
        return float(np.finfo(self.problem.dtype).eps)

    @property
    def names(self) -> list[str]:
        """The problem's oracles."""
        return [name for name in SIMPLE if name in self.problem.oracles]

    def has(self, *names: str) -> bool:
        """True if the problem has all these oracles."""
        return self.problem.oracles.issuperset(names)

    def unit(self, size: int) -> np.ndarray:
        """A random vector of length 1."""
        v = self.rng.standard_normal(size)
        return v / np.linalg.norm(v)

    def vectors(self, name: str) -> tuple[np.ndarray, ...]:
        """A random vector if the oracle is a product, else nothing."""
        return (self.unit(self.problem.n_y),) if SIMPLE[name].is_product else ()

    def call(self, name: str, *vectors: np.ndarray, rows: Any = None) -> np.ndarray:
        """The oracle at the point, float64."""
        oracle = getattr(self.problem, name)
        return np.asarray(oracle(self.x, self.y, *vectors, rows=rows), np.float64)

    def agree(
        self, check: str, error: float, scale: float, sentence: str, *, rtol: float, floor: float
    ) -> None:
        """Record `error` as a multiple of scale + floor/rtol; raise if that is more than rtol."""
        allowed = rtol * scale + floor
        relative = rtol * error / allowed if allowed else 0.0
        self.errors[check] = max(relative, self.errors.get(check, 0.0))
        if not error <= allowed:
            raise AssertionError(
                f"{type(self.problem).__name__}: {sentence} They differ by {error:.3g}; at most "
                f"{allowed:.3g} is allowed."
            )
