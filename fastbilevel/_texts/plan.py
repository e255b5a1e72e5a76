"""What a method asks of a problem: its minibatches and how its lower iterates are stacked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastbilevel._texts.samplers import Sampler


@dataclass(frozen=True)
class Plan:
    """What a method asks of a problem's fused oracles.

    Attributes
    ----------
    lower, upper, outer_lower, outer_upper : Sampler
        Minibatches of the inner steps and of the hypergradient estimate.
    linear : Sampler
        Minibatches of the Hessian-vector products of a linear solver.
    n_groups, g : int
        Lower iterates are stacked as `n_groups` groups of `g` offsets.
    independent : bool
        Every group draws its own minibatches in the lower steps; then ``g`` is 1.
    outer_independent : bool
        Every group draws its own minibatches in the hypergradient estimate.
    n_threads : int
        Threads a kernel may use.
    """

    lower: Sampler
    upper: Sampler
    outer_lower: Sampler
    outer_upper: Sampler
    linear: Sampler
    n_groups: int
    g: int
    independent: bool
    outer_independent: bool
    n_threads: int

    @property
    def levels(self) -> tuple[Sampler, ...]:
        """The samplers in the order in which texts number them, that of their streams."""
        return self.lower, self.upper, self.outer_lower, self.outer_upper, self.linear

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Samples of a minibatch of each sampler; an exact expectation counts as one."""
        return tuple(max(1, sampler.batch) for sampler in self.levels)

    @property
    def largest_batch(self) -> int:
        """Rows of the largest minibatch."""
        return max(sampler.batch for sampler in self.levels)

    def samplers(self) -> tuple[Any, ...]:
        """The samplers as the tuples that texts take, before their arrays are placed."""
        return tuple(sampler.as_tuple() for sampler in self.levels)
