"""Options that methods share, and how they are checked."""

from __future__ import annotations

import difflib
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastbilevel._random import MODES
from fastbilevel._schedules import check_schedule

if TYPE_CHECKING:
    from fastbilevel._problem import BilevelProblem, Plan


@dataclass(frozen=True, kw_only=True)
class Options(ABC):
    """Options common to all methods.

    Parameters
    ----------
    batch_size, val_batch_size : int or None
        Rows of a minibatch of the lower and of the upper level; None takes the full data.
    sampling : {"blocks", "replacement", "epochs"}
        "blocks": the data are shuffled once and cut into fixed blocks, which are drawn with
        replacement, a shorter last block as often as its share of rows. "replacement": rows are
        drawn independently. "epochs": every row once in each epoch, in a fresh order.
    """

    batch_size: int | None = None
    val_batch_size: int | None = None
    sampling: str = "blocks"

    name: ClassVar[str]
    requires: ClassVar[tuple[str, ...]]

    def check(self, problem: BilevelProblem) -> None:
        """Raise a sentence if an option does not fit its type, its range or the problem."""
        if self.sampling not in MODES:
            raise ValueError(f"sampling must be one of {', '.join(MODES)}; got {self.sampling!r}.")
        check_batch("batch_size", self.batch_size, problem.n_lower, "lower")
        check_batch("val_batch_size", self.val_batch_size, problem.n_upper, "upper")

    @abstractmethod
    def complete(self, problem: BilevelProblem, x: np.ndarray, y: np.ndarray) -> Options:
        """These options with the values filled in that depend on the problem."""

    @abstractmethod
    def plan(self, problem: BilevelProblem, key: tuple[int, int], n_threads: int) -> Plan:
        """Samplers and stacking of the lower iterates."""

    @abstractmethod
    def stencil(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Offsets, coefficients and signs, (n_groups, g) each."""

    @abstractmethod
    def chunk_text(self) -> tuple[Any, ...]:
        """The text of the outer loop and the constants it closes over."""

    @abstractmethod
    def schedules(self, first: int, n: int) -> tuple[np.ndarray, ...]:
        """What changes with the iteration, at iterations first, ..., first + n - 1."""

    @abstractmethod
    def fixed(self, problem: BilevelProblem, plan: Plan) -> tuple[Any, ...]:
        """Numbers that do not change during the run; not constants of the text, or every new
        shape of data would be compiled anew."""

    @abstractmethod
    def lower_estimate(self) -> np.ndarray:
        """Weights (n_groups, g) of the stacked iterates in the estimate of y*(x)."""

    @abstractmethod
    def oracle_calls(self, plan: Plan) -> dict[str, int]:
        """Single-sample oracle calls of one outer iteration."""


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


def closest(name: str, known: Any, kind: str) -> str:
    """A sentence that says `name` is unknown and lists the closest of the `known` names."""
    known = sorted(known)
    matches = difflib.get_close_matches(str(name), known, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(matches)}?" if matches else f"Known: {', '.join(known)}."
    return f"Unknown {kind} {name!r}. {hint}"


def option_names(cls: type) -> list[str]:
    """Names of the options of a method's class."""
    return [field.name for field in fields(cls)]
