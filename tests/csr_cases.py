"""Small CSR problems for the kernel tests, and texts that run the kernels compiled or plain."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from fastbilevel._texts.compile import compile_text
from fastbilevel.kernels import cpu, layout_csr, reference

TOLERANCE = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-12}


def frozen(array):
    """The array, read-only."""
    array.flags.writeable = False
    return array


def make_rows(rng, n, d, dtype, index=np.int32, density=0.3):
    """Sparse rows of Zipf-like columns; row 1 and the last column are empty."""
    share = density * np.minimum(1.0, 4.0 / (1.0 + np.arange(d)))
    X = np.where(rng.random((n, d)) < share + 0.1, rng.standard_normal((n, d)), 0.0)
    X[1] = 0.0
    X[:, -1] = 0.0
    X = sp.csr_array(X)
    arrays = X.indptr.astype(np.int64), X.indices.astype(index), X.data.astype(dtype)
    return tuple(frozen(a) for a in arrays)


# (C, g, dtype, index) of the cases: around the widths of vectors, every value of each in some case.
# One compilation takes seconds, so the other tests share two of them.
SHAPES = (
    (2, 1, np.float32, np.int32),
    (3, 2, np.float64, np.int64),
    (4, 2, np.float32, np.int32),
    (5, 1, np.float64, np.int32),
    (7, 2, np.float64, np.int32),
    (8, 1, np.float64, np.int64),
    (16, 1, np.float32, np.int64),
    (17, 2, np.float32, np.int32),
    (20, 2, np.float32, np.int64),
    (26, 1, np.float64, np.int32),
)
SMALL = {np.float32: SHAPES[2], np.float64: SHAPES[1]}


@dataclass
class Case:
    """Arguments of `descent_step` for `steps` steps on two sides of n and n_val rows."""

    C: int
    g: int
    dtype: Any
    index: Any
    kind: int = 0
    n: int = 23
    n_val: int = 17
    d: int = 19
    batch: int = 8
    steps: int = 1
    lr: float = 0.7
    by_class: bool = False
    seed: int = 0
    fixed: bool = True
    upper: bool = True
    sides: tuple = field(init=False)
    orders: tuple = field(init=False)
    plan: np.ndarray = field(init=False)
    x: np.ndarray = field(init=False)
    weights: np.ndarray = field(init=False)
    penalty: np.ndarray = field(init=False)
    V: np.ndarray = field(init=False)
    scale: np.ndarray = field(init=False)

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        sizes = self.n, self.n_val
        self.orders = tuple(frozen(rng.permutation(n).astype(np.int64)) for n in sizes)
        self.sides = tuple(
            self.side(rng, n, order) for n, order in zip(sizes, self.orders, strict=True)
        )
        blocks = [-(-n // self.batch) for n in sizes]
        self.plan = rng.integers(0, blocks, (self.steps, 2))
        self.x = frozen(rng.standard_normal(self.n).astype(self.dtype))
        self.weights = frozen(rng.standard_normal(self.g) * 0.3)
        penalty_shape = (self.d, self.C if self.by_class else 1)
        self.penalty = frozen(rng.uniform(0.0, 0.3, penalty_shape))
        self.V = rng.standard_normal(self.d * self.g * self.C).astype(self.dtype)
        self.scale = np.ones(self.d) if self.by_class else rng.uniform(0.5, 1.0, self.d)

    def side(self, rng, n, order):
        X = make_rows(rng, n, self.d, self.dtype, self.index)
        labels = frozen(rng.integers(0, self.C, n).astype(np.int32))
        given = frozen(rng.uniform(0.5, 1.5, n).astype(self.dtype))
        blocks = layout_csr.build_blocks(X, order, self.batch, True)
        return X, labels, given, tuple(frozen(a) for a in blocks)

    def in_float64(self):
        """The same numbers in float64."""
        wide = replace(self, dtype=np.float64)
        wide.sides = tuple(
            ((*X[:2], X[2].astype(np.float64)), labels, given.astype(np.float64), blocks)
            for X, labels, given, blocks in self.sides
        )
        for name in ("orders", "plan", "weights", "penalty"):
            setattr(wide, name, getattr(self, name))
        wide.x, wide.V = self.x.astype(np.float64), self.V.astype(np.float64)
        wide.scale = self.scale.copy()
        return wide

    def arguments(self):
        """Everything the text below takes, but the number of threads."""
        train, val = self.sides
        longest = max(self.batch, *(order.size for order in self.orders))
        work = layout_csr.workspace(self.d, longest, longest, self.g, self.C, self.dtype)
        return (
            train, self.orders[0], val, self.orders[1], self.batch, self.fixed, self.plan, self.x,
            self.weights, self.penalty, self.lr, self.V, self.scale, work, self.kind, self.shift(),
        )  # fmt: skip

    def shift(self):
        out = np.zeros(1)
        reference.weights.shift_of(self.kind, self.x, out)
        return out[0]

    def run(self, k=cpu, threads=0):
        """Take the steps in place, with the serial kernel if `threads` is 0."""
        take = compile_text(make_steps, k, self.g, self.C, threads > 0)
        take(*self.arguments(), max(threads, 1), self.upper)

    def iterates(self):
        """The iterates W = scale V, (d, g, C)."""
        return self.scale[:, None, None] * self.V.reshape(self.d, self.g, self.C)


def make_steps(k, g, C, threaded):
    """SGD steps on the blocks of a plan; `fixed` says whether their copies by features are used.

    Without `upper` the minibatches of that side have no rows.
    """

    def steps(
        train, order_g, val, order_f, batch, fixed, plan, x, weights, penalty, lr, V, scale, work,
        kind, shift, n_threads, upper,
    ):  # fmt: skip
        step = k.csr.descent_step_threaded if threaded else k.csr.descent_step
        for s in range(plan.shape[0]):
            b, c = plan[s, 0], plan[s, 1]
            rows_g, rows_f = (
                order_g[b * batch : (b + 1) * batch],
                order_f[c * batch : (c + 1) * batch],
            )
            if not upper:
                rows_f = rows_f[:0]
            if not fixed:
                b, c = -1, -1
            step(
                train, rows_g, b, val, rows_f, c, x, weights, penalty, lr, V, scale, work, g, C,
                kind, shift, n_threads,
            )  # fmt: skip

    return steps


def make_forward(k, width):
    def forward(X, rows, V, Z):
        k.csr.forward(X, rows, V, Z, width)

    return forward


def make_backward(k, width):
    def backward(X, rows, Z, scale, G):
        k.csr.backward(X, rows, Z, scale, G, width)

    return backward


def make_flush(k, width):
    def flush(V, scale):
        k.csr.flush(V, scale, width)

    return flush


def assert_close(got, expected, dtype=None):
    """Equal to the tolerance of the dtype, relative to the largest entry; NaN where expected."""
    dtype = np.dtype(dtype or got.dtype)
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(expected))
    largest = np.max(np.abs(expected), initial=0.0, where=np.isfinite(expected))
    np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE[dtype] * largest)
