"""Arrays in tuples, records among them, with something done to every element."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np


def is_record(value: Any) -> bool:
    """True for named tuples and for their classes."""
    return hasattr(value, "_fields")


def map_tuple(function: Callable[[Any], Any], value: tuple[Any, ...]) -> Any:
    """`function` of every element, in a tuple of the same class; others than named ones stay."""
    if hasattr(value, "_make"):
        return type(value)._make(map(function, value))  # type: ignore[attr-defined]
    return tuple(map(function, value)) if type(value) is tuple else value


def read_only(array: Any) -> Any:
    """A view that cannot be written: kernels are compiled for one kind of input only."""
    view = array.view()
    if isinstance(view, np.ndarray):
        view.flags.writeable = False
    return view


def index_type_for(largest: int) -> Any:
    """The type of indices up to `largest`, the same whatever type the caller's have.

    So kernels are compiled for one type of indices, and read half as much.
    """
    return np.int32 if largest <= np.iinfo(np.int32).max else np.int64


def with_floats(dtype: np.dtype, value: Any) -> Any:
    """`value` with every float array in its tuples cast to `dtype`, read-only."""
    if isinstance(value, tuple):
        return map_tuple(functools.partial(with_floats, dtype), value)
    floats = hasattr(value, "ndim") and value.dtype.kind == "f"
    return read_only(value.astype(dtype)) if floats else value
