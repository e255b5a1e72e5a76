"""Checks of class labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from fastbilevel._arrays.placement import fetch
from fastbilevel._checks.dense import check_array

SHOWN = 5


def encode_labels(y: Any, n: int, yv: Any, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number the classes of the training labels and apply the numbers to the validation labels.

    Parameters
    ----------
    y, yv : (n,), (m,) array_like
        Integers, integral floats, booleans or strings.
    n, m : int
        Rows of X and Xv.

    Returns
    -------
    classes : (C,) array
        Sorted.
    labels, labels_v : (n,), (m,) int32 arrays
        Read-only positions in `classes`.
    """
    train, val = _check_labels(y, "y"), _check_labels(yv, "yv")
    for name, array, data, rows in (("y", train, "X", n), ("yv", val, "Xv", m)):
        if array.size != rows:
            raise ValueError(
                f"{name} must have one label per row of {data}, which has {rows}; got {array.size}."
            )
    if (train.dtype.kind == "U") != (val.dtype.kind == "U"):
        raise TypeError(
            f"y and yv must hold labels of one kind; they have dtypes {train.dtype} and "
            f"{val.dtype}."
        )
    classes, labels = np.unique(train, return_inverse=True)
    if classes.size < 2:
        raise ValueError(
            f"y must hold at least two classes; all its labels are {classes[0].item()!r}."
        )
    labels_v = np.minimum(np.searchsorted(classes, val), classes.size - 1)
    unknown = np.unique(val[classes[labels_v] != val])
    if unknown.size:
        more = ", ..." if unknown.size > SHOWN else ""
        raise ValueError(
            "yv must hold classes of y only; these do not occur in y: "
            f"{', '.join(repr(v) for v in unknown[:SHOWN].tolist())}{more}."
        )
    return classes, _read_only_labels(labels), _read_only_labels(labels_v)


def _read_only_labels(positions: np.ndarray) -> np.ndarray:
    labels = positions.astype(np.int32)
    labels.flags.writeable = False
    return labels


def _check_labels(value: Any, name: str) -> np.ndarray:
    if sp.issparse(value):
        raise TypeError(f"{name} must be a 1-D array of labels; got a sparse matrix.")
    array = check_array(value, name)
    if array.ndim != 1:
        raise ValueError(
            f"{name} must have one axis; got shape {array.shape}. A column is flattened by "
            f"{name}.reshape(-1)."
        )
    if array.dtype.kind in "OST":
        array = _unified(array, name)
    if array.dtype.kind == "f":
        _check_integral(array, name)
    elif array.dtype.kind not in "biuU":
        raise TypeError(
            f"{name} must hold labels: integers, integral floats, booleans or strings; got dtype "
            f"{array.dtype}."
        )
    return array


def _unified(array: np.ndarray, name: str) -> np.ndarray:
    """Python objects as one kind of label: all strings, or all numbers."""
    values = array.tolist()
    for kinds, target in (((str, bytes), np.str_), ((int, float, np.number, np.bool_), None)):
        if all(isinstance(v, kinds) for v in values):
            decoded = [v.decode() if isinstance(v, bytes) else v for v in values]
            return np.array(decoded, dtype=target)
    found = sorted({type(v).__name__ for v in values})
    raise TypeError(
        f"{name} must hold labels of one kind, strings or numbers; it holds {', '.join(found)}."
    )


def _check_integral(array: np.ndarray, name: str) -> None:
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise ValueError(f"{name} must be finite; element {bad[0]} is {array[bad[0]]}.")
    bad = np.flatnonzero(array != np.rint(array))
    if bad.size:
        raise TypeError(
            f"{name} must hold class labels; element {bad[0]} is {array[bad[0]]}, which is not "
            "integral. Continuous targets are not supported: bin them, or turn them into strings."
        )


def check_groups(groups: Any, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Names of the groups of features, sorted, and the position of every feature's group in them.

    Parameters
    ----------
    groups : (d,) array_like
        Integers, integral floats, booleans or strings.
    d : int
        Features.
    """
    if groups is None:
        raise ValueError(f"groups must name the group of each of the {d} features; got None.")
    array = _check_labels(fetch(groups), "groups")
    if array.size != d:
        raise ValueError(f"groups must have one element per feature, {d}; got {array.size}.")
    return np.unique(array, return_inverse=True)
