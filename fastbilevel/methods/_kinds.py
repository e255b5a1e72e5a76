"""How options are checked: each kind takes a name and a value and returns what the method keeps."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from fastbilevel._checks.values import (
    as_scalar,
    check_choice,
    check_flag,
    check_integer,
    check_number,
)
from fastbilevel._schedules import MOST_STEPS, check_schedule, counts_of

Kind = Callable[[str, Any], Any]

# Positive numbers or schedules of such: step sizes, penalties, numbers of steps that grow.
positive: Kind = check_schedule
not_negative: Kind = functools.partial(check_schedule, strict=False)
flag: Kind = check_flag
fraction: Kind = functools.partial(check_number, least=0, below=1)


def constant(least: float | None = None, above: float | None = None) -> Kind:
    """A number that does not change during the run."""
    return functools.partial(check_number, least=least, above=above)


def steps(least: int = 1) -> Kind:
    """A whole number."""
    return functools.partial(check_integer, least=least, most=MOST_STEPS)


def choice(choices: Iterable[str]) -> Kind:
    """One of several words."""
    return functools.partial(check_choice, choices=tuple(choices))


def or_word(word: str, kind: Kind, wanted: str) -> Kind:
    """A word of its own, None, or another kind; `wanted` says what, where the word is another."""

    def check(name: str, value: Any) -> Any:
        if isinstance(value, str) and value != word:
            raise ValueError(f"{name} must be {wanted}, or {word!r}; got {value!r}.")
        return value if value is None or isinstance(value, str) else kind(name, value)

    return check


def counts(name: str, value: Any) -> Any:
    """A positive number or a schedule of such, which are rounded up."""
    checked = check_schedule(name, value)
    counts_of(name, value, 0, 1)
    return as_scalar(value) if isinstance(as_scalar(value), int) else checked


def pair(name: str, value: Any) -> tuple[float, float]:
    """Two positive numbers."""
    try:
        if isinstance(value, set | dict):
            raise TypeError("no order")
        first, second = (check_number(name, each, above=0) for each in value)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name} must be a pair of positive numbers, or None for none; got {value!r}."
        ) from None
    return first, second
