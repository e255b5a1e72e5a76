"""Checks of what comes with the rows of a matrix as real numbers: targets and row weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastbilevel._arrays.tuples import read_only
from fastbilevel._checks.arrays import check_real, to_array


def check_targets(name: str, value: Any) -> np.ndarray:
    """Targets of a regression as they are: a vector of real numbers."""
    array = to_array(name, value)
    if array.ndim != 1:
        raise ValueError(
            f"{name} must have one axis; got shape {array.shape}. A column is flattened by "
            f"numpy.ravel({name}); several targets are not supported."
        )
    if array.dtype.kind in "OSUT":
        raise TypeError(
            f"{name} must hold targets, real numbers; got dtype {array.dtype}. Class labels belong "
            "to HyperCleaning; numbers are converted by .astype(float)."
        )
    return check_real(name, array)


def targets_in(name: str, targets: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Targets in the working dtype, read-only, finite there."""
    with np.errstate(over="ignore"):  # what overflows is found as inf below
        converted = targets.astype(dtype)
    wrong = np.flatnonzero(~np.isfinite(converted))
    if wrong.size:
        i = wrong[0]
        what = " A missing target: leave such rows out." if np.isnan(converted[i]) else ""
        raise ValueError(f"{name} must be finite in {dtype}; element {i} is {targets[i]}.{what}")
    return read_only(converted)


def check_row_weights(name: str, value: Any, n: int, dtype: np.dtype) -> np.ndarray:
    """Row weights of mean 1, read-only; ones if `value` is None."""
    if value is None:
        return read_only(np.ones(n, dtype))
    array = check_real(name, to_array(name, value))
    if array.shape != (n,):
        way = f" Flatten it: numpy.ravel({name})." if array.size == n > 1 else ""
        raise ValueError(f"{name} must have shape ({n},), one per row; got {array.shape}.{way}")
    array = array.astype(np.float64)
    wrong = np.flatnonzero(~(np.isfinite(array) & (array >= 0.0)))
    if wrong.size:
        raise ValueError(
            f"{name} must be finite and not negative; element {wrong[0]} is {array[wrong[0]]}."
        )
    if not array.any():
        raise ValueError(f"{name} must not be zero everywhere.")
    # By the largest first: the sum of large ones would overflow, that of tiny ones underflow.
    array /= array.max()
    return read_only((array / array.mean()).astype(dtype))
