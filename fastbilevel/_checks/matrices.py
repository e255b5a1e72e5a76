"""Checks of matrices: a training and a validation set come as a pair, of one float dtype."""

from __future__ import annotations

import contextlib
import functools
import logging
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from fastbilevel._arrays.dispatch import backend_of
from fastbilevel._arrays.placement import fetch, is_device_array, is_sparse
from fastbilevel._checks import frames
from fastbilevel._checks.arrays import BFLOAT16, check_real, to_array
from fastbilevel._checks.caller import warn_caller
from fastbilevel._checks.dense import check_dense
from fastbilevel._checks.device import check_dense_on_device
from fastbilevel._checks.sparse import check_sparse
from fastbilevel._checks.values import check_flag, shown

logger = logging.getLogger("fastbilevel")


class Matrices(NamedTuple):
    """A canonical pair of matrices.

    Attributes
    ----------
    X, Xv : (n, d), (m, d) arrays
        Both read-only C-ordered arrays, or both canonical `scipy.sparse.csr_array`; of `dtype`.
    index : pandas.Index or None
        Names of the training rows, if X was a frame.
    dtype : numpy.dtype
    kernels : module
        Those that the caller's arrays select. For CuPy arrays dense X and Xv stay on the device;
        sparse matrices are here as copies on the host, where they are numbered and laid out.
    """

    X: Any
    Xv: Any
    index: Any
    dtype: np.dtype
    kernels: ModuleType


def check_matrices(
    X: Any, Xv: Any, *others: Any, dtype: Any = None, check_finite: bool = True
) -> Matrices:
    """Validate the matrices of a training and a validation set.

    Parameters
    ----------
    X, Xv : (n, d), (m, d) array_like or sparse
        Dense or sparse, both alike.
    *others : array_like
        What comes with them; all arrays must be of one library.
    dtype : {float32, float64}, optional
        What everything is computed in; by default what X and Xv need together: float32 if both are
        float32 or narrower, else float64. Integers are cast to float64.
    check_finite : bool
        False skips the search of X and Xv for NaN, inf and numbers whose products overflow.
    """
    check_finite = check_flag("check_finite", check_finite)
    kernels = backend_of(X, Xv, *others)
    frames.check_same_columns(X, Xv)
    same = X is Xv
    train, val = (_as_matrix(name, value, kernels) for name, value in (("X", X), ("Xv", Xv)))
    if sp.issparse(train) != sp.issparse(val):
        raise TypeError(
            "X and Xv must both be dense or both be sparse; convert one with scipy.sparse."
            "csr_array(...) or .toarray()."
        )
    if same or _share_memory(train, val):
        warn_caller(
            "X and Xv share memory: validating on training data selects no regularisation at all. "
            "Pass separate validation data.",
        )
    given = {"X": train, "Xv": val}
    for name, value in given.items():
        _check_shape(name, value)
    if train.shape[1] != val.shape[1]:
        hint = ""
        if train.shape[0] == val.shape[1]:
            hint = " X looks transposed: pass X.T."
        elif train.shape[0] == val.shape[0]:
            hint = " If rows are features, pass X.T and Xv.T."
        raise ValueError(
            f"Xv must have the {train.shape[1]} features of X; it has {val.shape[1]}.{hint}"
        )
    kind = working_dtype(((name, value.dtype) for name, value in given.items()), dtype)
    check = check_sparse if sp.issparse(train) else check_dense
    if kernels.ON_DEVICE and not sp.issparse(train):
        check = functools.partial(check_dense_on_device, sys.modules["cupy"])
    train, val = (check(value, name, kind, check_finite) for name, value in given.items())
    return Matrices(train, val, frames.index_of(X), kind, kernels)


def _as_matrix(name: str, value: Any, kernels: ModuleType) -> Any:
    """A sparse matrix on the host, or a dense array where the kernels want it."""
    if frames.is_sparse_frame(value):
        return frames.sparse_frame_to_csr(name, value)
    if is_sparse(value) or sp.issparse(value):
        found = fetch(value)
        check_real(name, np.empty(0, found.dtype))
        return found
    if kernels.ON_DEVICE:
        array = value if is_device_array(value) else sys.modules["cupy"].asarray(value)
        check_real(name, array)
        return array
    return check_real(name, to_array(name, value))


def working_dtype(dtypes: Iterable[tuple[str, Any]], requested: Any) -> np.dtype:
    """float32 or float64: `requested`, or what arrays of the named `dtypes` need together."""
    needed = [_float_for(dtype, name) for name, dtype in dtypes]
    if requested is None:
        return np.result_type(*needed)
    return check_dtype(requested)


def check_dtype(requested: Any) -> np.dtype:
    """`requested` as float32 or float64."""
    try:
        # NumPy takes arrays for their dtypes.
        is_array = hasattr(requested, "dtype") and not isinstance(requested, type)
        dtype = np.dtype(object if is_array else requested)
    except (TypeError, ValueError, SyntaxError):
        dtype = np.dtype(object)
    if dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(f"dtype must be float32 or float64 (or None); got {shown(requested)}.")
    return dtype


def _float_for(dtype: Any, name: str) -> np.dtype:
    """The supported float dtype in which real numbers of `dtype` are computed."""
    if dtype.kind != "f" and dtype.name != BFLOAT16:
        return np.dtype(np.float64)
    if dtype.itemsize == 2:
        logger.info("%s is %s and is computed in float32.", name, dtype.name)
    if dtype.itemsize > 8:
        warn_caller(
            f"{name} is {dtype} and is computed in float64: digits are lost. Convert it "
            "yourself to silence this warning.",
        )
    return np.dtype(np.float32 if dtype.itemsize <= 4 else np.float64)


def _check_shape(name: str, X: Any) -> None:
    if X.ndim != 2:
        hint = ""
        if X.ndim == 1:
            hint = f" A single feature is given by {name}.reshape(-1, 1), a single row by "
            hint += f"{name}.reshape(1, -1)."
        elif X.ndim > 2:
            hint = f" The features of a row become one axis by {name}.reshape(len({name}), -1)."
        raise ValueError(
            f"{name} must have two axes, rows and features; got shape {X.shape}. Reshape it.{hint}"
        )
    for axis, what in enumerate(("sample", "feature")):
        if X.shape[axis] == 0:
            raise ValueError(f"{name} has 0 {what}(s) (shape {X.shape}); at least one is required.")


def check_rows(name: str, size: int, data: str, X: Any, what: str) -> None:
    """Raise unless there is one of `what` per row of the matrix `X`, known as `data`."""
    rows, features = X.shape
    if size == rows:
        return
    hint = f" {data} looks transposed: pass {data}.T." if size == features else ""
    raise ValueError(
        f"{name} must have one {what} per row of {data}, which has {rows}; got {size}.{hint}"
    )


def _share_memory(X: Any, Xv: Any) -> bool:
    left, right = (_buffer(matrix) for matrix in (X, Xv))
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        # Exact, unless the strides are so unusual that the answer would take long.
        with contextlib.suppress(np.exceptions.TooHardError):
            return bool(np.shares_memory(left, right, 10_000))  # type: ignore[arg-type]
    return False


def _buffer(matrix: Any) -> Any:
    """The array that holds the values of a dense or sparse matrix, if there is one."""
    return getattr(matrix, "data", None) if sp.issparse(matrix) else matrix
