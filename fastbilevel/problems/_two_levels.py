"""What problems on two data sets share, one of training rows and one of validation rows."""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import Any, Self

import numpy as np

from fastbilevel._arrays.placement import place
from fastbilevel._arrays.tuples import map_tuple, with_floats
from fastbilevel._checks import frames
from fastbilevel._checks.arrays import check_vector
from fastbilevel._checks.matrices import check_dtype
from fastbilevel._checks.points import check_same_library
from fastbilevel.kernels.reference.weights import NONE
from fastbilevel.problems.base import BilevelProblem


class TwoLevels(BilevelProblem):
    """Base of the problems that hold a `Side` for each level and may weigh training rows."""

    # Training and validation data.
    _sides: tuple[Any, ...]
    # The function s of the weights family by which x weighs training rows.
    _kind = NONE
    # Attributes that it prints.
    _told: tuple[str, ...]
    _sparse: bool
    # The names of the training rows, if they came with any.
    _index: Any = None

    def astype(self, dtype: Any) -> Self:
        """This problem with its arrays in another dtype; itself if it has that dtype already."""
        dtype = check_dtype(dtype)
        if dtype == self.dtype:
            return self
        other = copy.copy(self)
        other.dtype = dtype
        other.x0, other.y0 = self.x0.astype(dtype), self.y0.astype(dtype)
        other._sides = map_tuple(lambda side: with_floats(other.dtype, side), self._sides)
        return other

    def row_weights(self, x: Any) -> Any:
        """s(x_i) of every training row, (n,) float64; a Series if X was a frame, with its index."""
        return frames.with_index(self._index, self._row_weights(x))

    def _row_weights(self, x: Any) -> Any:
        check_same_library(self, x)
        n = self.n_lower
        x = check_vector("x", x, n, self.dtype, finite=False, copy=False)
        arrays = x, np.empty(n), np.empty(1), np.arange(n), np.ones(n, self.dtype)
        x, weights, shift, rows, ones = place(self.kernels, arrays)
        family = self.kernels.weights
        family.shift_of(self._kind, x, shift)
        family.row_coefficients(self._kind, x, shift[0], ones, rows, 1.0, weights)
        return weights

    def facts(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in self._told}
        sizes = {"rows": self.n_lower, "validation_rows": self.n_upper}
        if self._sparse:
            sizes["nonzeros"] = sum(side.X[-1].size for side in self._sides)
        return told | sizes | self._columns_of_data() | self._place()

    def heavy_rows(self, level: str, count: int) -> np.ndarray:
        return self.keep(f"heavy {level}", (count,), lambda latest: self._search(level, count))

    def _search(self, level: str, count: int) -> np.ndarray:
        side = self._sides[level == "upper"]
        X = side.X
        if not isinstance(X[-1], np.ndarray):
            # On a device a search would be a kernel of its own.
            return super().heavy_rows(level, count)
        if self._sparse:
            indptr, _, values = X
            occupied = np.flatnonzero(np.diff(indptr))
            norms = np.zeros(indptr.size - 1)
            norms[occupied] = np.add.reduceat(np.square(values), indptr[occupied])
        else:
            norms = np.einsum("ij,ij->i", X[0], X[0])
        norms = norms * side.weight
        return np.argpartition(norms, -min(count, norms.size))[-count:]

    @abstractmethod
    def _columns_of_data(self) -> dict[str, int]:
        """How many features there are, and classes if there are any."""

    def metrics(self, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
        found = self.evaluate_all(x, y)
        return {name: value for name, value in found.items() if name != "fun"}
