"""Options that methods share, and how they are checked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastbilevel._checks.values import check_batch
from fastbilevel._schedules import RunningTotals
from fastbilevel._texts.samplers import MODES
from fastbilevel.methods._description import Description

if TYPE_CHECKING:
    from fastbilevel._texts.plan import Plan
    from fastbilevel.problems.base import BilevelProblem


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
    projects_lower: ClassVar[bool] = False
    copies_of_lower_iterates: ClassVar[int] = 1
    description: ClassVar[Description]

    def check(self, problem: BilevelProblem) -> None:
        """Raise a sentence if an option does not fit its type, its range or the problem."""
        if self.sampling not in MODES:
            raise ValueError(f"sampling must be one of {', '.join(MODES)}; got {self.sampling!r}.")
        check_batch("batch_size", self.batch_size, problem.n_lower, "lower")
        check_batch("val_batch_size", self.val_batch_size, problem.n_upper, "upper")
        if problem.lower_bounds is not None and not self.projects_lower:
            raise TypeError(
                f"Method {self.name!r} cannot keep y inside the bounds {problem.lower_bounds} of "
                f"{type(problem).__name__}; take a method with a lower projection, such as "
                "'prox-f2sa'."
            )

    @property
    @abstractmethod
    def requires(self) -> tuple[str, ...]:
        """The simple oracles without which the method cannot run."""

    @property
    @abstractmethod
    def oracles(self) -> tuple[str, ...]:
        """The fused and stacked oracles that the method's text calls, in its order."""

    @abstractmethod
    def complete(self, problem: BilevelProblem, x: np.ndarray, y: np.ndarray) -> Options:
        """These options with the values filled in that depend on the problem."""

    @abstractmethod
    def plan(self, problem: BilevelProblem, key: tuple[int, int], n_threads: int) -> Plan:
        """Samplers and stacking of the lower iterates."""

    @property
    def is_compiled(self) -> bool:
        """Whether the loop can be compiled: no option is a plain Python function it calls."""
        return True

    @abstractmethod
    def chunk_text(self) -> tuple[Any, ...]:
        """The text of the outer loop and the constants it closes over."""

    def memory(
        self, problem: BilevelProblem, plan: Plan, x: np.ndarray, Y: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        """Arrays that this method alone keeps from iteration to iteration, and its scratch."""
        return ()

    @abstractmethod
    def schedules(
        self, plan: Plan, first: int, n: int, totals: RunningTotals
    ) -> tuple[np.ndarray, ...]:
        """What changes with the iteration, at iterations first, ..., first + n - 1."""

    @abstractmethod
    def fixed(self, problem: BilevelProblem, plan: Plan) -> tuple[Any, ...]:
        """Numbers and arrays that do not change during the run; not constants of the text, or
        every new shape of data would be compiled anew."""

    @abstractmethod
    def lower_estimate(self, plan: Plan) -> np.ndarray:
        """Weights (n_groups, g) of the stacked iterates in the estimate of y*(x)."""

    @abstractmethod
    def oracle_calls(self, plan: Plan, totals: RunningTotals) -> dict[str, int]:
        """Single-sample oracle calls so far, from the sums that `schedules` kept."""


def option_names(cls: type) -> list[str]:
    """Names of the options of a method's class."""
    return [field.name for field in fields(cls)]
