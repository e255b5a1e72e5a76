"""What a method asks of a problem: its minibatches and how its lower iterates are stacked."""

from __future__ import annotations

from dataclasses import dataclass

from fastbilevel._texts.protocol import Samplers
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
    def n_offsets(self) -> int:
        """Lower iterates in all."""
        return self.n_groups * self.g

    @property
    def largest_batch(self) -> int:
        """Rows of the largest minibatch, 1 at least."""
        return max(1, *(getattr(self, name).batch for name in Samplers._fields))

    def samplers(self) -> Samplers:
        """The samplers as texts take them, before their arrays are placed."""
        return Samplers(**{name: getattr(self, name).arrays() for name in Samplers._fields})
