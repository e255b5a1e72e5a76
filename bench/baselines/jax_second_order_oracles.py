"""Gradients and second-order products of the two dense problems in JAX, by several writings.

The loops of `jax_second_order` call them. `by_hand` writes softmax regression's formulas out, with
W and V in one matrix product; otherwise `jax.grad` and `jax.jvp` derive them from the objective,
and one `jax.jvp` of the gradient gives G_y, G_yy v and G_xy v together. `flip` keeps lower
variables as (C, d) instead of (d, C), so that gradients are R' X. None is the fastest everywhere.

A minibatch is a slice of the shuffled rows. Lower oracles take the part of x that a block needs:
its own rows' weights in hyper-cleaning, everything in learned penalties. Cross products come in
that shape, so that no loop touches all of x where its method does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

Side = tuple[np.ndarray, np.ndarray]
Array = jax.Array


class Oracles(NamedTuple):
    """What a second-order method asks of a problem; `block` is the number of a minibatch.

    Attributes
    ----------
    part : callable
        ``part(x, block)``, what the lower minibatch needs of x.
    add : callable
        ``add(x, change, block)``, x with the part changed.
    lower_gradient : callable
        ``(part, W, block)`` -> G_y.
    hessian_product : callable
        ``(part, W, V, block)`` -> G_yy V.
    cross_product : callable
        ``(part, W, V, block)`` -> G_xy V, shaped as the part.
    lower_products : callable
        ``(part, W, V, block)`` -> G_y, G_yy V, G_xy V.
    upper_gradient : callable
        ``(W, block)`` -> F_y; F_x is 0 in both problems.
    part_size : int
        Entries of a part.
    blocks : tuple of two int
        Number of lower and of upper minibatches.
    """

    part: Callable[[Array, Array], Array]
    add: Callable[[Array, Array, Array], Array]
    lower_gradient: Callable[..., Array]
    hessian_product: Callable[..., Array]
    cross_product: Callable[..., Array]
    lower_products: Callable[..., tuple[Array, Array, Array]]
    upper_gradient: Callable[..., Array]
    part_size: int
    blocks: tuple[int, int]


def cut(array: Array, block: Array, batch: int) -> Array:
    """Rows of a minibatch."""
    return lax.dynamic_slice_in_dim(array, block * batch, batch)


def _logits(X: Array, W: Array, flip: bool) -> Array:
    return X @ W.T if flip else X @ W


def _gradient(X: Array, R: Array, flip: bool) -> Array:
    return R.T @ X if flip else X.T @ R


def _losses(Z: Array, target: Array) -> Array:
    """Cross-entropy of each row; one column of logits is logistic regression."""
    if Z.shape[1] == 1:
        return (jax.nn.softplus(Z) - target * Z)[:, 0]
    return -(jax.nn.log_softmax(Z) * target).sum(axis=1)


def _probabilities(Z: Array) -> Array:
    return jax.nn.sigmoid(Z) if Z.shape[1] == 1 else jax.nn.softmax(Z)


def _curvature(P: Array, U: Array) -> Array:
    """Second derivative of each row's loss, times U (rows, C)."""
    if P.shape[1] == 1:
        return P * (1 - P) * U
    return P * (U - (P * U).sum(axis=1, keepdims=True))


class Arrays(NamedTuple):
    """Rows and targets of both levels on the device, in the order in which blocks are cut."""

    A: Array
    a: Array
    B: Array
    b: Array

    @classmethod
    def of(cls, train: Side, val: Side, columns: int) -> Arrays:
        """Targets are one-hot, or with `columns` 1 the labels 0 and 1."""
        (A, a), (B, b) = train, val
        classes = np.eye(columns)
        targets = (y[:, None] if columns == 1 else classes[y] for y in (a, b))
        a, b = (jnp.asarray(target.astype(A.dtype)) for target in targets)
        return cls(jnp.asarray(A), a, jnp.asarray(B), b)


class _Regression(NamedTuple):
    """What both problems share; `Arrays`, unpacked, and how they are read."""

    A: Array
    a: Array
    B: Array
    b: Array
    batch: int
    flip: bool
    # Half of the columns' difference is each of two columns: gradients count for both.
    metric: float

    def both_logits(self, X: Array, W: Array, V: Array) -> tuple[Array, Array]:
        """X W and X V by one product."""
        axis = 0 if self.flip else 1
        Z = _logits(X, jnp.concatenate([W, V], axis=axis), self.flip)
        return Z[:, : Z.shape[1] // 2], Z[:, Z.shape[1] // 2 :]

    def both_gradients(self, X: Array, R: Array, S: Array) -> tuple[Array, Array]:
        """X' R and X' S by one product."""
        G = _gradient(X, jnp.concatenate([R, S], axis=1), self.flip)
        half = R.shape[1]
        return (G[:half], G[half:]) if self.flip else (G[:, :half], G[:, half:])

    def blocks(self) -> tuple[int, int]:
        return self.A.shape[0] // self.batch, self.B.shape[0] // self.batch

    def lower_block(self, block: Array) -> tuple[Array, Array]:
        return cut(self.A, block, self.batch), cut(self.a, block, self.batch)

    def upper_gradient(self, by_hand: bool) -> Callable[[Array, Array], Array]:
        def value(W: Array, block: Array) -> Array:
            X = cut(self.B, block, self.batch)
            return _losses(_logits(X, W, self.flip), cut(self.b, block, self.batch)).mean()

        def written(W: Array, block: Array) -> Array:
            X = cut(self.B, block, self.batch)
            R = _probabilities(_logits(X, W, self.flip)) - cut(self.b, block, self.batch)
            return _gradient(X, R * (self.metric / self.batch), self.flip)

        return written if by_hand else _scaled(jax.grad(value), self.metric)


def _scaled(function: Callable[..., Array], factor: float) -> Callable[..., Array]:
    return function if factor == 1 else lambda *arguments: factor * function(*arguments)


def _derived(lower: Callable[..., Array], metric: float) -> dict[str, Callable]:
    """Oracles by `jax.grad` and `jax.jvp` from ``lower(part, W, block)``."""
    of_y, of_x = jax.grad(lower, argnums=1), jax.grad(lower, argnums=0)
    of_both = jax.grad(lower, argnums=(0, 1))

    def lower_products(part, W, V, block):
        (_, G), (J, H) = jax.jvp(lambda W: of_both(part, W, block), (W,), (V,))
        return metric * G, metric * H, J

    def hessian_product(part, W, V, block):
        return metric * jax.jvp(lambda W: of_y(part, W, block), (W,), (V,))[1]

    def cross_product(part, W, V, block):
        return jax.jvp(lambda W: of_x(part, W, block), (W,), (V,))[1]

    return {
        "lower_gradient": _scaled(of_y, metric),
        "lower_products": lower_products,
        "hessian_product": hessian_product,
        "cross_product": cross_product,
    }


def cleaning(
    data: Arrays, batch: int, reg: float, by_hand: bool = False, flip: bool = False
) -> Oracles:
    """Hyper-cleaning: g = mean sigmoid(x_i) CE_i + reg |W|^2, f = mean CE; x by training row."""
    s = _Regression(*data, batch, flip, 1.0)

    def lower(part, W, block):
        X, target = s.lower_block(block)
        losses = _losses(_logits(X, W, flip), target)
        return (jax.nn.sigmoid(part) * losses).mean() + reg * jnp.square(W).sum()

    def trust(part):
        return jax.nn.sigmoid(part)[:, None] / batch

    def lower_gradient(part, W, block):
        X, target = s.lower_block(block)
        R = (jax.nn.softmax(_logits(X, W, flip)) - target) * trust(part)
        return _gradient(X, R, flip) + 2 * reg * W

    def hessian_product(part, W, V, block):
        X, _ = s.lower_block(block)
        Z, U = s.both_logits(X, W, V)
        S = _curvature(jax.nn.softmax(Z), U) * trust(part)
        return _gradient(X, S, flip) + 2 * reg * V

    def slope(part, R, U):
        sigmoid = jax.nn.sigmoid(part)
        return sigmoid * (1 - sigmoid) * (R * U).sum(axis=1) / batch

    def cross_product(part, W, V, block):
        X, target = s.lower_block(block)
        Z, U = s.both_logits(X, W, V)
        return slope(part, jax.nn.softmax(Z) - target, U)

    def lower_products(part, W, V, block):
        X, target = s.lower_block(block)
        Z, U = s.both_logits(X, W, V)
        P = jax.nn.softmax(Z)
        R, S = P - target, _curvature(P, U)
        G, H = s.both_gradients(X, R * trust(part), S * trust(part))
        return G + 2 * reg * W, H + 2 * reg * V, slope(part, R, U)

    written = {
        "lower_gradient": lower_gradient,
        "lower_products": lower_products,
        "hessian_product": hessian_product,
        "cross_product": cross_product,
    }

    def add(x, change, block):
        return lax.dynamic_update_slice_in_dim(x, cut(x, block, batch) + change, block * batch, 0)

    return Oracles(
        part=lambda x, block: cut(x, block, batch),
        add=add,
        upper_gradient=s.upper_gradient(by_hand),
        part_size=batch,
        blocks=s.blocks(),
        **(written if by_hand else _derived(lower, s.metric)),
    )


def learned_penalty(data: Arrays, batch: int, by_hand: bool = False, flip: bool = False) -> Oracles:
    """One penalty per feature for two classes: g = mean CE + mean(exp(x_i) W_ic^2)/2, f = mean CE.

    If targets have one column, W is the difference of the two columns, which stay each other's
    negative (see `jax_dense.make_logistic_penalty`): logistic regression with gradients and Hessian
    products counted twice follows the same path with half the numbers.
    """
    d, columns = data.A.shape[1], data.a.shape[1]
    s = _Regression(*data, batch, flip, 2.0 if columns == 1 else 1.0)
    # sum over both columns of (1/2) (W_ic)^2 / (2 d); columns are half of their difference.
    scale = 1 / (4 * d) if columns == 1 else 1 / (2 * d)

    def penalty(x):
        decay = scale * jnp.exp(x)
        return decay if flip else decay[:, None]

    def lower(x, W, block):
        X, target = s.lower_block(block)
        losses = _losses(_logits(X, W, flip), target)
        return losses.mean() + 0.5 * (penalty(x) * jnp.square(W)).sum()

    def lower_gradient(x, W, block):
        X, target = s.lower_block(block)
        R = (_probabilities(_logits(X, W, flip)) - target) * (s.metric / batch)
        return _gradient(X, R, flip) + s.metric * penalty(x) * W

    def hessian_product(x, W, V, block):
        X, _ = s.lower_block(block)
        Z, U = s.both_logits(X, W, V)
        S = _curvature(_probabilities(Z), U) * (s.metric / batch)
        return _gradient(X, S, flip) + s.metric * penalty(x) * V

    def cross_product(x, W, V, block):
        return (penalty(x) * W * V).sum(axis=0 if flip else 1)

    def lower_products(x, W, V, block):
        X, target = s.lower_block(block)
        Z, U = s.both_logits(X, W, V)
        P, factor = _probabilities(Z), s.metric / batch
        G, H = s.both_gradients(X, (P - target) * factor, _curvature(P, U) * factor)
        decay = s.metric * penalty(x)
        return G + decay * W, H + decay * V, cross_product(x, W, V, block)

    written = {
        "lower_gradient": lower_gradient,
        "lower_products": lower_products,
        "hessian_product": hessian_product,
        "cross_product": cross_product,
    }
    return Oracles(
        part=lambda x, block: x,
        add=lambda x, change, block: x + change,
        upper_gradient=s.upper_gradient(by_hand),
        part_size=d,
        blocks=s.blocks(),
        **(written if by_hand else _derived(lower, s.metric)),
    )
