"""Checks of dense arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastbilevel._arrays.tuples import read_only
from fastbilevel._checks.caller import warn_caller

# Rows are searched for NaN in pieces of about so many elements, to keep the scratch small.
PIECE = 1 << 20
# Dense data above this size that are mostly zeros get a hint to use a sparse matrix.
LARGE_BYTES = 1 << 30
MOSTLY_ZEROS = 0.1


def check_dense(X: np.ndarray, name: str, dtype: np.dtype, check_finite: bool) -> np.ndarray:
    """`X` as a read-only, aligned, C-ordered array of `dtype`; copied only where it is not one.

    Parameters
    ----------
    X : (n, d) array
        Of real numbers.
    name : str
        What the caller knows it by.
    dtype : numpy.dtype
        float32 or float64.
    check_finite : bool
        Search for NaN, inf, and numbers whose products overflow.
    """
    with np.errstate(over="ignore"):  # what overflows is found as inf below
        matrix = read_only(np.require(X, dtype, ["C_CONTIGUOUS", "ALIGNED"]))
    if check_finite:
        _check_finite(matrix, name, X)
    if matrix.nbytes > LARGE_BYTES:
        _hint_at_sparse(matrix, name)
    return matrix


def _check_finite(matrix: np.ndarray, name: str, given: np.ndarray) -> None:
    limit = largest_allowed(matrix.dtype)
    rows = max(1, PIECE // matrix.shape[1])
    for start in range(0, matrix.shape[0], rows):
        piece = matrix[start : start + rows]
        if not all_within(piece.reshape(-1), limit):
            row, col = np.argwhere(~(np.abs(piece) <= limit))[0]
            raise not_finite(name, given[start + row, col], start + row, col, matrix.dtype)


def all_within(values: np.ndarray, limit: float) -> bool:
    """True if no element is larger than `limit` in size, and none is NaN."""
    with np.errstate(over="ignore", invalid="ignore"):
        squares = float(np.dot(values, values))
    # Comparisons with NaN are false.
    return squares <= limit**2 or bool((np.abs(values) <= limit).all())


def largest_allowed(dtype: np.dtype) -> float:
    """Bound of the elements of X: sums of products of two of them do not overflow."""
    return float(np.sqrt(np.finfo(dtype).max)) / 1024.0


def not_finite(name: str, value: Any, row: int, col: int, dtype: np.dtype) -> ValueError:
    """The error for a value that is NaN, inf or too large for `dtype`."""
    where = f"(first at row {row}, col {col})"
    if np.isfinite(value) and abs(float(value)) > float(np.finfo(dtype).max):
        return ValueError(
            f"{name} contains infinity {where}: {float(value):.3g} is beyond the range of {dtype}. "
            "Scale the features, or pass dtype='float64'."
        )
    if np.isfinite(value):
        return ValueError(
            f"{name} contains {float(value):.3g} {where}, so large that products overflow in "
            f"{dtype}. Scale the features, for example to unit variance."
        )
    what = "NaN" if np.isnan(value) else "infinity"
    return ValueError(
        f"{name} contains {what} {where}. Remove or impute such values, or pass "
        "check_finite=False to let them through."
    )


def _hint_at_sparse(matrix: np.ndarray, name: str) -> None:
    sample = matrix[:: max(1, matrix.shape[0] // 1000)]
    filled = np.count_nonzero(sample) / sample.size
    if filled < MOSTLY_ZEROS:
        warn_caller(
            f"{name} takes {matrix.nbytes / 2**20:.0f} MB and about {100 * (1 - filled):.0f} % of "
            "it are zeros: scipy.sparse.csr_array would be smaller and faster.",
        )
