"""Checks of the data of regression problems, whose targets are real numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from fastbilevel._arrays.dispatch import backend_of
from fastbilevel._arrays.placement import fetch
from fastbilevel._checks.data import Data, check_data
from fastbilevel._checks.dense import check_array


def check_regression_data(
    X: Any, y: Any, Xv: Any, yv: Any, **options: Any
) -> tuple[Data, np.ndarray, np.ndarray]:
    """Validate a training and a validation set of a regression task.

    Parameters
    ----------
    X, Xv : (n, d), (m, d) array_like or sparse
        Dense or sparse, both alike; n >= 2.
    y, yv : (n,), (m,) array_like
        Targets, finite real numbers.
    **options
        The other arguments of `check_data`.

    Returns
    -------
    data : Data
        Matrices, row weights and dtype; its labels mean nothing.
    targets, targets_v : (n,), (m,) arrays
        Read-only, of ``data.dtype``.
    """
    backend_of(X, y, Xv, yv)
    targets, targets_v = _check_targets(y, "y"), _check_targets(yv, "yv")
    if targets.size < 2:
        raise ValueError(f"y must hold at least two targets; it has {targets.size}.")
    # The rest is checked as for a classification task of two classes.
    labels = np.arange(targets.size) % 2
    labels_v = np.zeros(targets_v.size, int)
    # As lists they go with arrays of any library.
    data = check_data(X, labels.tolist(), Xv, labels_v.tolist(), **options)
    return data, _in_dtype(targets, data.dtype, "y"), _in_dtype(targets_v, data.dtype, "yv")


def _check_targets(value: Any, name: str) -> np.ndarray:
    if sp.issparse(value):
        raise TypeError(f"{name} must be a 1-D array of targets; got a sparse matrix.")
    array = check_array(fetch(value), name)
    if array.ndim != 1:
        raise ValueError(
            f"{name} must have one axis; got shape {array.shape}. A column is flattened by "
            f"{name}.reshape(-1)."
        )
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} must hold targets, real numbers; got dtype {array.dtype}. Class labels belong "
            "to HyperCleaning."
        )
    return array


def _in_dtype(targets: np.ndarray, dtype: np.dtype, name: str) -> np.ndarray:
    with np.errstate(over="ignore"):  # what overflows is found as inf below
        converted = targets.astype(dtype)
    wrong = np.flatnonzero(~np.isfinite(converted))
    if wrong.size:
        i = wrong[0]
        raise ValueError(f"{name} must be finite in {dtype}; element {i} is {targets[i]}.")
    converted.flags.writeable = False
    return converted
