"""Where arrays live: on the host for NumPy's kernels, on the device for those of CUDA.

Problems and methods prepare everything in NumPy. What the texts read and write is placed once, at
the border; small tables that texts look at (weights of offsets, schedules) stay on the host.
"""

from __future__ import annotations

import functools
import sys
from types import ModuleType
from typing import Any

import numpy as np

from fastbilevel._arrays.tuples import map_tuple


def is_device_array(value: Any) -> bool:
    """True for CuPy arrays and sparse matrices; CuPy is not imported to find out."""
    return type(value).__module__.partition(".")[0] in ("cupy", "cupyx")


def is_sparse(value: Any) -> bool:
    """True for the sparse matrices of CuPy."""
    return type(value).__module__.partition(".")[0] == "cupyx"


def library_of(k: ModuleType) -> Any:
    """The array library of the kernels `k`: NumPy, or CuPy, which the caller has imported."""
    return sys.modules["cupy"] if k.ON_DEVICE else np


def fetch(value: Any) -> Any:
    """A device array as one of NumPy, a device sparse matrix as one of SciPy; all else as it is."""
    return value.get() if is_device_array(value) else value


def place(k: ModuleType, value: Any) -> Any:
    """`value` with every NumPy array in its tuples where the kernels `k` need it."""
    if not k.ON_DEVICE:
        return value
    if isinstance(value, tuple):
        return map_tuple(functools.partial(place, k), value)
    return library_of(k).asarray(value) if isinstance(value, np.ndarray) else value


class Mirror:
    """Device copies of host arrays that do not change, each made once."""

    def __init__(self) -> None:
        # The host array is kept too: its identity stays its own.
        self._copies: dict[int, tuple[np.ndarray, Any]] = {}

    def place(self, k: ModuleType, value: Any) -> Any:
        """As `place`, but an array placed before is not placed again."""
        if not k.ON_DEVICE:
            return value
        if isinstance(value, tuple):
            return map_tuple(functools.partial(self.place, k), value)
        if not isinstance(value, np.ndarray):
            return value
        if id(value) not in self._copies:
            self._copies[id(value)] = value, place(k, value)
        return self._copies[id(value)][1]
