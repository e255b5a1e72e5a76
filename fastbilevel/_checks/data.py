"""Checks of the data that callers hand to problems, raised before any work is done.

Data sets come in pairs, training and validation; `check_data` turns a pair into canonical arrays of
one float dtype. What is canonical already is used as it is; the caller's arrays are never changed.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import logging
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from fastbilevel._arrays.dispatch import backend_of
from fastbilevel._arrays.placement import fetch, is_sparse
from fastbilevel._checks.caller import warn_caller
from fastbilevel._checks.dense import check_array, check_dense
from fastbilevel._checks.device import check_dense_on_device
from fastbilevel._checks.labels import encode_labels
from fastbilevel._checks.sparse import check_sparse

logger = logging.getLogger("fastbilevel")


class Data(NamedTuple):
    """A canonical pair of data sets.

    Attributes
    ----------
    X, Xv : (n, d), (m, d) arrays
        Both read-only C-ordered arrays, or both canonical `scipy.sparse.csr_array`; of `dtype`.
    labels, labels_v : (n,), (m,) int32 arrays
        Positions in `classes`.
    classes : (C,) array
        The sorted labels of the training data.
    weight, weight_v : (n,), (m,) arrays
        Row weights with mean 1, of `dtype`.
    dtype : numpy.dtype
    kernels : module
        Those that the caller's arrays select. For CuPy arrays dense X and Xv stay on the device;
        sparse matrices, labels and weights are here as copies on the host, where they are numbered
        and laid out.
    """

    X: Any
    Xv: Any
    labels: np.ndarray
    labels_v: np.ndarray
    classes: np.ndarray
    weight: np.ndarray
    weight_v: np.ndarray
    dtype: np.dtype
    kernels: ModuleType


def check_data(
    X: Any,
    y: Any,
    Xv: Any,
    yv: Any,
    *,
    sample_weight: Any = None,
    sample_weight_val: Any = None,
    dtype: Any = None,
    check_finite: bool = True,
) -> Data:
    """Validate a training and a validation set of a classification task.

    Parameters
    ----------
    X, Xv : (n, d), (m, d) array_like or sparse
        Dense or sparse, both alike.
    y, yv : (n,), (m,) array_like
        Labels: integers, integral floats, booleans or strings. Every class of `yv` occurs in `y`.
    sample_weight, sample_weight_val : (n,), (m,) array_like, optional
        Not negative, not all zero; scaled to mean 1.
    dtype : {float32, float64}, optional
        What everything is computed in; by default what X and Xv need together: float32 if both are
        float32 or narrower, else float64. Integers are cast to float64.
    check_finite : bool
        False skips the search of X and Xv for NaN and inf.

    Returns
    -------
    Data
    """
    kernels = backend_of(X, y, Xv, yv, sample_weight, sample_weight_val)
    if X is Xv:
        _warn_of_sharing()
    if kernels.ON_DEVICE:
        y, yv, sample_weight, sample_weight_val = (
            fetch(value) for value in (y, yv, sample_weight, sample_weight_val)
        )
        X, Xv = (_place_of_checks(value) for value in (X, Xv))
    if sp.issparse(X) != sp.issparse(Xv):
        raise TypeError(
            "X and Xv must both be dense or both be sparse; convert one with scipy.sparse."
            "csr_array(...) or .toarray()."
        )
    given = {"X": X, "Xv": Xv}
    if X is not Xv and _share_memory(X, Xv):
        _warn_of_sharing()
    if not sp.issparse(X) and not kernels.ON_DEVICE:
        given = {name: check_array(value, name) for name, value in given.items()}
    for name, value in given.items():
        _check_shape(value, name)
    if given["X"].shape[1] != given["Xv"].shape[1]:
        raise ValueError(
            f"Xv must have the {given['X'].shape[1]} features of X; it has {given['Xv'].shape[1]}."
        )
    kind = working_dtype(((name, value.dtype) for name, value in given.items()), dtype)
    check = check_sparse if sp.issparse(X) else check_dense
    if kernels.ON_DEVICE and not sp.issparse(X):
        check = functools.partial(check_dense_on_device, sys.modules["cupy"])
    n, m = given["X"].shape[0], given["Xv"].shape[0]
    classes, labels, labels_v = encode_labels(y, n, yv, m)
    weight = check_row_weights(sample_weight, n, kind, "sample_weight")
    weight_v = check_row_weights(sample_weight_val, m, kind, "sample_weight_val")
    train, val = (check(value, name, kind, check_finite) for name, value in given.items())
    return Data(train, val, labels, labels_v, classes, weight, weight_v, kind, kernels)


def _place_of_checks(value: Any) -> Any:
    """Data of a call with device arrays where they are checked: sparse matrices on the host."""
    if is_sparse(value):
        return fetch(value)
    return value if hasattr(value, "shape") else sys.modules["cupy"].asarray(value)


def working_dtype(dtypes: Iterable[tuple[str, Any]], requested: Any) -> np.dtype:
    """float32 or float64: `requested`, or what arrays of the named `dtypes` need together."""
    needed = [_float_for(dtype, name) for name, dtype in dtypes]
    if requested is None:
        return np.result_type(*needed)
    try:
        dtype = np.dtype(requested)
    except TypeError:
        dtype = np.dtype(object)
    if dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(f"dtype must be float32 or float64 (or None); got {requested!r}.")
    return dtype


def _float_for(dtype: Any, name: str) -> np.dtype:
    """The supported float dtype in which values of `dtype` are computed."""
    if dtype.kind in "biu" or dtype == np.float64:
        return np.dtype(np.float64)
    if dtype.kind == "f" and dtype.itemsize == 4:
        return np.dtype(np.float32)
    if dtype.name in ("float16", "bfloat16"):
        logger.info("%s is %s and is computed in float32.", name, dtype.name)
        return np.dtype(np.float32)
    if dtype.kind == "f":
        if dtype.itemsize > 8:
            warn_caller(
                f"{name} is {dtype} and is computed in float64: digits are lost. Convert it "
                "yourself to silence this warning.",
            )
        return np.dtype(np.float64)
    raise TypeError(
        f"{name} must hold real numbers (floats, integers or booleans); got dtype {dtype}."
    )


def check_row_weights(value: Any, n: int, dtype: np.dtype, name: str) -> np.ndarray:
    """Row weights of mean 1, read-only; ones if `value` is None."""
    if value is None:
        weights = np.ones(n, dtype)
    else:
        array = check_array(value, name)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{name} must hold real numbers; got dtype {array.dtype}.")
        if array.shape != (n,):
            raise ValueError(f"{name} must have shape ({n},), one per row; got {array.shape}.")
        array = array.astype(np.float64)
        wrong = np.flatnonzero(~(np.isfinite(array) & (array >= 0.0)))
        if wrong.size:
            raise ValueError(
                f"{name} must be finite and not negative; element {wrong[0]} is {array[wrong[0]]}."
            )
        if not array.any():
            raise ValueError(f"{name} must not be zero everywhere.")
        weights = (array / array.mean()).astype(dtype)
    weights.flags.writeable = False
    return weights


def _check_shape(X: Any, name: str) -> None:
    if X.ndim != 2:
        hint = " A single feature is given by reshape(-1, 1)." if X.ndim == 1 else ""
        raise ValueError(
            f"{name} must have two axes, rows and features; got shape {X.shape}. Reshape it.{hint}"
        )
    for axis, what in enumerate(("sample", "feature")):
        if X.shape[axis] == 0:
            raise ValueError(f"{name} has 0 {what}(s) (shape {X.shape}); at least one is required.")


def _share_memory(X: Any, Xv: Any) -> bool:
    left, right = (_buffer(matrix) for matrix in (X, Xv))
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        # Exact, unless the strides are so unusual that the answer would take long.
        with contextlib.suppress(np.exceptions.TooHardError):
            return bool(np.shares_memory(left, right, 10_000))  # type: ignore[arg-type]
    return False


def _warn_of_sharing() -> None:
    """Warn that a validation set is the training set: its loss would not select anything."""
    warn_caller(
        "X and Xv share memory: validating on training data selects no regularisation at all. "
        "Pass separate validation data.",
    )


def _buffer(matrix: Any) -> Any:
    """The array that holds the values of a dense or sparse matrix, if there is one."""
    return getattr(matrix, "data", None) if sp.issparse(matrix) else matrix


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """`value` if it is one of `choices`."""
    if value not in choices:
        near = difflib.get_close_matches(str(value), choices, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{name} must be one of {', '.join(choices)}; got {value!r}.{hint}")
    return value


def check_number(name: str, value: Any) -> float:
    """`value` as a float, finite and not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{name} must be a number; got {value!r}.")
    if not (np.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be finite and not negative; got {value}.")
    return float(value)
