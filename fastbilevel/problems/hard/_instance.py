"""What all hard instances share: float64, flat variables, one sample or numbered ones."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from fastbilevel._arrays.dispatch import backend_of
from fastbilevel._checks.arrays import check_vector
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
        self.x0, self.y0 = check_vector("x0", x0), check_vector("y0", y0)
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
