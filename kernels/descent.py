"""Steps of several groups of offsets as a loop over single steps, for backends of any kind."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any


def make_descend(draw: ModuleType, design: ModuleType, threaded: bool) -> Callable[..., Any]:
    """The kernel `descend` of a design family, over its `descent_step`.

    Parameters
    ----------
    draw, design : module
        Families draw, and csr or dense, of one backend.
    threaded : bool
        Take `descent_step_threaded`.
    """

    def descend(
        train, sampler_g, val, sampler_f, x, weights, penalty, lr, Y, scale, work, g, C, width,
        kind, shift, n_threads, steps, first_step, independent,
    ):  # fmt: skip
        """SGD steps on all q lower problems g + w_j f (F2SA-p, Algorithm 1), in place.

        A group of g offsets takes all its steps before the next one begins, so that its iterates
        stay in cache: `descent_step` on the minibatches number `first_step`, `first_step` + 1, ...
        of both samplers. A group without upper objective reads no validation rows.

        Parameters
        ----------
        train, val, x, penalty, scale, work, g, C, kind, shift, n_threads
            As in `descent_step`; `scale` is 1 before and after the steps of a group.
        sampler_g, sampler_f : tuple
            Samplers of the lower and of the upper minibatches, see `draw.draw_batch`.
        width : int
            g C, columns of the iterates of a group.
        weights : (n_groups, g) float64 array
            w_j = j nu of every offset.
        lr : (n_groups,) float64 array
            Step size of every group.
        Y : (n_groups, n_y*g) float array
            Stacked iterates, changed in place.
        steps, first_step : int
            Number of steps; number of the first draw.
        independent : int
            1 if every group draws its own minibatches, 0 if they share them.
        """
        step = design.descent_step_threaded if threaded else design.descent_step
        scale[:] = 1.0
        for a in range(Y.shape[0]):
            offset = (a + 1) * independent
            weighted = 0
            for j in range(g):
                weighted += weights[a, j] != 0.0
            for s in range(first_step, first_step + steps):
                rows_g, block_g = draw.draw_batch(sampler_g, s, offset)
                rows_f, block_f = draw.draw_batch(sampler_f, s, offset)
                if weighted == 0:
                    rows_f = rows_f[:0]
                step(
                    train, rows_g, block_g, val, rows_f, block_f, x, weights[a], penalty, lr[a],
                    Y[a], scale, work, g, C, kind, shift, n_threads,
                )  # fmt: skip
            design.flush(Y[a], scale, width)

    # The kernel belongs to the family that it steps with.
    descend.__module__ = design.__name__
    return descend
