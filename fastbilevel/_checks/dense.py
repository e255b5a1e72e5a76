"""Checks of dense arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastbilevel._checks.caller import warn_caller

# Rows are searched for NaN in pieces of about so many elements, to keep the scratch small.
PIECE = 1 << 20
# Dense data above this size that are mostly zeros get a hint to use a sparse matrix.
LARGE_BYTES = 1 << 30
MOSTLY_ZEROS = 0.1


def check_array(value: Any, name: str) -> np.ndarray:
    """`value` as a plain array without a copy, if it is one of the kinds that mean what they hold.

    Raises
    ------
    TypeError
        For masked arrays (their mask would be lost) and `numpy.matrix` (its products differ).
    """
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must not be a masked array: fill the missing values, {name}.filled(...)."
        )
    if isinstance(value, np.matrix):
        raise TypeError(f"{name} must not be a numpy.matrix: pass numpy.asarray({name}).")
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} could not be read as an array: {error}.") from None


def check_dense(X: np.ndarray, name: str, dtype: np.dtype, check_finite: bool) -> np.ndarray:
    """`X` as a read-only, aligned, C-ordered array of `dtype`; copied only where it is not one.

    Parameters
    ----------
    X : (n, d) array
        From `check_array`.
    name : str
        What the caller knows it by.
    dtype : numpy.dtype
        float32 or float64.
    check_finite : bool
        Search for NaN and inf.
    """
    with np.errstate(over="ignore"):  # what overflows is found as inf below
        matrix = np.require(X, dtype, ["C_CONTIGUOUS", "ALIGNED"]).view()
    matrix.flags.writeable = False
    if check_finite:
        _check_finite(matrix, name)
    if matrix.nbytes > LARGE_BYTES:
        _hint_at_sparse(matrix, name)
    return matrix


def _check_finite(matrix: np.ndarray, name: str) -> None:
    rows = max(1, PIECE // matrix.shape[1])
    for start in range(0, matrix.shape[0], rows):
        piece = matrix[start : start + rows]
        if not np.isfinite(piece).all():
            row, col = np.argwhere(~np.isfinite(piece))[0]
            raise not_finite(name, piece[row, col], start + row, col)


def not_finite(name: str, value: float, row: int, col: int) -> ValueError:
    """The error for a value that is NaN or inf."""
    what = "NaN" if np.isnan(value) else "infinity"
    return ValueError(
        f"{name} contains {what} (first at row {row}, col {col}). Remove or impute such values, or "
        "pass check_finite=False to let them through."
    )


def _hint_at_sparse(matrix: np.ndarray, name: str) -> None:
    sample = matrix[:: max(1, matrix.shape[0] // 1000)]
    filled = np.count_nonzero(sample) / sample.size
    if filled < MOSTLY_ZEROS:
        warn_caller(
            f"{name} takes {matrix.nbytes / 2**20:.0f} MB and about {100 * (1 - filled):.0f} % of "
            "it are zeros: scipy.sparse.csr_array would be smaller and faster.",
        )
