"""F2SA-p in jitted JAX on dense data: whole outer iterations inside `lax.scan`.

Data are single device arrays sliced in place, so a minibatch is a block of consecutive rows. All
offsets share one matrix product. With ``flip`` gradients are computed as (R' X)' instead of X' R:
the same numbers, for which XLA finds a faster product at some sizes.

Every `make_*` returns a function ``run(x, W, inner, outer)`` that takes x, the stacked iterates,
the block numbers of the inner steps (T, K, 2) and of the hypergradient estimates (T,), and returns
x and W after T outer iterations.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .setting import Setting

Run = Callable[[jax.Array, jax.Array, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]
Side = tuple[np.ndarray, np.ndarray]


def _cut(array: jax.Array, block: jax.Array, batch: int) -> jax.Array:
    return lax.dynamic_slice_in_dim(array, block * batch, batch)


def _normalized_step(x: jax.Array, phi: jax.Array, lr: float) -> jax.Array:
    return x - lr * phi / jnp.linalg.norm(phi)


def _softmax_residual(X: jax.Array, onehot: jax.Array, W: jax.Array, q: int) -> jax.Array:
    """softmax - onehot for all offsets, (rows, q, C); W (d, q C)."""
    return jax.nn.softmax((X @ W).reshape(X.shape[0], q, -1)) - onehot[:, None, :]


def _gradient(X: jax.Array, R: jax.Array, V: jax.Array, S: jax.Array, flip: bool) -> jax.Array:
    """X' R + V' S."""
    return (R.T @ X + S.T @ V).T if flip else X.T @ R + V.T @ S


def make_cleaning(
    train: Side, val: Side, batch: int, setting: Setting, reg: float, flip: bool = False
) -> Run:
    """Hyper-cleaning: g = mean sigmoid(x_i) CE_i + reg |W|^2, f = mean CE; W (d, q C)."""
    dtype = train[0].dtype
    classes = np.eye(int(train[1].max()) + 1, dtype=dtype)
    A, a, B, b = map(jnp.asarray, (train[0], classes[train[1]], val[0], classes[val[1]]))
    q = setting.offsets.size
    val_weights = jnp.asarray(setting.weights / batch, dtype)[:, None]
    alpha = jnp.asarray(setting.coefficients / (batch * setting.nu), dtype)
    lr = setting.lr_y

    @jax.jit
    def run(x, W, inner, outer):
        def outer_iteration(state, blocks):
            x, W = state

            def step(W, pair):
                X, V = _cut(A, pair[0], batch), _cut(B, pair[1], batch)
                trust = jax.nn.sigmoid(_cut(x, pair[0], batch)) / batch
                R = _softmax_residual(X, _cut(a, pair[0], batch), W, q) * trust[:, None, None]
                S = _softmax_residual(V, _cut(b, pair[1], batch), W, q) * val_weights
                G = _gradient(X, R.reshape(batch, -1), V, S.reshape(batch, -1), flip)
                return (1 - 2 * lr * reg) * W - lr * G, None

            W, _ = lax.scan(step, W, blocks[0])
            X, onehot = _cut(A, blocks[1], batch), _cut(a, blocks[1], batch)
            Z = jax.nn.log_softmax((X @ W).reshape(batch, q, -1))
            losses = -(Z * onehot[:, None, :]).sum(axis=2)
            rows = _cut(x, blocks[1], batch)
            sigmoid = jax.nn.sigmoid(rows)
            phi = sigmoid * (1 - sigmoid) * (losses @ alpha)
            rows = _normalized_step(rows, phi, setting.lr_x)
            return (lax.dynamic_update_slice_in_dim(x, rows, blocks[1] * batch, 0), W), None

        return lax.scan(outer_iteration, (x, W), (inner, outer))[0]

    return run


def make_softmax_penalty(
    train: Side, val: Side, batch: int, setting: Setting, flip: bool = False
) -> Run:
    """One penalty per feature: g = mean CE + mean(exp(x_i) W_ic^2)/2, f = mean CE; W (d, q C)."""
    dtype = train[0].dtype
    classes = np.eye(int(train[1].max()) + 1, dtype=dtype)
    A, a, B, b = map(jnp.asarray, (train[0], classes[train[1]], val[0], classes[val[1]]))
    d, C, q = A.shape[1], classes.shape[0], setting.offsets.size
    val_weights = jnp.asarray(setting.weights / batch, dtype)[:, None]
    alpha = jnp.asarray(setting.coefficients / (2 * setting.nu), dtype)
    lr = setting.lr_y

    @jax.jit
    def run(x, W, inner, outer):
        def outer_iteration(state, blocks):
            x, W = state
            penalty = jnp.exp(x) / (d * C)
            keep = (1 - lr * penalty)[:, None]

            def step(W, pair):
                X, V = _cut(A, pair[0], batch), _cut(B, pair[1], batch)
                R = _softmax_residual(X, _cut(a, pair[0], batch), W, q) / batch
                S = _softmax_residual(V, _cut(b, pair[1], batch), W, q) * val_weights
                G = _gradient(X, R.reshape(batch, -1), V, S.reshape(batch, -1), flip)
                return keep * W - lr * G, None

            W, _ = lax.scan(step, W, blocks)
            squares = jnp.square(W).reshape(d, q, C).sum(axis=2)
            return (_normalized_step(x, penalty * (squares @ alpha), setting.lr_x), W), None

        return lax.scan(outer_iteration, (x, W), inner)[0]

    return run


def make_logistic_penalty(
    train: Side, val: Side, batch: int, setting: Setting, flip: bool = False
) -> Run:
    """The same for two classes with half the numbers; W (d, q) is the difference of the columns.

    Softmax with two columns w0, w1 started at 0 keeps w1 = -w0. Their difference w = 2 w1 follows
    logistic regression with twice the step on the data term; the penalty mean(exp(x_i) W_ic^2)/2 of
    both columns is sum_i exp(x_i) w_i^2 / (8 d).
    """
    dtype = train[0].dtype
    A, a, B, b = map(jnp.asarray, (train[0], train[1].astype(dtype), val[0], val[1].astype(dtype)))
    d = A.shape[1]
    val_weights = jnp.asarray(setting.weights / batch, dtype)
    alpha = jnp.asarray(setting.coefficients / (4 * setting.nu), dtype)
    lr = setting.lr_y

    @jax.jit
    def run(x, W, inner, outer):
        def outer_iteration(state, blocks):
            x, W = state
            penalty = jnp.exp(x) / (2 * d)
            keep = (1 - lr * penalty)[:, None]

            def step(W, pair):
                X, V = _cut(A, pair[0], batch), _cut(B, pair[1], batch)
                R = (jax.nn.sigmoid(X @ W) - _cut(a, pair[0], batch)[:, None]) / batch
                S = (jax.nn.sigmoid(V @ W) - _cut(b, pair[1], batch)[:, None]) * val_weights
                return keep * W - 2 * lr * _gradient(X, R, V, S, flip), None

            W, _ = lax.scan(step, W, blocks)
            phi = penalty * (jnp.square(W) @ alpha)
            return (_normalized_step(x, phi, setting.lr_x), W), None

        return lax.scan(outer_iteration, (x, W), inner)[0]

    return run
