"""Checks of single values, each of which raises a sentence that names the argument."""

from __future__ import annotations

import difflib
import math
from typing import Any

import numpy as np

from fastbilevel._arrays.placement import fetch
from fastbilevel._schedules import check_schedule


def check_batch(name: str, value: Any, n: int, level: str) -> None:
    """Raise unless `value` is None or a number of rows in [1, n]."""
    if value is None:
        return
    check_integer(name, value, 1)
    if value > n:
        raise ValueError(
            f"{name} is {value}, but the {level} level has {n} rows; take at most {n}, or None for "
            "all of them."
        )


def check_integer(name: str, value: Any, least: int) -> None:
    """Raise unless `value` is an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer; got {value!r} of type {type(value).__name__}.")
    if value < least:
        raise ValueError(f"{name} must be at least {least}; got {value}.")


def check_flag(name: str, value: Any) -> None:
    """Raise unless `value` is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False; got {value!r}.")


def check_fraction(name: str, value: Any) -> None:
    """Raise unless `value` is a number in [0, 1)."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{name} must be a number in [0, 1); got {value!r}.")
    if not (math.isfinite(value) and 0 <= value < 1):
        raise ValueError(f"{name} must be in [0, 1); got {value}.")


def check_positive(name: str, value: Any) -> None:
    """Raise unless `value` is a positive number or a schedule of positive numbers."""
    check_schedule(name, value)


def check_constant(name: str, value: Any, *, least: float = 0.0, strict: bool = True) -> None:
    """Raise unless `value` is a number larger than `least`, or equal to it if not `strict`."""
    if callable(value):
        raise TypeError(f"{name} must be a number; it cannot be a schedule.")
    check_schedule(name, value, least=least, strict=strict)


def closest(name: str, known: Any, kind: str) -> str:
    """A sentence that says `name` is unknown and lists the closest of the `known` names."""
    known = sorted(known)
    matches = difflib.get_close_matches(str(name), known, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(matches)}?" if matches else f"Known: {', '.join(known)}."
    return f"Unknown {kind} {name!r}. {hint}"


def finite_vector(name: str, value: Any, size: int, dtype: Any) -> np.ndarray:
    """A copy of `value` as a finite vector of `size` numbers of `dtype`, or a sentence."""
    array = np.asarray(fetch(value))
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must hold real numbers; got dtype {array.dtype}.")
    if array.size != size:
        raise ValueError(f"{name} must have {size} elements; got shape {array.shape}.")
    array = np.array(array, dtype=dtype, order="C").reshape(-1)
    if not np.isfinite(array).all():
        i = int(np.flatnonzero(~np.isfinite(array))[0])
        raise ValueError(f"{name} must be finite; element {i} is {array[i]}.")
    return array
