"""What all hard instances share: float64, flat variables, one sample or numbered ones."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from fastbilevel._arrays.dispatch import backend_of
from fastbilevel._arrays.placement import fetch
from fastbilevel.problems.base import INFINITELY_MANY, BilevelProblem


class HardInstance(BilevelProblem):
    """Base of the hard instances.

    Parameters
    ----------
    x0, y0 : (n_x,), (n_y,) array_like
        Default starting point.
    infinite : bool
        Samples are numbered; the oracles on no rows are the exact expectation. Otherwise each
        level has one sample.
    """

    def __init__(self, x0: Any, y0: Any, *, infinite: bool = False):
        self.kernels = backend_of(x0, y0)
        self.dtype = np.dtype(np.float64)
        self.x0, self.y0 = (np.array(fetch(start), self.dtype) for start in (x0, y0))
        self.n_x, self.n_y = (start.size for start in self.start())
        self.lower_shape = (1, self.n_y)
        self.infinite = infinite
        self.n_lower = self.n_upper = INFINITELY_MANY if infinite else 1

    def following(self, *starts: Any) -> BilevelProblem:
        """This instance on the device if a starting point is there: its formulas hold no data."""
        given = [start for start in starts if hasattr(start, "shape")]
        kernels = backend_of(*given) if given else self.kernels
        if kernels.ON_DEVICE == self.kernels.ON_DEVICE:
            return self
        other = copy.copy(self)
        other.kernels, other._mirror = kernels, None
        return other


def positive_integer(value: Any, name: str) -> int:
    """`value` as an int of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer; got {value!r}.")
    if value < 1:
        raise ValueError(f"{name} must be at least 1; got {value}.")
    return int(value)


def finite_number(value: Any, name: str, *, zero: bool = False) -> float:
    """`value` as a positive float; 0 only if `zero`."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} must be a number; got {value!r}.")
    if not (np.isfinite(value) and (value > 0 or (zero and value == 0))):
        sign = "0 or more" if zero else "positive"
        raise ValueError(f"{name} must be finite and {sign}; got {value}.")
    return float(value)
