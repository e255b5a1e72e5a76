"""From the forms in which bounds are given to the sets of `fastbilevel.projections`."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastbilevel._checks.values import as_scalar, shown
from fastbilevel.projections import Box, Custom, Projection


def as_projection(value: Any, name: str, n: int | None = None) -> Projection | None:
    """An argument as a `Projection`.

    Parameters
    ----------
    value : None, Projection, Bounds, pair, sequence of pairs or callable
        A pair (lower, upper), a `scipy.optimize.Bounds` or a sequence of n pairs is a `Box`, a
        function v -> projected v a `Custom`.
    name : str
        Of the argument, for messages.
    n : int, optional
        Elements of the vector; without it n pairs are not understood.

    Raises
    ------
    TypeError, ValueError
    """
    if value is None or isinstance(value, Projection):
        return value
    if isinstance(value, type):
        raise TypeError(
            f"{name} is the class {value.__name__}; make an object of it: {value.__name__}(...)."
        )
    items = _items(value)
    try:
        if hasattr(value, "lb") and _is_bounds(value):
            # SciPy makes arrays of one element of numbers.
            ends = (b[0] if np.shape(b) == (1,) else b for b in (value.lb, value.ub))
            return _of_size(Box(*ends), n)
        if callable(value):
            return Custom(value, name)
        if items is not None:
            return _of_size(_box(items, n), n)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from None
    hint = " Pass list(...) of it." if hasattr(value, "__next__") else ""
    raise TypeError(
        f"{name} must be None, a pair (lower, upper) of numbers or arrays, a sequence of pairs, a "
        "scipy.optimize.Bounds, one of fastbilevel.projections, or a function v -> projected v; "
        f"got {shown(value)}.{hint}"
    )


def _is_bounds(value: Any) -> bool:
    """True for SciPy's Bounds; its constraints have a `lb` too."""
    from scipy.optimize import Bounds

    return isinstance(value, Bounds)


def _items(value: Any) -> list[Any] | None:
    """The elements of a sequence that is (lower, upper) or holds pairs; None for all else."""
    if not (isinstance(value, tuple | list) or (isinstance(value, np.ndarray) and value.ndim)):
        return None
    items = list(value)
    return items if len(items) == 2 or (items and all(_is_pair(item) for item in items)) else None


def _of_size(box: Box, n: int | None) -> Box:
    """`box` if it is one of vectors of n elements."""
    if n is not None:
        box.domain(n, float)
    return box


def _box(items: list[Any], n: int | None) -> Box:
    """A box from (lower, upper) or from n pairs, whichever it must be."""
    pairs = all(_is_pair(item) for item in items)
    if len(items) == 2 and not (pairs and n is not None):
        return Box(*items)
    if len(items) != n:
        raise ValueError(f"{len(items)} pairs were given for a vector of {n} elements.")
    if n == 2 and not any(end is None for item in items for end in item):
        raise ValueError(
            "two pairs for a vector of two elements could be (lower, upper) or one pair per "
            "element. Write fb.projections.Box(lower, upper) for the first, "
            "fb.projections.Box(*zip(*pairs)) for the second."
        )
    lower = [-np.inf if low is None else low for low, _ in items]
    upper = [np.inf if high is None else high for _, high in items]
    return Box(lower, upper)


def _is_pair(item: Any) -> bool:
    """True for two numbers, of which each may be None."""
    if not isinstance(item, tuple | list | np.ndarray) or getattr(item, "ndim", 1) != 1:
        return False
    ends = [as_scalar(end) for end in item]
    return len(ends) == 2 and all(end is None or isinstance(end, int | float) for end in ends)


def own_copy(name: str, value: Any) -> Any:
    """`value` as `as_projection` will take it later, when n is known, but not the caller's own."""
    return as_projection(value, name) if _items(value) is None else _as_tuple(value)


def _as_tuple(value: Any) -> Any:
    """Sequences as tuples, all the way down."""
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim):
        return tuple(map(_as_tuple, value))
    return as_scalar(value)
