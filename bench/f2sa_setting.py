"""F2SA on rows of ijcnn1 shape: our run, the minibatches that it draws, and the JAX loops."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastbilevel._texts.samplers import LOWER, UPPER, key_of, make_sampler
from fastbilevel.kernels.cpu.draw import draw_batch

from .baselines.numpy_f2sa import F2SASetting
from .data import Dense
from .ours import Stepper

SEED = 0
# Rows of both levels in the order of the blocks, and block numbers of every inner step.
Drawn = tuple[tuple[np.ndarray, np.ndarray], np.ndarray]


def drawn_plans(
    n_lower: int, n_upper: int, batch: int, shared: bool, iterations: int, inner_steps: int
) -> Drawn:
    """The fixed blocks of ``sampling="blocks"`` and those that a run of F2SA draws.

    Returns
    -------
    orders : two int64 arrays
        Rows of the lower and of the upper level in the order in which blocks are cut.
    plans : (iterations, inner_steps, 3) int32 array
        Block numbers of G at z, G at y and F at y in every inner step.
    """
    key = key_of(SEED)
    lower, upper = (
        make_sampler(n, batch, "blocks", stream, key, False).arrays()
        for n, stream in ((n_lower, LOWER), (n_upper, UPPER))
    )
    # The first offset is that of z. Shared minibatches are those of no offset.
    of_z, of_y = (0, 0) if shared else (1, 2)
    draws = (lower, of_z), (lower, of_y), (upper, of_y)
    plans = [
        [draw_batch(sampler, step, offset)[1] for sampler, offset in draws]
        for step in range(iterations * inner_steps)
    ]
    return (lower[0], upper[0]), np.array(plans, np.int32).reshape(iterations, inner_steps, 3)


def our_run(
    problem: Any, batch: int, setting: F2SASetting, shared: bool, inner_steps: int, count: int
) -> Stepper:
    """Our solver on one thread, `count` outer iterations at a time."""
    return Stepper(
        problem,
        count,
        method="f2sa",
        **setting._asdict(),
        shared_samples=shared,
        inner_steps=inner_steps,
        batch_size=batch,
        val_batch_size=batch,
        sampling="blocks",
        seed=SEED,
        n_threads=1,
    )


class JaxLoop:
    """A jitted loop over the minibatches that our run draws, `count` outer iterations in one call.

    Parameters
    ----------
    data : Dense
        Whole blocks of `batch` rows.
    drawn : tuple
        From `drawn_plans`, for a multiple of `count` iterations.
    **choices
        Of `baselines.jax_f2sa.make_learned_penalty`.
    """

    def __init__(
        self,
        data: Dense,
        drawn: Drawn,
        batch: int,
        setting: F2SASetting,
        count: int,
        columns: int = 2,
        **choices: Any,
    ) -> None:
        import jax.numpy as jnp

        from .baselines.jax_f2sa import make_learned_penalty

        sizes = data.y.size, data.y_val.size
        if any(size % batch for size in sizes):
            raise ValueError(f"{sizes} rows are not whole blocks of {batch}; take multiples of it")
        orders, plans = drawn
        train = data.X[orders[0]], data.y[orders[0]]
        val = data.X_val[orders[1]], data.y_val[orders[1]]
        self.run = make_learned_penalty(train, val, batch, setting, columns=columns, **choices)
        dtype, d = data.X.dtype, data.X.shape[1]
        penalties = setting.penalties(plans.shape[0])
        self.now = [
            (jnp.asarray(plans[t : t + count]), jnp.asarray(penalties[t : t + count], dtype))
            for t in range(0, plans.shape[0], count)
        ]
        W = jnp.zeros((d, columns), dtype)
        self.state = jnp.zeros(d, dtype), W, W
        self.calls = 0

    def advance(self) -> None:
        """`count` outer iterations."""
        self.state = self.run(*self.state, *self.now[self.calls])
        self.state[0].block_until_ready()
        self.calls += 1

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """x, and z as (d, 2): two columns that are each other's negative if it has only one."""
        x, z = (np.asarray(array, np.float64) for array in self.state[:2])
        return x, z if z.shape[1] == 2 else np.hstack([-z / 2, z / 2])
