"""Six second-order methods in jitted JAX: whole outer iterations inside `lax.scan`.

They are written once over the oracles of `jax_second_order_oracles`; each maker returns a loop and
a function ``start(x, y)`` of its first state. v solves G_yy v = F_y; in SOBA and SABA, which follow
their paper, G_yy v = -F_y. F_x is 0 in both problems, so it is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .jax_second_order_oracles import Array, Arrays, Oracles
from .numpy_second_order import Constants

State = tuple[Array, ...]
# run(state, blocks) -> state after the outer iterations that `blocks` has numbers for.
Run = Callable[[State, "Blocks"], State]


class Blocks(NamedTuple):
    """Block numbers of T outer iterations: (T,), or (T, steps) where a method draws several.

    Attributes
    ----------
    lower : array
        Lower gradients; in the SOBA family the one lower minibatch.
    upper : array
        Upper gradients.
    linear : array
        Hessian-vector products of the linear solver; (T, 0) without one.
    cross : array
        The cross product; as `lower` in the SOBA family.
    """

    lower: Any
    upper: Any
    linear: Any
    cross: Any


def _scan(step: Callable[[State, Blocks], State]) -> Run:
    """All outer iterations in one scan."""
    return lambda state, blocks: lax.scan(
        lambda state, now: (step(state, now), None), state, blocks
    )[0]


def _descend(oracles: Oracles, lr: float, unroll: bool, part_of: Callable, y: Array, blocks: Array):
    """Steps of SGD on the lower problem, one for every block."""

    def step(y, block):
        return y - lr * oracles.lower_gradient(part_of(block), y, block), None

    return lax.scan(step, y, blocks, unroll=unroll)[0]


def _neumann_sum(
    oracles: Oracles, eta: float, unroll: bool, part_of: Callable, y: Array, F: Array, blocks: Array
) -> Array:
    """eta sum_q r_q with r_0 = F, r_q = (I - eta G_yy) r_{q-1}, a block for every product."""

    def step(pair, block):
        r, total = pair
        r = r - eta * oracles.hessian_product(part_of(block), y, r, block)
        return (r, total + r), None

    return eta * lax.scan(step, (F, F), blocks, unroll=unroll)[0][1]


def soba(oracles: Oracles, s: Constants, unroll: bool) -> tuple[Run, Callable]:
    """SOBA: state x, y, v; all directions at the old point."""

    def step(state, blocks):
        x, y, v = state
        G, H, J = oracles.lower_products(oracles.part(x, blocks.lower), y, v, blocks.lower)
        F = oracles.upper_gradient(y, blocks.upper)
        return oracles.add(x, -s.lr_x * J, blocks.lower), y - s.lr_y * G, v - s.lr_v * (H + F)

    return _scan(step), lambda x, y: (x, y, jnp.zeros_like(y))


def saba(oracles: Oracles, s: Constants, unroll: bool) -> tuple[Run, Callable]:
    """SABA: SAGA tables of all five quantities by block, zeros at first.

    The table of G_xy v holds parts. All blocks are of the same size, so each weighs 1 / blocks.
    The entries that an iteration needs are read at the end of the one before: were a table read
    and written in the same iteration, XLA would copy all of it.
    """

    def step(carry, now):
        (x, y, v, averages, tables), old = carry
        blocks, ahead = now
        i, j = blocks.lower, blocks.upper
        G, H, J = oracles.lower_products(oracles.part(x, i), y, v, i)
        new = G, H, oracles.upper_gradient(y, j), J
        of_G, of_H, of_F, of_J = jax.tree.map(jnp.subtract, new, old)
        G_mean, H_mean, F_mean, J_mean = averages
        x = oracles.add(x - s.lr_x * J_mean, -s.lr_x * of_J, i)
        y = y - s.lr_y * (of_G + G_mean)
        v = v - s.lr_v * (of_H + H_mean + of_F + F_mean)
        n, m = tables[0].shape[0], tables[2].shape[0]
        J_mean = oracles.add(J_mean, of_J / n, i)
        averages = G_mean + of_G / n, H_mean + of_H / n, F_mean + of_F / m, J_mean
        tables = tuple(
            lax.dynamic_update_index_in_dim(table, entry, block, 0)
            for table, entry, block in zip(tables, new, (i, i, j, i), strict=True)
        )
        return ((x, y, v, averages, tables), entries(tables, ahead)), None

    def entries(tables, blocks):
        i, j = blocks.lower, blocks.upper
        return tables[0][i], tables[1][i], tables[2][j], tables[3][i]

    def run(state, blocks):
        ahead = jax.tree.map(lambda numbers: jnp.roll(numbers, -1, axis=0), blocks)
        first = entries(state[4], jax.tree.map(lambda numbers: numbers[0], blocks))
        return lax.scan(step, (state, first), (blocks, ahead))[0][0]

    def start(x, y):
        zero, (n_lower, n_upper) = jnp.zeros_like(y), oracles.blocks
        shapes = (n_lower, *y.shape), (n_lower, *y.shape), (n_upper, *y.shape)
        tables = [jnp.zeros(shape, y.dtype) for shape in (*shapes, (n_lower, oracles.part_size))]
        return x, y, zero, (zero, zero, zero, jnp.zeros_like(x)), tuple(tables)

    return run, start


def ma_soba(oracles: Oracles, s: Constants, unroll: bool) -> tuple[Run, Callable]:
    """MA-SOBA: x moves along the old average h; state x, y, v, h."""

    def step(state, blocks):
        x, y, v, h = state
        G, H, J = oracles.lower_products(oracles.part(x, blocks.lower), y, v, blocks.lower)
        F = oracles.upper_gradient(y, blocks.upper)
        average = oracles.add((1 - s.momentum) * h, -s.momentum * J, blocks.lower)
        return x - s.lr_x * h, y - s.lr_y * G, v - s.lr_v * (H - F), average

    return _scan(step), lambda x, y: (x, y, jnp.zeros_like(y), jnp.zeros_like(x))


def stocbio(oracles: Oracles, s: Constants, unroll: bool) -> tuple[Run, Callable]:
    """stocBiO: state x, y."""

    def step(state, blocks):
        x, y = state

        def part_of(block):
            return oracles.part(x, block)

        y = _descend(oracles, s.lr_y, unroll, part_of, y, blocks.lower)
        F = oracles.upper_gradient(y, blocks.upper)
        v = _neumann_sum(oracles, s.neumann_lr, unroll, part_of, y, F, blocks.linear)
        J = oracles.cross_product(part_of(blocks.cross), y, v, blocks.cross)
        return oracles.add(x, s.lr_x * J, blocks.cross), y

    return _scan(step), lambda x, y: (x, y)


def amigo(oracles: Oracles, s: Constants, unroll: bool) -> tuple[Run, Callable]:
    """AmIGO: SGD on y and on the quadratic of v, both warm; state x, y, v."""

    def step(state, blocks):
        x, y, v = state

        def part_of(block):
            return oracles.part(x, block)

        y = _descend(oracles, s.lr_y, unroll, part_of, y, blocks.lower)
        F = oracles.upper_gradient(y, blocks.upper)

        def solve(v, block):
            return v - s.lr_v * (oracles.hessian_product(part_of(block), y, v, block) - F), None

        v, _ = lax.scan(solve, v, blocks.linear, unroll=unroll)
        J = oracles.cross_product(part_of(blocks.cross), y, v, blocks.cross)
        return oracles.add(x, s.lr_x * J, blocks.cross), y, v

    return _scan(step), lambda x, y: (x, y, jnp.zeros_like(y))


def mrbo(oracles: Oracles, s: Constants, unroll: bool) -> tuple[Run, Callable]:
    """MRBO: STORM on both levels; state x, y, their predecessors, directions v and u, k.

    Both points are evaluated side by side, on the same minibatches.
    """
    pairs = Oracles(
        part=jax.vmap(oracles.part, (0, None)),
        add=oracles.add,
        lower_gradient=jax.vmap(oracles.lower_gradient, (0, 0, None)),
        hessian_product=jax.vmap(oracles.hessian_product, (0, 0, 0, None)),
        cross_product=jax.vmap(oracles.cross_product, (0, 0, 0, None)),
        lower_products=jax.vmap(oracles.lower_products, (0, 0, 0, None)),
        upper_gradient=jax.vmap(oracles.upper_gradient, (0, None)),
        part_size=oracles.part_size,
        blocks=oracles.blocks,
    )

    def step(state, blocks):
        x, y, x_old, y_old, v, u, k = state
        # The first estimates stand for themselves.
        keep_v = jnp.where(k == 0, 0, 1 - s.momentum)
        keep_u = jnp.where(k == 0, 0, 1 - s.lower_momentum)

        def part_of(block):
            return jnp.stack([oracles.part(x, block), oracles.part(x_old, block)])

        W = jnp.stack([y, y_old])
        F = pairs.upper_gradient(W, blocks.upper)
        V = _neumann_sum(pairs, s.neumann_lr, unroll, part_of, W, F, blocks.linear)
        J = pairs.cross_product(part_of(blocks.cross), W, V, blocks.cross)
        G = pairs.lower_gradient(part_of(blocks.lower), W, blocks.lower)
        v = oracles.add(keep_v * v, keep_v * J[1] - J[0], blocks.cross)
        u = G[0] + keep_u * (u - G[1])
        return x - s.lr_x * v, y - s.lr_y * u, x, y, v, u, k + 1

    def start(x, y):
        zeros = jnp.zeros_like(x), jnp.zeros_like(y)
        return x, y, x, y, *zeros, jnp.zeros((), jnp.int32)

    return _scan(step), start


METHODS = {
    "soba": soba,
    "saba": saba,
    "ma-soba": ma_soba,
    "stocbio": stocbio,
    "mrbo": mrbo,
    "amigo": amigo,
}


class Loop:
    """One method on one problem, jitted.

    Parameters
    ----------
    method : str
        Of `METHODS`.
    make_oracles : callable
        ``make_oracles(data)`` -> `Oracles`.
    data : Arrays
        Passed to the compiled function at each call: as constants, every loop would have a copy.
    steps : Constants
    unroll : bool
        Write the inner steps out instead of a scan inside the scan.
    """

    def __init__(
        self,
        method: str,
        make_oracles: Callable[[Arrays], Oracles],
        data: Arrays,
        steps: Constants,
        unroll: bool = False,
    ) -> None:
        def parts(data: Arrays) -> tuple[Run, Callable]:
            return METHODS[method](make_oracles(data), steps, unroll)

        self._data, self._first = data, parts(data)[1]
        self._run = jax.jit(
            lambda state, blocks, data: parts(data)[0](state, blocks), donate_argnums=0
        )

    def start(self, x: Array, y: Array) -> State:
        """The first state. x and y come first in all states."""
        # Memory that is given up must not be shared.
        return jax.tree.map(jnp.copy, self._first(x, y))

    def __call__(self, state: State, blocks: Blocks) -> State:
        """The state after the outer iterations of `blocks`; the old one's memory is given up."""
        return self._run(state, blocks, self._data)
