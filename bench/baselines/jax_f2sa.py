"""F2SA in jitted JAX: whole outer iterations inside `lax.scan`, minibatches as slices.

`make_learned_penalty` has these choices, since none is the fastest everywhere. `shared`: z and y
see the same lower minibatch and share its matrix products; otherwise each has its own. `columns` 2
runs softmax with two classes, 1 logistic regression on the difference of the two columns, half the
numbers with the same solution path (see `jax_dense.make_logistic_penalty`). `flip` computes
gradients as (R' X)' instead of X' R. `unroll` writes the inner steps out instead of a second scan.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .jax_dense import Side, _cut
from .numpy_f2sa import F2SASetting

# run(x, z, y, plans (T, K, 3), penalties (T,)) -> x, z, y
Run = Callable[..., tuple[jax.Array, jax.Array, jax.Array]]


def make_learned_penalty(
    train: Side,
    val: Side,
    batch: int,
    setting: F2SASetting,
    shared: bool,
    columns: int = 2,
    flip: bool = False,
    unroll: bool = False,
) -> Run:
    """One penalty per feature, as `numpy_f2sa.LearnedPenalty`; z and y are (d, columns)."""
    dtype, C = train[0].dtype, columns

    def targets(y: np.ndarray) -> jax.Array:
        return jnp.asarray(np.eye(2)[y] if C == 2 else y[:, None], dtype)

    A, a, B, b = jnp.asarray(train[0]), targets(train[1]), jnp.asarray(val[0]), targets(val[1])
    d = A.shape[1]
    # The difference of the columns takes twice the step on the data term.
    rate = setting.lr_z * (1.0 if C == 2 else 2.0) / batch
    share = setting.lr_x * (1 / 2 if C == 2 else 1 / 4)

    def residual(X: jax.Array, target: jax.Array, W: jax.Array) -> jax.Array:
        Z = X @ W
        if C == 1:
            return jax.nn.sigmoid(Z) - target
        Z = jax.nn.softmax(Z.reshape(batch, -1, 2)) - target[:, None, :]
        return Z.reshape(batch, -1)

    def gradient(X: jax.Array, R: jax.Array) -> jax.Array:
        return (R.T @ X).T if flip else X.T @ R

    def shared_step(keep: jax.Array, nu: jax.Array) -> Any:
        def step(W, blocks):
            X, V = _cut(A, blocks[0], batch), _cut(B, blocks[2], batch)
            R = residual(X, _cut(a, blocks[0], batch), W)
            S = residual(V, _cut(b, blocks[2], batch), W[:, C:]) * nu
            upper = jnp.pad(gradient(V, S), ((0, 0), (C, 0)))
            return keep * W - rate * (gradient(X, R) + upper), None

        return step

    def separate_step(keep: jax.Array, nu: jax.Array) -> Any:
        def step(pair, blocks):
            z, y = pair
            X, Y, V = (_cut(M, blocks[i], batch) for i, M in enumerate((A, A, B)))
            R = residual(X, _cut(a, blocks[0], batch), z)
            Q = residual(Y, _cut(a, blocks[1], batch), y)
            S = residual(V, _cut(b, blocks[2], batch), y) * nu
            z = keep * z - rate * gradient(X, R)
            return (z, keep * y - rate * (gradient(Y, Q) + gradient(V, S))), None

        return step

    @jax.jit
    def run(x, z, y, plans, penalties):
        def outer_iteration(state, now):
            (x, z, y), (plan, penalty) = state, now
            decay = jnp.exp(x) / (2 * d)
            keep = (1 - setting.lr_z * decay)[:, None]
            if shared:
                W = jnp.concatenate([z, y], axis=1)
                W, _ = lax.scan(shared_step(keep, 1 / penalty), W, plan, unroll=unroll)
                z, y = W[:, :C], W[:, C:]
            else:
                pair = z, y
                (z, y), _ = lax.scan(separate_step(keep, 1 / penalty), pair, plan, unroll=unroll)
            difference = (jnp.square(y) - jnp.square(z)).sum(axis=1)
            return (x - share * penalty * decay * difference, z, y), None

        return lax.scan(outer_iteration, (x, z, y), (plans, penalties))[0]

    return run
