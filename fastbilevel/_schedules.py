"""Schedules: how a step size or a penalty changes with the outer iteration k = 0, 1, ..."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

    def __call__(self, k: Any) -> Any:
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

    def __call__(self, k: Any) -> Any:
        return self.c * (k + self.offset) ** -float(self.exponent)


@dataclass(frozen=True)
class Linear:
    """``c + slope * k``.

    Parameters
    ----------
    c, slope : float
    """

    c: float
    slope: float

    def __call__(self, k: Any) -> Any:
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

    def __call__(self, k: Any) -> Any:
        return self.c * self.ratio**k


Schedule = float | Callable[[int], float]

# These also take an array of iterations.
BUILT_IN = (Constant, Power, Linear, Geometric)

# A number of steps this little above an integer is that integer: 8 ** (2/3) is 4.
ROUNDING = 1e-9


def check_schedule(name: str, value: Any, *, least: float = 0.0, strict: bool = True) -> None:
    """Raise unless `value` is a number or a schedule, larger than `least` to begin with."""
    if isinstance(value, bool) or not (
        callable(value) or isinstance(value, int | float | np.number)
    ):
        raise TypeError(
            f"{name} must be a number or a schedule (a callable k -> float, see fb.schedules); "
            f"got {type(value).__name__}."
        )
    values_of(name, value, 0, 1, least=least, strict=strict)


def values_of(
    name: str, value: Any, first: int, n: int, *, least: float = 0.0, strict: bool = True
) -> np.ndarray:
    """The values at iterations first, ..., first + n - 1, (n,) float64.

    Parameters
    ----------
    name : str
        Of the option, for the error.
    value : number or schedule
    first, n : int
    least : float
        Lower bound of the values.
    strict : bool
        Whether the values must be larger than `least`.

    Raises
    ------
    ValueError
        If a value is not finite or too small.
    """
    if isinstance(value, BUILT_IN):
        values = np.broadcast_to(value(np.arange(first, first + n)), n).astype(np.float64)
    elif callable(value):
        values = np.array([float(value(k)) for k in range(first, first + n)])
    else:
        values = np.full(n, float(value))
    large_enough = values > least if strict else values >= least
    bad = np.flatnonzero(~(np.isfinite(values) & large_enough))
    if bad.size:
        wanted = "positive" if strict and least == 0.0 else f"at least {least:g}"
        raise ValueError(
            f"{name} must be {wanted} and finite; it is {values[bad[0]]} at outer iteration "
            f"{first + int(bad[0])}."
        )
    return values


def counts_of(name: str, value: Any, first: int, n: int) -> np.ndarray:
    """The values of a schedule of numbers of steps, rounded up, (n,) int64, at least 1."""
    values = values_of(name, value, first, n)
    return np.ceil(values - ROUNDING).astype(np.int64)


# What a run has added up so far, by name; see `before`.
Totals = Mapping[str, Any]


def before(totals: Totals, name: str, growth: np.ndarray) -> np.ndarray:
    """What `name` has added up to before each of the next iterations, which add `growth`.

    A run asks for the values chunk by chunk; the sums do not depend on where chunks end.
    """
    return _sums(totals, name, growth)[:-1]


def grown(totals: Totals, growth: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The totals after iterations that add `growth`."""
    return {**totals, **{name: _sums(totals, name, each)[-1] for name, each in growth.items()}}


def _sums(totals: Totals, name: str, growth: np.ndarray) -> np.ndarray:
    return np.cumsum(np.concatenate([np.array([totals.get(name, 0)], growth.dtype), growth]))


def numbers(first: np.ndarray, count: np.ndarray) -> np.ndarray:
    """``first[t], first[t] + 1, ...``, `count[t]` of them, for every t in turn; int64."""
    ends = np.cumsum(count)
    within = np.arange(ends[-1] if ends.size else 0) - np.repeat(ends - count, count)
    return np.repeat(first, count) + within
