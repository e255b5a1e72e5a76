"""Checks of dense arrays that stay on a device."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastbilevel._checks.dense import largest_allowed, not_finite


def check_dense_on_device(xp: Any, X: Any, name: str, dtype: np.dtype, check_finite: bool) -> Any:
    """`X` as a C-ordered device array of `dtype`; copied only where it is not one.

    Parameters
    ----------
    xp : module
        CuPy.
    X : (n, d) array
    name : str
        What the caller knows it by.
    dtype : numpy.dtype
        float32 or float64.
    check_finite : bool
        Search for NaN, inf, and numbers whose products overflow.
    """
    matrix = xp.ascontiguousarray(X, dtype=dtype)
    limit = largest_allowed(dtype)
    if check_finite and not bool((xp.abs(matrix) <= limit).all()):
        row, col = (int(i) for i in xp.argwhere(~(xp.abs(matrix) <= limit))[0].get())
        raise not_finite(name, matrix[row, col].get(), row, col, dtype)
    return matrix
