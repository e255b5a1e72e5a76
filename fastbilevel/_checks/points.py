"""Checks of the points and the samples at which callers evaluate a problem."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastbilevel._arrays.dispatch import backend_of
from fastbilevel._checks.arrays import to_array


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


def check_samples(name: str, rows: Any, n: int) -> np.ndarray:
    """`rows` as int64 numbers in [0, n)."""
    array = to_array(name, rows)
    if array.ndim == 1 and array.size == 0:
        raise ValueError(f"{name} must hold at least one number, all in [0, {n}); it is empty.")
    if array.ndim != 1 or array.dtype.kind not in "iu":
        hint = f" A mask becomes numbers by numpy.flatnonzero({name})."
        raise TypeError(
            f"{name} must be a 1-D array of integers; got shape {array.shape}, dtype "
            f"{array.dtype}.{hint if array.dtype.kind == 'b' else ''}"
        )
    if array.min() < 0 or array.max() >= n:
        raise ValueError(
            f"{name} must hold at least one number, all in [0, {n}); they reach from "
            f"{array.min()} to {array.max()}."
        )
    return np.ascontiguousarray(array, dtype=np.int64)
