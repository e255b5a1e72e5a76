"""Checks of the data that callers hand to problems, raised before any work is done.

Data sets come in pairs, training and validation. What is canonical already is used as it is; the
caller's arrays are never changed.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from fastbilevel._checks.labels import encode_labels
from fastbilevel._checks.matrices import Matrices, check_matrices, check_rows
from fastbilevel._checks.targets import check_row_weights, check_targets, targets_in


class Data(NamedTuple):
    """A canonical pair of data sets of a classification task.

    Attributes
    ----------
    X, Xv : (n, d), (m, d) arrays
    index : pandas.Index or None
    dtype : numpy.dtype
    kernels : module
        See `Matrices`.
    weight, weight_v : (n,), (m,) arrays
        Row weights with mean 1, of `dtype`.
    labels, labels_v : (n,), (m,) int32 arrays
        Positions in `classes`.
    classes : (C,) array
        The labels of the training data.
    """

    X: Any
    Xv: Any
    index: Any
    dtype: np.dtype
    kernels: ModuleType
    weight: np.ndarray
    weight_v: np.ndarray
    labels: np.ndarray
    labels_v: np.ndarray
    classes: np.ndarray


class RegressionData(NamedTuple):
    """A canonical pair of data sets of a regression task: as `Data`, with targets for labels."""

    X: Any
    Xv: Any
    index: Any
    dtype: np.dtype
    kernels: ModuleType
    weight: np.ndarray
    weight_v: np.ndarray
    targets: np.ndarray
    targets_v: np.ndarray


def check_data(X: Any, y: Any, Xv: Any, yv: Any, **options: Any) -> Data:
    """Validate a training and a validation set of a classification task.

    Parameters
    ----------
    X, Xv : (n, d), (m, d) array_like or sparse
        Dense or sparse, both alike.
    y, yv : (n,), (m,) array_like
        Labels: integers, integral floats, booleans or strings. Every class of `yv` occurs in `y`.
    **options
        `sample_weight`, `sample_weight_val`, (n,), (m,) array_like: not negative, not all zero,
        scaled to mean 1; `dtype` and `check_finite` of `check_matrices`.
    """
    matrices, weights = _weighted(X, y, Xv, yv, **options)
    classes, labels, labels_v = encode_labels(y, yv)
    _check_sizes(matrices, labels, labels_v, "label")
    return Data(*matrices, *weights, labels, labels_v, classes)


def check_regression_data(X: Any, y: Any, Xv: Any, yv: Any, **options: Any) -> RegressionData:
    """Validate a training and a validation set of a regression task.

    As `check_data`, but y and yv hold targets, finite real numbers.
    """
    matrices, weights = _weighted(X, y, Xv, yv, **options)
    targets, targets_v = check_targets("y", y), check_targets("yv", yv)
    _check_sizes(matrices, targets, targets_v, "target")
    targets = targets_in("y", targets, matrices.dtype)
    targets_v = targets_in("yv", targets_v, matrices.dtype)
    return RegressionData(*matrices, *weights, targets, targets_v)


def _weighted(
    X: Any,
    y: Any,
    Xv: Any,
    yv: Any,
    *,
    sample_weight: Any = None,
    sample_weight_val: Any = None,
    **options: Any,
) -> tuple[Matrices, tuple[np.ndarray, np.ndarray]]:
    """The matrices and the weights of their rows; y and yv are looked at for where they lie."""
    matrices = check_matrices(X, Xv, y, yv, sample_weight, sample_weight_val, **options)
    rows, rows_v = matrices.X.shape[0], matrices.Xv.shape[0]
    return matrices, (
        check_row_weights("sample_weight", sample_weight, rows, matrices.dtype),
        check_row_weights("sample_weight_val", sample_weight_val, rows_v, matrices.dtype),
    )


def _check_sizes(matrices: Matrices, y: np.ndarray, yv: np.ndarray, what: str) -> None:
    check_rows("y", y.size, "X", matrices.X, what)
    check_rows("yv", yv.size, "Xv", matrices.Xv, what)
