"""Checks of class labels and of the names of groups."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastbilevel._arrays.tuples import read_only
from fastbilevel._checks import frames
from fastbilevel._checks.arrays import to_array
from fastbilevel._checks.values import shown

SHOWN = 5
KINDS = "integers, integral floats, booleans or strings"


def encode_labels(y: Any, yv: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number the classes of the training labels and apply the numbers to the validation labels.

    Parameters
    ----------
    y, yv : (n,), (m,) array_like
        Integers, integral floats, booleans or strings.

    Returns
    -------
    classes : (C,) array
        Sorted, or in the order of the categories of a categorical series; of the caller's type.
    labels, labels_v : (n,), (m,) int32 arrays
        Read-only positions in `classes`.
    """
    given = to_array("y", y)
    train, val = check_labels("y", y), check_labels("yv", yv)
    if train.size and val.size and isinstance(train[0], str) != isinstance(val[0], str):
        raise TypeError(
            "y and yv must hold labels of one kind, strings or numbers; y is of dtype "
            f"{train.dtype} and yv of dtype {val.dtype}."
        )
    classes, labels = np.unique(train, return_inverse=True)
    if classes.size < 2:
        what = f"all its labels are {classes[0].item()!r}" if classes.size else "it is empty"
        raise ValueError(f"y must hold at least two classes; {what}.")
    classes, labels = _in_order_of(frames.categories_of(y), classes, labels)
    # Python compares numbers of all types exactly, NumPy integers of different signs as floats.
    position = {label: i for i, label in enumerate(classes.tolist())}
    found, codes = np.unique(val, return_inverse=True)
    unknown = [label for label in found.tolist() if label not in position]
    if unknown:
        more = ", ..." if len(unknown) > SHOWN else ""
        raise ValueError(
            "yv must hold classes of y only; these do not occur in y: "
            f"{', '.join(repr(v) for v in unknown[:SHOWN])}{more}."
        )
    numbers = np.array([position[label] for label in found.tolist()], np.int32)
    return (
        _as_given(given, classes),
        read_only(labels.astype(np.int32)),
        read_only(numbers[codes]),
    )


def _in_order_of(
    categories: np.ndarray | None, classes: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Classes and labels renumbered in the order of `categories`, if there are any."""
    if categories is None:
        return classes, labels
    names = [_decoded("categories", i, label) for i, label in enumerate(categories.tolist())]
    place = {label: i for i, label in enumerate(names)}
    order = np.argsort([place[label] for label in classes.tolist()])
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    return classes[order], rank[labels]


def _as_given(given: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Classes of the dtype of the caller's labels: byte strings were decoded to be compared."""
    if isinstance(given.reshape(-1)[0], bytes):
        classes = np.char.encode(classes, "utf-8")
    return classes.astype(given.dtype) if given.dtype.kind in "OT" else classes


def check_labels(name: str, value: Any) -> np.ndarray:
    """`value` as a vector of labels, of which all are strings or all are numbers."""
    array = to_array(name, value)
    if array.ndim != 1:
        raise ValueError(f"{name} must have one axis; got shape {array.shape}.{_hint(name, array)}")
    if array.dtype.kind in "fU" and isinstance(value, list | tuple):
        # NumPy makes floats of integers that no one type holds, and cuts strings that end in zeros.
        array = np.array(value, object)
    if array.dtype.kind in "OST":
        return _unified(name, array)
    if array.dtype.kind == "f":
        _check_integral(name, array)
    elif array.dtype.kind not in "biuU":
        raise TypeError(f"{name} must hold labels: {KINDS}; got dtype {array.dtype}.")
    return array


def _hint(name: str, array: np.ndarray) -> str:
    if array.ndim == 2 and array.shape[1] > 1 and array.dtype.kind in "biuf":
        marked = (array != 0).sum(axis=1)
        if (marked == 1).all():
            return f" One-hot rows become labels by numpy.argmax({name}, axis=1)."
        if np.isin(array, (0, 1)).all():
            return " Rows with several labels are not supported: one class per row."
    if array.ndim == 0:
        return f" Pass one label per row; got {shown(array.item())}."
    return f" A column is flattened by numpy.ravel({name})."


def _unified(name: str, array: np.ndarray) -> np.ndarray:
    """Python objects as one kind of label: all strings, or all numbers."""
    values = array.tolist()
    missing = next((i for i, v in enumerate(values) if _is_missing(v)), None)
    if missing is not None:
        raise ValueError(
            f"{name} has a missing label: element {missing} is {values[missing]!r}. Leave such "
            "rows out, or give them a class of their own."
        )
    for kind in (str, bytes, int | float | np.number | np.bool_):
        if all(isinstance(v, kind) for v in values):
            break
    else:
        found = sorted({type(v).__name__ for v in values})
        raise TypeError(
            f"{name} must hold labels of one kind, strings or numbers; it holds "
            f"{', '.join(found)}. Strings are made of them by [str(v) for v in {name}]."
        )
    values = [_decoded(name, i, v) for i, v in enumerate(values)]
    found_array = np.array(values)
    if found_array.dtype.kind == "f":
        _check_integral(name, found_array)
    # NumPy drops zeros at the end of strings, and digits of integers beside floats.
    return found_array if found_array.tolist() == values else np.array(values, object)


def _is_missing(value: Any) -> bool:
    """True for None, NaN and pandas' NA and NaT."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def _decoded(name: str, i: int, value: Any) -> Any:
    """Byte strings as strings, all else as it is."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ValueError(
            f"{name} holds byte strings that are not UTF-8 (element {i} is {value!r}); decode them "
            f"first, for example numpy.char.decode({name}, 'latin-1')."
        ) from None


def _check_integral(name: str, array: np.ndarray) -> None:
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        what = " A missing label: leave such rows out." if np.isnan(array[bad[0]]) else ""
        raise ValueError(f"{name} must be finite; element {bad[0]} is {array[bad[0]]}.{what}")
    bad = np.flatnonzero(array != np.rint(array))
    if bad.size:
        raise TypeError(
            f"{name} must hold class labels; element {bad[0]} is {array[bad[0]]}, which is not "
            "integral. Continuous targets belong to LpRegression; for classes bin them, or turn "
            "them into strings."
        )


def check_groups(groups: Any, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Names of the groups of features, sorted, and the position of every feature's group in them.

    Parameters
    ----------
    groups : (d,) array_like
        Integers, integral floats, booleans or strings; a categorical series keeps its order.
    d : int
        Features.
    """
    if groups is None:
        raise ValueError(f"groups must name the group of each of the {d} features; got None.")
    given = to_array("groups", groups)
    array = check_labels("groups", groups)
    if array.size != d:
        raise ValueError(f"groups must have one element per feature, {d}; got {array.size}.")
    names, positions = np.unique(array, return_inverse=True)
    names, positions = _in_order_of(frames.categories_of(groups), names, positions)
    return _as_given(given, names), positions
