"""Small dense problems for the kernel tests, and texts that run the kernels compiled or plain."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fastbilevel._texts.compile import compile_text
from fastbilevel.kernels import cpu, layout_dense, reference

# Of the largest number expected. A step sums up to a few thousand products.
TOLERANCE = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-13}

# Around vector registers, tiles, panels; 1 and 2 features too.
FEATURES = (1, 2, 7, 15, 16, 17, 31, 33, 64, 65, 100)
BATCHES = (1, 3, 4, 5, 63, 64, 65, 130)

# (C, g, dtype): one compilation each takes seconds. The columns of a step, g (C - 1), are 1, 2, 4,
# 8, 9, 20 and 25: less than a tile, whole tiles, tiles of two widths.
SHAPES = (
    (2, 1, np.float64),
    (2, 2, np.float32),
    (3, 2, np.float64),
    (5, 2, np.float32),
    (10, 1, np.float32),
    (11, 2, np.float64),
    (26, 1, np.float32),
)
SMALL = {np.float32: SHAPES[3], np.float64: SHAPES[2]}
BINARY = {np.float32: SHAPES[1], np.float64: SHAPES[0]}


def frozen(array):
    """The array, read-only."""
    array.flags.writeable = False
    return array


@dataclass
class Case:
    """Arguments of `descent_step` for `steps` steps on two sides of n and n_val rows.

    `fixed`: the minibatches are blocks, transposed where the layout does so; else any rows, with
    repetitions.
    """

    C: int
    g: int
    dtype: Any
    d: int = 19
    batch: int = 40
    val_batch: int = 40
    n: int = 90
    n_val: int = 75
    kind: int = 1
    steps: int = 1
    lr: float = 0.4
    by_class: bool = False
    fixed: bool = False
    seed: int = 0
    size: float = 1.0
    sides: tuple = field(init=False)
    plan: tuple = field(init=False)
    x: np.ndarray = field(init=False)
    weights: np.ndarray = field(init=False)
    penalty: np.ndarray = field(init=False)
    V: np.ndarray = field(init=False)

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        levels = [(self.n, self.batch), (self.n_val, self.val_batch)]
        orders = [frozen(rng.permutation(n).astype(np.int64)) for n, _ in levels]
        self.sides = tuple(
            self._side(rng, order, batch) for order, (_, batch) in zip(orders, levels, strict=True)
        )
        self.plan = tuple(
            self._minibatches(rng, order, batch)
            for order, (_, batch) in zip(orders, levels, strict=True)
        )
        self.x = frozen(rng.standard_normal(self.n).astype(self.dtype))
        self.weights = frozen(rng.standard_normal(self.g) * 0.3)
        self.penalty = frozen(rng.uniform(0, 0.3, (1, self.C * self.d if self.by_class else 1)))
        self.V = self.size * rng.standard_normal(self.g * self.C * self.d).astype(self.dtype)

    def _side(self, rng, order, batch):
        n = order.size
        X = (frozen(rng.standard_normal((n, self.d)).astype(self.dtype)),)
        labels = frozen(rng.integers(0, self.C, n).astype(np.int32))
        given = frozen(rng.uniform(0.5, 1.5, n).astype(self.dtype))
        blocks = layout_dense.build_blocks(X, order, batch, self.fixed)
        return X, labels, given, tuple(frozen(a) for a in blocks)

    def _minibatches(self, rng, order, batch):
        """(rows, block) of every step; the last block, which is shorter, comes first."""
        if not self.fixed:
            return [(frozen(rng.integers(0, order.size, batch)), -1) for _ in range(self.steps)]
        last = (order.size - 1) // batch
        blocks = [last, *rng.integers(0, last + 1, self.steps - 1)]
        return [(order[b * batch : (b + 1) * batch], int(b)) for b in blocks]

    def in_float64(self):
        """The same numbers in float64."""
        wide = replace(self, dtype=np.float64)
        wide.sides = tuple(
            (tuple(a.astype(np.float64) for a in X), labels, given.astype(np.float64), blocks)
            for X, labels, given, blocks in self.sides
        )
        for name in ("plan", "weights", "penalty"):
            setattr(wide, name, getattr(self, name))
        wide.x, wide.V = self.x.astype(np.float64), self.V.astype(np.float64)
        return wide

    def change_side(self, level, X=None, labels=None, given=None):
        """Other data for one level, without transposed blocks."""
        sides = list(self.sides)
        old = sides[level]
        new = (
            old[0] if X is None else (frozen(X),),
            old[1] if labels is None else frozen(labels),
            old[2] if given is None else frozen(given),
            old[3],
        )
        sides[level] = new
        self.sides = tuple(sides)

    def shift(self):
        out = np.zeros(1)
        reference.weights.shift_of(self.kind, self.x, out)
        return out[0]

    def inputs(self):
        return self.sides, self.plan, self.x, self.weights, self.penalty

    def run(self, k=cpu, threads=0):
        """Take the steps in place, with the serial kernel if `threads` is 0."""
        step = compile_text(make_step, k, self.g, self.C, threads > 0)
        # Read-only whoever made it: for another type the step would be compiled again.
        frozen(self.penalty)
        longest = (max(rows.size for rows, _ in level) for level in self.plan)
        work = layout_dense.workspace(self.d, *longest, self.g, self.C, self.dtype)
        for array in work:
            # Contents are undefined before a step, so nothing may depend on them.
            array[...] = -1 if array.dtype.kind == "i" else np.nan
        for (rows_g, block_g), (rows_f, block_f) in zip(*self.plan, strict=True):
            step(
                self.sides[0], rows_g, block_g, self.sides[1], rows_f, block_f, self.x,
                self.weights, self.penalty, self.lr, self.V, np.ones(1), work, self.kind,
                self.shift(), max(threads, 1),
            )  # fmt: skip
        return self

    def iterates(self):
        """(g, C, d)."""
        return self.V.reshape(self.g, self.C, self.d)


def make_step(k, g, C, threaded):
    def step(
        train, rows_g, block_g, val, rows_f, block_f, x, weights, penalty, lr, V, scale, work,
        kind, shift, n_threads,
    ):  # fmt: skip
        step = k.dense.descent_step_threaded if threaded else k.dense.descent_step
        step(
            train, rows_g, block_g, val, rows_f, block_f, x, weights, penalty, lr, V, scale, work,
            g, C, kind, shift, n_threads,
        )  # fmt: skip

    return step


def make_forward(k, width):
    def forward(X, rows, V, Z):
        k.dense.forward(X, rows, V, Z, width)

    return forward


def make_backward(k, width):
    def backward(X, rows, Z, scale, G):
        k.dense.backward(X, rows, Z, scale, G, width)

    return backward


def assert_close(got, expected, dtype=None):
    """Equal to the tolerance of the dtype, relative to the largest entry; NaN where expected."""
    dtype = np.dtype(dtype or got.dtype)
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(expected))
    largest = np.max(np.abs(expected), initial=0.0, where=np.isfinite(expected))
    np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE[dtype] * largest)
