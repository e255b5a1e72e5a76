"""Options that methods share, and how they are checked."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from fastbilevel._checks.calls import Explained
from fastbilevel._checks.values import check_batch
from fastbilevel._oracles.linear_solvers import HypergradientEstimate
from fastbilevel._schedules import Totals
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.protocol import Nothing, Progress
from fastbilevel._texts.samplers import (
    LINEAR,
    LOWER,
    MODES,
    OUTER_LOWER,
    OUTER_UPPER,
    UPPER,
    Sampler,
    make_sampler,
)
from fastbilevel.methods._description import Description
from fastbilevel.methods._kinds import Kind, choice, steps
from fastbilevel.methods._setting import Setting
from fastbilevel.problems.base import BilevelProblem


@dataclass(frozen=True, kw_only=True)
class Options(metaclass=Explained):
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
    # Options that are step sizes, which a run that diverges names, and what else may help then.
    step_sizes: ClassVar[tuple[str, ...]] = ("lr_y", "lr_x")
    remedy: ClassVar[str] = ""
    # How the options that a class adds are checked; None passes where it is the default.
    kinds: ClassVar[Mapping[str, Kind]] = {
        "batch_size": steps(),
        "val_batch_size": steps(),
        "sampling": choice(MODES),
    }
    # The bundle of oracles that the text calls; its fields are their names.
    oracles: ClassVar[type]
    projects_lower: ClassVar[bool] = False
    copies_of_lower_iterates: ClassVar[int] = 1
    # Groups of the stacked iterates that start at 0, not at y0.
    zero_groups: ClassVar[tuple[int, ...]] = ()
    description: ClassVar[Description]

    def __post_init__(self) -> None:
        """Keep what the checks of the options return, or raise their sentences."""
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None or field.default is not None:
                found = self.kind_of(field.name)(field.name, value)
                object.__setattr__(self, field.name, found)

    @classmethod
    def kind_of(cls, name: str) -> Kind:
        """How the option `name` is checked: as the first class that says so has it."""
        for each in cls.__mro__:
            if name in each.__dict__.get("kinds", {}):
                return each.__dict__["kinds"][name]
        raise NotImplementedError(f"kinds of {cls.__name__} must say how {name} is checked.")

    def check(self, problem: BilevelProblem) -> None:
        """Raise a sentence if an option does not fit the problem."""
        check_batch("batch_size", self.batch_size, problem.n_lower, "lower")
        check_batch("val_batch_size", self.val_batch_size, problem.n_upper, "upper")
        if problem.lower_bounds is not None and not self.projects_lower:
            raise TypeError(
                f"Method {self.name!r} cannot keep y inside the bounds {problem.lower_bounds} of "
                f"{type(problem).__name__}; take a method with a lower projection, such as "
                "'prox-f2sa'."
            )

    def advice(self) -> str:
        """What to try after a run that diverged."""
        *names, last = (f"a smaller {name}" for name in self.step_sizes)
        return f"{', '.join(names)} or {last}{', ' * bool(self.remedy)}{self.remedy}"

    @property
    @abstractmethod
    def requires(self) -> tuple[str, ...]:
        """The simple oracles without which the method cannot run."""

    def estimate(self) -> HypergradientEstimate | None:
        """What the oracle `hypergradient` is, for methods that ask for it."""
        return None

    @abstractmethod
    def complete(self, problem: BilevelProblem, x: np.ndarray, y: np.ndarray) -> Options:
        """These options with the values filled in that depend on the problem."""

    @abstractmethod
    def stacking(self, k: Any) -> tuple[int, int]:
        """How lower iterates are stacked for the kernels `k`: groups, and offsets of each."""

    @abstractmethod
    def sharing(self) -> bool | str:
        """Whether all offsets see the same minibatches: True, False, or "outer" (in Phi only)."""

    def outer_batches_of(self) -> tuple[int | None, int | None]:
        """Rows of the lower and of the upper minibatches of the hypergradient estimate."""
        return self.batch_size, self.val_batch_size

    def lower_samples(self, problem: BilevelProblem) -> int:
        """Samples of the lower level that an outer iteration looks at, at least."""
        every = 1 if problem.infinite else problem.n_lower
        steps = getattr(self, "inner_steps", 1)
        batch = every if self.batch_size is None else self.batch_size
        return batch * (steps if isinstance(steps, int) else 1)

    def plan(self, problem: BilevelProblem, key: tuple[int, int], n_threads: int) -> Plan:
        """Samplers and stacking of the lower iterates."""

        def sampler(stream: int, n: int, batch: int | None) -> Sampler:
            return make_sampler(
                n, batch, self.sampling, stream, key, problem.infinite, problem.keep
            )

        n_groups, g = self.stacking(problem.kernels)
        outer_lower, outer_upper = self.outer_batches_of()
        return Plan(
            lower=sampler(LOWER, problem.n_lower, self.batch_size),
            upper=sampler(UPPER, problem.n_upper, self.val_batch_size),
            outer_lower=sampler(OUTER_LOWER, problem.n_lower, outer_lower),
            outer_upper=sampler(OUTER_UPPER, problem.n_upper, outer_upper),
            linear=sampler(LINEAR, problem.n_lower, self.batch_size),
            n_groups=n_groups,
            g=g,
            independent=self.sharing() is not True,
            outer_independent=self.sharing() is False,
            n_threads=n_threads,
        )

    @property
    def is_compiled(self) -> bool:
        """Whether the loop can be compiled: no option is a plain Python function it calls."""
        return True

    @abstractmethod
    def chunk_text(self) -> tuple[Any, ...]:
        """The text of the outer loop and the constants it closes over."""

    def memory(self, problem: BilevelProblem, plan: Plan, x: np.ndarray, Y: np.ndarray) -> Any:
        """A record of what this method alone keeps from iteration to iteration, and its scratch."""
        return Nothing()

    @abstractmethod
    def schedules(self, plan: Plan, first: int, n: int, totals: Totals) -> tuple[Any, Progress]:
        """A record of what changes with the iteration, at iterations first, ..., first + n - 1.

        With it comes what these iterations add to the totals and which minibatches they draw.
        Asking changes nothing: `totals` are those before the first of them.
        """

    def fixed(self, problem: BilevelProblem, plan: Plan) -> Any:
        """A record of what does not change during the run; not constants of the text, or every
        new shape of data would be compiled anew."""
        return Nothing()

    @abstractmethod
    def lower_estimate(self, plan: Plan) -> np.ndarray:
        """Weights (n_groups, g) of the stacked iterates in the estimate of y*(x)."""

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        """Options as the paper chooses them, see `fastbilevel.schedules.theory`."""
        raise ValueError("No schedule of this method is known; choose the options by hand.")


def option_names(cls: type) -> list[str]:
    """Names of the options of a method's class."""
    return [field.name for field in fields(cls)]
