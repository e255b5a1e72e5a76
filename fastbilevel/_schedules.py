"""Schedules: how a step size or a penalty changes with the outer iteration k = 0, 1, ..."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Constant:
    """``c``.

    Parameters
    ----------
    c : float
    """

    c: float

    def __call__(self, k: int) -> float:
        return self.c


@dataclass(frozen=True)
class Power:
    """``c * (k + offset)**(-exponent)``.

    Parameters
    ----------
    c, exponent : float
    offset : float
        Larger than 0.
    """

    c: float
    exponent: float
    offset: float = 1.0

    def __post_init__(self) -> None:
        if not self.offset > 0:
            raise ValueError(f"offset must be larger than 0; got {self.offset}.")

    def __call__(self, k: int) -> float:
        return self.c * (k + self.offset) ** -self.exponent


@dataclass(frozen=True)
class Linear:
    """``c + slope * k``.

    Parameters
    ----------
    c, slope : float
    """

    c: float
    slope: float

    def __call__(self, k: int) -> float:
        return self.c + self.slope * k


@dataclass(frozen=True)
class Geometric:
    """``c * ratio**k``.

    Parameters
    ----------
    c, ratio : float
    """

    c: float
    ratio: float

    def __call__(self, k: int) -> float:
        return self.c * self.ratio**k


Schedule = float | Callable[[int], float]


def check_schedule(name: str, value: Any) -> None:
    """Raise unless `value` is a positive number or a schedule that starts at one."""
    if isinstance(value, bool) or not (
        callable(value) or isinstance(value, int | float | np.number)
    ):
        raise TypeError(
            f"{name} must be a number or a schedule (a callable k -> float, see fb.schedules); "
            f"got {type(value).__name__}."
        )
    values_of(name, value, 0, 1)


def values_of(name: str, value: Any, first: int, n: int) -> np.ndarray:
    """The values at iterations first, ..., first + n - 1, (n,) float64.

    Raises
    ------
    ValueError
        If one of them is not a positive finite number.
    """
    if callable(value):
        values = np.array([float(value(k)) for k in range(first, first + n)])
    else:
        values = np.full(n, float(value))
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if bad.size:
        raise ValueError(
            f"{name} must be positive and finite; it is {values[bad[0]]} at outer iteration "
            f"{first + int(bad[0])}."
        )
    return values
