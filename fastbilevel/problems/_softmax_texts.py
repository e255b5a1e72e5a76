"""Oracles that all softmax regression problems share, each written once.

The lower objective is the weighted mean cross-entropy of the logits X W plus half a weighted square
of W, ``1/m sum_{i in rows} r_i s(x_i) CE_i(W) + 1/2 sum_ic e_k W_ic^2``; the upper objective is the
mean cross-entropy ``1/m sum_{i in rows} r_i CE_i(W)`` on other data and does not contain x.

A constant of the texts is `sparse`, the design family: CSR or dense.

The records below are what the texts find in `data` and `work`.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import numpy as np

from fastbilevel._texts.protocol import Array, Floats, Integers, record


@record
class Side(NamedTuple):
    """One level's data as the design families and their kernels take them.

    Attributes
    ----------
    X : tuple of arrays
        CSR or dense rows.
    labels : (n,) int32 array
    weight : (n,) float array
        r, of mean 1.
    blocks : tuple of arrays
        Copies of the fixed minibatches.
    """

    X: tuple[Any, ...]
    labels: Integers
    weight: Floats
    blocks: tuple[Any, ...]


@record
class Penalty(NamedTuple):
    """Where the squared penalty acts: the first arguments of the penalty family."""

    learned: bool
    row_index: Integers
    col_index: Integers
    scale: float


@record
class Data(NamedTuple):
    """Both sides; the penalty; the function s, a `kind` of the weights family; classes; threads."""

    train: Side
    val: Side
    penalty: Penalty
    kind: int
    classes: int
    n_threads: int


@record
class Work(NamedTuple):
    """Scratch of the simple oracles for up to m rows.

    Attributes
    ----------
    Z, U : (m*C,) arrays
        Logits, and directions in them.
    coefficients : (m,) array
        Row weights.
    losses : (m,) float64 array
    shift : (1,) float64 array
        Of the softmax weights.
    e, total : float64 arrays
        One number per penalty coefficient.
    placed : (rows, cols) or (rows, 1) float64 array
        The coefficients at their positions.
    """

    Z: Floats
    U: Floats
    coefficients: Floats
    losses: Floats
    shift: Floats
    e: Floats
    placed: Annotated[Any, Array(np.float64, 2)]
    total: Floats


@record
class FusedWork(NamedTuple):
    """Scratch of `descent_step`; lazy decay (rows,); work of the outer minibatch, g offsets."""

    step: tuple[Any, ...]
    scale: Floats
    simple: Work


def make_value(k: Any, lower: bool, sparse: bool) -> Any:
    """The lower or the upper objective."""
    design = k.csr if sparse else k.dense

    def value(data, work, x, y, rows, out):
        side = data.train if lower else data.val
        kind = data.kind if lower else k.weights.NONE
        losses, shift, penalty, C = work.losses, work.shift, data.penalty, data.classes
        design.forward(side.X, rows, y, work.Z, C)
        k.softmax.losses(work.Z, side.labels, rows, losses, C)
        k.weights.shift_of(kind, x, shift)
        out[0] = 0.0
        k.weights.weighted_sum(kind, x, shift[0], side.weight, rows, losses, 1.0 / rows.size, out)
        if lower:
            k.penalty.penalty_values(
                penalty.learned, penalty.row_index, penalty.col_index, penalty.scale, x, work.e,
                work.placed,
            )  # fmt: skip
            k.penalty.add_penalty(work.placed, y, out)

    return value


def make_gradient(k: Any, lower: bool, sparse: bool) -> Any:
    """The gradient in y of the lower or of the upper objective."""
    design = k.csr if sparse else k.dense

    def gradient(data, work, x, y, rows, out):
        side = data.train if lower else data.val
        kind = data.kind if lower else k.weights.NONE
        Z, coefficients, shift = work.Z, work.coefficients, work.shift
        penalty, C = data.penalty, data.classes
        k.weights.shift_of(kind, x, shift)
        k.weights.row_coefficients(
            kind, x, shift[0], side.weight, rows, 1.0 / rows.size, coefficients
        )
        design.forward(side.X, rows, y, Z, C)
        k.softmax.residual(Z, side.labels, rows, coefficients, C)
        out[:] = 0
        design.backward(side.X, rows, Z, 1.0, out, C)
        if lower:
            k.penalty.penalty_values(
                penalty.learned, penalty.row_index, penalty.col_index, penalty.scale, x, work.e,
                work.placed,
            )  # fmt: skip
            k.penalty.add_penalty_gradient(work.placed, y, out)

    return gradient


def make_hvp_lower_yy(k: Any, sparse: bool) -> Any:
    """``X^T S X v`` with S the curvature of the cross-entropies in the logits, plus ``e v``."""
    design = k.csr if sparse else k.dense

    def hvp_lower_yy(data, work, x, y, v, rows, out):
        side, penalty, kind, C = data.train, data.penalty, data.kind, data.classes
        Z, U, coefficients, shift = work.Z, work.U, work.coefficients, work.shift
        k.weights.shift_of(kind, x, shift)
        k.weights.row_coefficients(
            kind, x, shift[0], side.weight, rows, 1.0 / rows.size, coefficients
        )
        design.forward(side.X, rows, y, Z, C)
        design.forward(side.X, rows, v, U, C)
        k.softmax.curvature(Z, U, rows, coefficients, C)
        out[:] = 0
        design.backward(side.X, rows, U, 1.0, out, C)
        k.penalty.penalty_values(
            penalty.learned, penalty.row_index, penalty.col_index, penalty.scale, x, work.e,
            work.placed,
        )  # fmt: skip
        k.penalty.add_penalty_gradient(work.placed, v, out)

    return hvp_lower_yy


def make_perturbed_descent(
    k: Any,
    sparse: bool,
    independent: int,
    threaded: bool,
) -> Any:
    """Stochastic gradient steps on all q lower problems g + w_j f (F2SA-p, Algorithm 1)."""
    design = k.csr if sparse else k.dense

    def perturbed_descent(data, samplers, work, x, Y, weights, lr, steps, first):
        descend = design.descend_threaded if threaded else design.descend
        penalty, simple, g, C = data.penalty, work.simple, weights.shape[1], data.classes
        shift, placed = simple.shift, simple.placed
        k.penalty.penalty_values(
            penalty.learned, penalty.row_index, penalty.col_index, penalty.scale, x, simple.e,
            placed,
        )  # fmt: skip
        k.weights.shift_of(data.kind, x, shift)
        descend(
            data.train, samplers.lower, data.val, samplers.upper, x, weights, placed, lr, Y,
            work.scale, work.step, g, C, g * C, data.kind, shift[0], data.n_threads, steps, first,
            independent,
        )  # fmt: skip

    return perturbed_descent
