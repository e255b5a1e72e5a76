"""What the two dense benchmarks share: our run and a JAX loop in turns, on the same minibatches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .baselines.setting import Setting
from .data import Dense
from .ours import Stepper, drawn_blocks

SEED = 0


class JaxLoop:
    """A jitted loop that does `count` outer iterations in one call.

    Parameters
    ----------
    make : callable
        ``make(train, val, batch, setting)`` of `baselines.jax_dense`.
    data : Dense
        Its rows are brought into the order in which our solver cuts blocks.
    columns : int
        Width of the stacked iterates for one offset.
    per_row : bool
        x has an entry for each training row, not for each feature.
    """

    def __init__(
        self,
        make: Callable[..., Any],
        data: Dense,
        batch: int,
        setting: Setting,
        inner_steps: int,
        count: int,
        calls: int,
        columns: int,
        per_row: bool = False,
    ) -> None:
        import jax.numpy as jnp

        sizes = data.y.size, data.y_val.size
        if any(size % batch for size in sizes):
            raise ValueError(
                f"{sizes} rows are not whole blocks of {batch}; JAX would shift the last"
            )
        orders, inner, outer = drawn_blocks(*sizes, batch, SEED, count * calls, inner_steps)
        train = data.X[orders[0]], data.y[orders[0]]
        val = data.X_val[orders[1]], data.y_val[orders[1]]
        self.run = make(train, val, batch, setting)
        self.blocks = [
            (
                jnp.asarray(inner[t : t + count], jnp.int32),
                jnp.asarray(outer[t : t + count], jnp.int32),
            )
            for t in range(0, count * calls, count)
        ]
        d, self.q = data.X.shape[1], setting.offsets.size
        self.rows = orders[0] if per_row else np.arange(d)
        dtype = data.X.dtype
        self.state = jnp.zeros(self.rows.size, dtype), jnp.zeros((d, self.q * columns), dtype)
        self.count, self.call = count, 0

    def advance(self) -> None:
        """`count` outer iterations."""
        blocks = self.blocks[self.call % len(self.blocks)]
        self.state = self.run(*self.state, *blocks)
        self.state[0].block_until_ready()
        self.call += 1

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """x in the caller's order of rows, and the iterates (q, d, columns)."""
        x = np.empty(self.rows.size, np.float64)
        x[self.rows] = self.state[0]
        W = np.asarray(self.state[1])
        return x, W.reshape(W.shape[0], self.q, -1).swapaxes(0, 1)


def our_run(problem: Any, batch: int, setting: Setting, inner_steps: int, count: int) -> Stepper:
    """Our solver on one thread, `count` outer iterations at a time."""
    return Stepper(
        problem,
        count,
        method="f2sa-p",
        order=setting.offsets.size,
        nu=setting.nu,
        lr_y=setting.lr_y,
        lr_x=setting.lr_x,
        inner_steps=inner_steps,
        batch_size=batch,
        val_batch_size=batch,
        sampling="blocks",
        seed=SEED,
        n_threads=1,
    )


def compare(
    run: Stepper, loop: JaxLoop, widen: Callable[[np.ndarray], np.ndarray] = lambda W: W
) -> str:
    """Relative distances of x and of y between our run and a loop, both at the same iteration.

    `widen` makes the loop's iterates (q, d, columns) into (q, d, C).
    """
    while run.intermediate.nit < loop.call * loop.count:
        run.advance()
    while loop.call * loop.count < run.intermediate.nit:
        loop.advance()
    x, W = loop.result()
    y = widen(W).mean(axis=0).ravel()
    pairs = ((run.intermediate.x_last, x), (run.intermediate.y_last, y))
    return ", ".join(f"{np.linalg.norm(a - b) / np.linalg.norm(b):.1e}" for a, b in pairs)
