"""Checks of sparse matrices."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import scipy.sparse as sp

from fastbilevel._checks.dense import all_within, largest_allowed, not_finite

logger = logging.getLogger("fastbilevel")


def check_sparse(X: Any, name: str, dtype: np.dtype, check_finite: bool) -> sp.csr_array:
    """`X` as a canonical CSR array of `dtype`: sorted, without duplicates, indices in range.

    Parameters
    ----------
    X : (n, d) sparse matrix or array
        Any format; not changed. Arrays that are canonical are shared with the result.
    name : str
        What the caller knows it by.
    dtype : numpy.dtype
        float32 or float64.
    check_finite : bool
        Search the stored values for NaN, inf, and numbers whose products overflow.
    """
    _check_structure(X, name)
    # Duplicates of booleans are one True, not two.
    summed = X.dtype if X.dtype == bool else dtype
    with np.errstate(over="ignore"):  # what overflows is found as inf below
        if X.format != "csr":
            logger.info("%s is converted from %s to CSR.", name, X.format.upper())
            X = X.astype(summed).tocsr()
            _check_structure(X, name)
        values = X.data.astype(summed, copy=False)
    stored = int(X.indptr[-1])
    matrix = sp.csr_array((values[:stored], X.indices[:stored], X.indptr), shape=X.shape)
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    matrix.data = matrix.data.astype(dtype, copy=False)
    if matrix.indices.dtype != X.indices.dtype:
        # SciPy narrows indices where it can; the caller's choice is kept.
        matrix.indices = matrix.indices.astype(np.int64)
    if check_finite:
        _check_finite(matrix, name)
    return matrix


def _check_structure(X: Any, name: str) -> None:
    """Raise unless all stored indices are in range: compiled code would read beyond its arrays."""
    n, d = X.shape
    if X.format == "coo":
        for axis, size, index in (("row", n, X.row), ("column", d, X.col)):
            _check_range(index, size, name, axis)
            if index.shape != X.data.shape:
                raise ValueError(
                    f"{name} must have as many {axis} indices as values, {X.data.size}; got "
                    f"{index.size}."
                )
    elif X.format == "csc":
        _check_compressed(X, name, d, n, "row")
    elif X.format == "csr":
        _check_compressed(X, name, n, d, "column")
    elif X.format == "bsr":
        height, width = X.blocksize
        _check_compressed(X, name, n // height, d // width, "block column")


def _check_compressed(X: Any, name: str, major: int, minor: int, axis: str) -> None:
    pointer, index = X.indptr, X.indices
    for part, array in (("indptr", pointer), ("indices", index)):
        if array.ndim != 1:
            raise ValueError(f"{name}.{part} must have one axis; got shape {array.shape}.")
    if X.data.ndim != (3 if X.format == "bsr" else 1):
        raise ValueError(f"{name}.data has shape {X.data.shape}, which does not fit its format.")
    if pointer.dtype.kind not in "iu":
        raise TypeError(f"{name}.indptr must hold integers; got dtype {pointer.dtype}.")
    if pointer.shape != (major + 1,) or pointer[0] != 0:
        raise ValueError(
            f"{name}.indptr must have {major + 1} elements and begin with 0; it has "
            f"{pointer.size} and begins with {pointer[:1].tolist()}."
        )
    falling = np.flatnonzero(pointer[1:] < pointer[:-1])
    if falling.size:
        raise ValueError(f"{name}.indptr must not decrease; it does after element {falling[0]}.")
    if pointer[-1] > min(index.size, X.data.shape[0]):
        raise ValueError(
            f"{name}.indptr ends with {pointer[-1]}, but there are {index.size} indices and "
            f"{X.data.shape[0]} values."
        )
    _check_range(index[: pointer[-1]], minor, name, axis)


def _check_range(index: np.ndarray, size: int, name: str, axis: str) -> None:
    if index.dtype.kind not in "iu":
        raise TypeError(
            f"{name}.indices must be integers; the {axis} indices have dtype {index.dtype}."
        )
    if index.size and (index.min() < 0 or index.max() >= size):
        wrong = index[(index < 0) | (index >= size)][0]
        raise ValueError(f"{name} has the {axis} index {wrong}; it must be in [0, {size}).")


def _check_finite(matrix: sp.csr_array, name: str) -> None:
    values, limit = matrix.data, largest_allowed(matrix.dtype)
    if not all_within(values, limit):
        bad = np.flatnonzero(~(np.abs(values) <= limit))[0]
        row = int(np.searchsorted(matrix.indptr, bad, side="right")) - 1
        raise not_finite(name, values[bad], row, int(matrix.indices[bad]), values.dtype)
