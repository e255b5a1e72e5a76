"""Second-order methods: our runs, the minibatches that they draw, and their competitors' loops."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from fastbilevel._texts.samplers import (
    LINEAR,
    LOWER,
    OUTER_LOWER,
    OUTER_UPPER,
    key_of,
    make_sampler,
)
from fastbilevel.kernels.cpu.draw import draw_batch

from .baselines.numpy_second_order import Constants, Draw
from .data import Dense
from .ours import Stepper

SEED = 0
# Options that each method takes of a benchmark's settings.
OPTIONS = {
    "soba": ("lr_y", "lr_v", "lr_x"),
    "saba": ("lr_y", "lr_v", "lr_x"),
    "ma-soba": ("lr_y", "lr_v", "lr_x", "momentum"),
    "stocbio": ("inner_steps", "neumann_steps", "neumann_lr", "lr_y", "lr_x"),
    "mrbo": ("neumann_steps", "neumann_lr", "lr_y", "lr_x", "momentum", "lower_momentum"),
    "amigo": ("inner_steps", "linear_steps", "lr_y", "lr_v", "lr_x"),
    "vrbo": (
        "inner_steps",
        "period",
        "refresh_batches",
        "neumann_steps",
        "neumann_lr",
        "lr_y",
        "lr_x",
    ),
}
JOINT = ("soba", "saba", "ma-soba")


def options_of(method: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Options of `fb.minimize` for a method."""
    return {name: settings[name] for name in OPTIONS[method]}


def constants_of(options: dict[str, Any]) -> Constants:
    """The same for the competitors."""
    return Constants(**{name: options[name] for name in Constants._fields if name in options})


def our_run(problem: Any, method: str, options: dict[str, Any], batch: int, count: int) -> Stepper:
    """Our solver on one thread, `count` outer iterations at a time; the first are done."""
    return Stepper(
        problem,
        count,
        method=method,
        **options,
        batch_size=batch,
        val_batch_size=batch,
        sampling="blocks",
        seed=SEED,
        n_threads=1,
    )


class Drawn:
    """Block numbers that our run of a method draws from fixed blocks.

    Parameters
    ----------
    method : str
    options : dict
        From `options_of`.
    n_lower, n_upper : int
        Rows of both levels.
    batch : int

    Attributes
    ----------
    orders : two int64 arrays
        Rows of the lower and of the upper level in the order in which blocks are cut.
    """

    def __init__(
        self, method: str, options: dict[str, Any], n_lower: int, n_upper: int, batch: int
    ) -> None:
        key = key_of(SEED)
        sizes = {
            LOWER: n_lower,
            OUTER_LOWER: n_lower,
            OUTER_UPPER: n_upper,
            LINEAR: n_lower,
        }
        self._samplers = {
            stream: make_sampler(n, batch, "blocks", stream, key, False).arrays()
            for stream, n in sizes.items()
        }
        self.orders = self._samplers[LOWER][0], self._samplers[OUTER_UPPER][0]
        self._method, self._options = method, options
        self._products = options.get("neumann_steps", options.get("linear_steps", 0))

    def _numbers(self, stream: int, first: int, *shape: int) -> np.ndarray:
        """Block numbers of consecutive draws."""
        steps = range(first, first + int(np.prod(shape)))
        drawn = [draw_batch(self._samplers[stream], step, 0)[1] for step in steps]
        return np.array(drawn, np.int32).reshape(shape)

    def iterations(self, first: int, n: int) -> tuple[np.ndarray, ...]:
        """Blocks of iterations first, ..., first + n - 1 of any method but VRBO.

        Returns
        -------
        lower, upper, linear, cross : int32 arrays
            (n,), but `linear` is (n, products) and `lower` (n, inner_steps) if there are several.
        """
        inner, Q = self._options.get("inner_steps"), self._products
        shape = (n,) if inner is None else (n, inner)
        lower = self._numbers(LOWER, first * (inner or 1), *shape)
        # The methods of one joint step use one lower minibatch for everything.
        cross = lower if self._method in JOINT else self._numbers(OUTER_LOWER, first, n)
        linear = self._numbers(LINEAR, first * Q, n, Q)
        return lower, self._numbers(OUTER_UPPER, first, n), linear, cross

    def estimate(self, number: int) -> Draw:
        """Blocks of estimate `number` of VRBO."""
        return Draw(
            int(self._numbers(LOWER, number, 1)[0]),
            int(self._numbers(OUTER_UPPER, number, 1)[0]),
            self._numbers(LINEAR, number * self._products, self._products).tolist(),
            int(self._numbers(OUTER_LOWER, number, 1)[0]),
        )

    def plans(self, n: int) -> list[tuple[Any, ...]]:
        """Arguments of ``iterate`` of `baselines.torch_second_order` in the first n iterations."""
        if self._method != "vrbo":
            parts = zip(*(blocks.tolist() for blocks in self.iterations(0, n)), strict=True)
            return [(Draw(*blocks),) for blocks in parts]
        found, numbers = [], itertools.count()
        for k in range(n):
            refreshes = 0 if k % self._options["period"] else self._options["refresh_batches"]
            # One correction more than steps.
            steps = refreshes, self._options["inner_steps"] + 1
            found.append(
                tuple([self.estimate(next(numbers)) for _ in range(size)] for size in steps)
            )
        return found


class JaxRun:
    """A jitted loop of `baselines.jax_second_order`, `count` outer iterations in one call.

    It has the minibatches of our first `count` iterations, and the same again in every later call.

    Parameters
    ----------
    make_oracles : callable
        ``make_oracles(data)`` of `baselines.jax_second_order_oracles`.
    arrays : Arrays
        From `device_arrays`.
    drawn : Drawn
    x0 : (n_x,) array
    rows : (n_x,) int array
        Where each element of the loop's x is in ours.
    flip, unroll : bool
        Lower variables are (columns, d); inner steps are written out.
    """

    def __init__(
        self,
        method: str,
        make_oracles: Callable[[Any], Any],
        arrays: Any,
        options: dict[str, Any],
        drawn: Drawn,
        count: int,
        x0: np.ndarray,
        rows: np.ndarray,
        flip: bool,
        unroll: bool = False,
    ) -> None:
        import jax
        import jax.numpy as jnp

        from .baselines.jax_second_order import Blocks, Loop

        self._ready = jax.block_until_ready
        self._loop = Loop(method, make_oracles, arrays, constants_of(options), unroll)
        self._blocks = Blocks(*map(jnp.asarray, drawn.iterations(0, count)))
        self._rows, self._flip = rows, flip
        shape = arrays.A.shape[1], arrays.a.shape[1]
        W = jnp.zeros(shape[::-1] if flip else shape, arrays.A.dtype)
        self._state = self._loop.start(jnp.asarray(x0[rows]), W)

    def advance(self) -> None:
        """`count` outer iterations."""
        self._state = self._ready(self._loop(self._state, self._blocks))

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """x and y as ours are; two columns, each other's negative, if it has only one."""
        x = np.empty(self._rows.size)
        x[self._rows] = self._state[0]
        W = np.asarray(self._state[1], np.float64)
        W = W.T if self._flip else W
        return x, (W if W.shape[1] > 1 else np.hstack([-W / 2, W / 2])).ravel()


def device_arrays(data: Dense, orders: tuple[np.ndarray, np.ndarray], columns: int) -> Any:
    """Rows in the order of the blocks, and their targets, for any number of loops."""
    from .baselines.jax_second_order_oracles import Arrays

    lower, upper = orders
    train, val = (data.X[lower], data.y[lower]), (data.X_val[upper], data.y_val[upper])
    return Arrays.of(train, val, columns)


def seconds_of(action: Callable[[], Any]) -> tuple[Any, float]:
    """What an action returns, and the wall time that it takes."""
    start = time.perf_counter()
    result = action()
    return result, time.perf_counter() - start


def check_same(label: str, ours: Any, x: np.ndarray, y: np.ndarray, tolerance: float) -> str:
    """Relative distances of a competitor's x and y from ours, at the same iteration.

    Raises
    ------
    RuntimeError
        If one exceeds `tolerance`: then they do not compute the same, and no time means anything.
    """
    pairs = (ours.x_last, x), (ours.y_last, y)
    # Where x has not moved yet, both are 0.
    found = [np.linalg.norm(a - b) / (np.linalg.norm(b) or 1.0) for a, b in pairs]
    if not np.max(found) <= tolerance:
        raise RuntimeError(
            f"{label} is {found[0]:.1e} (x) and {found[1]:.1e} (y) away from our iterates after "
            f"{ours.nit} outer iterations on the same minibatches, more than {tolerance:.0e}; its "
            "time would be that of another method"
        )
    return ", ".join(f"{distance:.1e}" for distance in found)
