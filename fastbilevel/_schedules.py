"""Schedules: how a step size or a penalty changes with the outer iteration k = 0, 1, ..."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from fastbilevel._checks.calls import Explained
from fastbilevel._checks.values import as_float, as_scalar, check_number, shown


class Checked(metaclass=Explained):
    """Base of the built-in schedules: their fields are finite numbers."""

    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type]
            value = check_number(field.name, getattr(self, field.name))
            object.__setattr__(self, field.name, value)


@dataclass(frozen=True)
class Constant(Checked):
    """``c``.

    Parameters
    ----------
    c : float
    """

    c: float

    def __call__(self, k: Any) -> Any:
        return self.c


@dataclass(frozen=True)
class Power(Checked):
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
        super().__post_init__()
        check_number("offset", self.offset, above=0)

    def __call__(self, k: Any) -> Any:
        return self.c * (k + self.offset) ** -self.exponent


@dataclass(frozen=True)
class Linear(Checked):
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
class Geometric(Checked):
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
# Steps of one iteration are listed in arrays.
MOST_STEPS = 2**31 - 1


def check_schedule(name: str, value: Any, *, least: float = 0.0, strict: bool = True) -> Schedule:
    """`value`, a number or a schedule, larger than `least` to begin with; numbers as floats."""
    if isinstance(value, type):
        raise TypeError(
            f"{name} is the class {value.__name__}; make an object of it: {value.__name__}(...)."
        )
    if callable(value):
        values_of(name, value, 0, 1, least=least, strict=strict)
        return value
    or_else = " or a schedule (a callable k -> float, see fb.schedules)"
    limit: dict[str, Any] = {"above" if strict else "least": least}
    return check_number(name, value, **limit, or_else=or_else)


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
    TypeError
        If a schedule returns something else than a number.
    ValueError
        If a value is not finite or too small.
    """
    if type(value) in BUILT_IN:
        with np.errstate(over="ignore", invalid="ignore"):  # found below
            values = np.broadcast_to(value(np.arange(first, first + n)), n).astype(np.float64)
    elif callable(value):
        values = np.array([_called(name, value, k) for k in range(first, first + n)], float)
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


def _called(name: str, schedule: Callable[[int], Any], k: int) -> float:
    """The schedule's value at iteration k; NaN and infinity are the caller's to find."""
    number = as_scalar(schedule(k))
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise TypeError(
            f"{name} is a schedule, and must return a number for every outer iteration; it "
            f"returned {shown(number)} for {k}."
        )
    return as_float(number)


def counts_of(name: str, value: Any, first: int, n: int) -> np.ndarray:
    """The values of a schedule of numbers of steps, rounded up, (n,) int64, at least 1."""
    values = values_of(name, value, first, n)
    for i in np.flatnonzero(values > MOST_STEPS)[:1]:
        raise ValueError(
            f"{name} must be at most {MOST_STEPS}; it is {values[i]:g} at outer iteration "
            f"{first + int(i)}."
        )
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
