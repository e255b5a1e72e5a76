"""Tuples of arrays, records among them, with something done to every element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def map_tuple(function: Callable[[Any], Any], value: tuple[Any, ...]) -> Any:
    """`function` of every element, in a tuple of the same class."""
    found = map(function, value)
    return type(value)._make(found) if hasattr(value, "_make") else tuple(found)
