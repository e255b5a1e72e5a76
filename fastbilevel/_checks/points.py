"""Checks of the points and the samples at which callers evaluate a problem."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastbilevel._arrays.dispatch import backend_of
from fastbilevel._arrays.placement import fetch


def check_same_library(problem: Any, *values: Any) -> None:
    """Raise unless all arrays among `values` are where the problem's are."""
    device = problem.kernels.ON_DEVICE
    given = [value for value in values if hasattr(value, "shape")]
    if given and device != backend_of(*given).ON_DEVICE:
        there, here = ("CuPy", "NumPy") if device else ("NumPy", "CuPy")
        move = "cupy.asarray" if device else "cupy.asnumpy"
        raise TypeError(
            f"The problem holds {there} arrays, and an argument is an array of {here}. Nothing is "
            f"moved silently: convert the argument with {move}."
        )


def all_rows(n: int, infinite: bool) -> np.ndarray:
    """The row numbers of the full data; none for a level with infinitely many samples."""
    return np.arange(0 if infinite else n, dtype=np.int64)


def as_rows(rows: Any, n: int) -> np.ndarray:
    """`rows` as int64 numbers in [0, n)."""
    array = np.asarray(rows)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise TypeError(
            f"rows must be a 1-D array of integers; got shape {array.shape}, dtype {array.dtype}."
        )
    if array.size == 0 or array.min() < 0 or array.max() >= n:
        raise ValueError(f"rows must hold at least one number, all in [0, {n}).")
    return np.ascontiguousarray(array, dtype=np.int64)


def as_vector(value: Any, size: int, dtype: Any, name: str) -> np.ndarray:
    """`value` as a C-contiguous vector of `size` numbers of `dtype`; a copy only if needed."""
    array = np.ascontiguousarray(fetch(value), dtype=dtype).reshape(-1)
    if array.size != size:
        raise ValueError(f"{name} must have {size} elements; got {array.size}.")
    return array
