"""Calls of the CPU kernels at realistic sizes, with the bytes and operations of each call.

Every case is a text (see `_compile`) that makes the call `repeats` times, so that the widths are
compile-time constants as in a solver and the cost of entering compiled code does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from fastbilevel import _compile
from fastbilevel.datasets import make_text
from fastbilevel.kernels import cpu, layout_csr, layout_dense

# Rows, features, classes, rows of a minibatch.
TEXT = (5_000, 73_686, 20, 1_000)
DENSE = ((10_000, 784, 10, 1_000), (9_984, 784, 10, 64), (34_944, 22, 2, 64))
OFFSETS = 2
LR = 1e-6


class Case(NamedTuple):
    """`text(repeats, *arguments)` makes `repeats` x `calls` calls of a kernel.

    Attributes
    ----------
    kernel, size : str
    make : callable
        Of the text, see `_compile.text`.
    constants, arguments : tuple
    touched : float
        Bytes that one call loads and stores.
    operations : float
        Additions and multiplications in the products of one call; 0: not counted.
    calls : int
        One for each of the minibatches that `arguments` hold.
    """

    kernel: str
    size: str
    make: Callable[..., Any]
    constants: tuple[Any, ...]
    arguments: tuple[Any, ...]
    touched: float
    operations: float = 0.0
    calls: int = 1

    def run(self, repeats: int) -> None:
        """Make the calls; the first time compiles."""
        _compile.text(self.make, cpu, *self.constants)(repeats, *self.arguments)


def cases(dtype: np.dtype[Any]) -> Iterator[Case]:
    """Kernels that runs of the methods spend their time in, at the sizes of the benchmarks."""
    yield from _vector_cases(dtype)
    yield from _text_cases(dtype)
    for size in DENSE:
        yield from _dense_cases(dtype, *size)


# -- texts ---------------------------------------------------------------------------------------


def make_axpy(k: Any) -> Any:
    def axpy(repeats, x, y):
        for _ in range(repeats):
            k.vector.axpy(1e-6, x, y)

    return axpy


def make_normalized_momentum(k: Any) -> Any:
    def normalized_momentum(repeats, x, m, phi, nothing, norm, flag):
        for _ in range(repeats):
            k.vector.normalized_momentum(x, m, phi, LR, 0.5, 1, nothing, nothing, norm, flag)

    return normalized_momentum


def make_forward(k: Any, family: Any, width: int) -> Any:
    def forward(repeats, X, blocks, V, Z):
        for _ in range(repeats):
            for b in range(blocks.shape[0]):
                family.forward(X, blocks[b], V, Z, width)

    return forward


def make_backward(k: Any, family: Any, width: int) -> Any:
    def backward(repeats, X, blocks, Z, G):
        for _ in range(repeats):
            for b in range(blocks.shape[0]):
                family.backward(X, blocks[b], Z, 1e-6, G, width)

    return backward


def make_residual(k: Any, C: int) -> Any:
    def residual(repeats, Z, labels, blocks, coefficients):
        for _ in range(repeats):
            k.softmax.residual(Z, labels, blocks[0], coefficients, C)

    return residual


def make_losses(k: Any, C: int) -> Any:
    def losses(repeats, Z, labels, blocks, out):
        for _ in range(repeats):
            k.softmax.losses(Z, labels, blocks[0], out, C)

    return losses


def make_descent_step(k: Any, family: Any, g: int, C: int) -> Any:
    def descent_step(repeats, train, val, blocks, x, weights, penalty, V, scale, work):
        for _ in range(repeats):
            for b in range(blocks.shape[0]):
                family.descent_step(
                    train, blocks[b], b, val, blocks[b], b, x, weights, penalty, LR, V, scale,
                    work, g, C, 0, 0.0, 1,
                )  # fmt: skip

    return descent_step


def make_flush(k: Any, width: int) -> Any:
    def flush(repeats, V, scale):
        for _ in range(repeats):
            k.csr.flush(V, scale, width)

    return flush


def make_penalty_gradient(k: Any, g: int, C: int) -> Any:
    def penalty_gradient(repeats, row_index, col_index, x, Y, alpha, total, out):
        for _ in range(repeats):
            k.penalty.penalty_gradient(
                row_index, col_index, 1.0, x, Y, alpha, 0.1, total, out, g, C
            )

    return penalty_gradient


# -- cases ---------------------------------------------------------------------------------------


def _vector_cases(dtype: np.dtype[Any]) -> Iterator[Case]:
    n = TEXT[1]
    x, y, phi = np.zeros(n, dtype), np.zeros(n, dtype), np.ones(n, dtype)
    size, item = f"{n}", dtype.itemsize
    yield Case("vector.axpy", size, make_axpy, (), (x, y), 3 * n * item, 2 * n)
    rest = phi, np.empty(0, dtype), np.empty(1), np.zeros(1, np.int64)
    touched = (2 + 1 + 1 + 2) * n * item
    make = make_normalized_momentum
    yield Case("vector.normalized_momentum", size, make, (), (x, y, *rest), touched, 7 * n)


def _text_cases(dtype: np.dtype[Any]) -> Iterator[Case]:
    n, d, C, batch = TEXT
    width, item = OFFSETS * C, dtype.itemsize
    documents, labels = make_text(2 * n, d, C, dtype=dtype)
    # Numbered by falling frequency, as the problems do it.
    rank = np.empty(d, np.int32)
    rank[np.argsort(-np.bincount(documents.indices, minlength=d), kind="stable")] = np.arange(d)
    documents = sp.csr_matrix((documents.data, rank[documents.indices], documents.indptr))
    documents.sort_indices()
    order = np.arange(n)
    blocks = order.reshape(-1, batch)
    train, val = (
        _csr_side(documents[start : start + n], labels[start : start + n], order, batch)
        for start in (0, n)
    )
    X, ones = train[0], np.ones(d)
    V, G = np.zeros(d * width, dtype), np.zeros(d * width, dtype)
    Z = np.zeros(batch * width, dtype)
    size, calls = f"{batch} rows x {d} x {width}", blocks.shape[0]
    nnz = train[0][2].size / calls
    product = nnz * (item + 4 + width * item) + Z.nbytes
    arguments: tuple[Any, ...] = (X, blocks)
    constants: tuple[Any, ...] = (cpu.csr, width)
    flops = 2 * nnz * width
    yield Case(
        "csr.forward", size, make_forward, constants, (*arguments, V, Z), product, flops, calls
    )
    scatter = product + nnz * width * item
    yield Case(
        "csr.backward", size, make_backward, constants, (*arguments, Z, G), scatter, flops, calls
    )
    nnz += val[0][2].size / calls
    features = (train[3][1].size + val[3][1].size) / calls
    touched = (
        2 * nnz * (item + 4 + width * item)
        + 2 * batch * 4 * width * item
        + features * (4 + 8 + 2 * width * item)
        + d * (3 * 8 + 4 * item)
    )
    work = layout_csr.workspace(d, batch, batch, OFFSETS, C, dtype)
    weights, penalty = np.array([-0.1, 0.1]), np.full((d, 1), 1e-3)
    x = np.zeros(d, dtype)
    arguments = (train, val, blocks, x, weights, penalty, V, ones, work)
    yield Case(
        "csr.descent_step",
        size,
        make_descent_step,
        (cpu.csr, OFFSETS, C),
        arguments,
        touched,
        4 * nnz * width,
        calls,
    )
    size = f"{d} x {width}"
    yield Case("csr.flush", size, make_flush, (width,), (V, ones), 2 * V.nbytes + 16 * d)
    row_index, col_index = np.arange(d), np.zeros(1, np.int64)
    arguments = (row_index, col_index, x, V.reshape(1, -1), np.array([[-0.5, 0.5]]), ones, x)
    yield Case(
        "penalty.penalty_gradient",
        size,
        make_penalty_gradient,
        (OFFSETS, C),
        arguments,
        V.nbytes + d * (8 + 2 * item),
        4 * V.size,
    )
    Z = np.zeros(batch * C, dtype)
    size = f"{batch} x {C}"
    arguments = (Z, train[1], blocks, np.full(batch, 1e-3))
    yield Case("softmax.residual", size, make_residual, (C,), arguments, 2 * Z.nbytes)
    arguments = (Z, train[1], blocks, np.empty(batch))
    yield Case("softmax.losses", size, make_losses, (C,), arguments, Z.nbytes)


def _csr_side(X: sp.csr_matrix, labels: np.ndarray, order: np.ndarray, batch: int) -> tuple:
    rows = (X.indptr.astype(np.int64), X.indices, X.data)
    weight = np.ones(labels.size, X.dtype)
    blocks = layout_csr.build_blocks(rows, order, batch, True)
    return rows, labels.astype(np.int32), weight, blocks


def _dense_cases(dtype: np.dtype[Any], n: int, d: int, C: int, batch: int) -> Iterator[Case]:
    width, item = OFFSETS * C, dtype.itemsize
    rng = np.random.default_rng(0)
    order = np.arange(n)
    blocks = order.reshape(-1, batch)
    calls = blocks.shape[0]
    sides = []
    for _ in range(2):
        X = (rng.random((n, d)).astype(dtype),)
        labels = rng.integers(0, C, n).astype(np.int32)
        tiles = layout_dense.build_blocks(X, order, batch, True)
        sides.append((X, labels, np.ones(n, dtype), tiles))
    train, val = sides
    V, G = np.zeros(width * d, dtype), np.zeros(width * d, dtype)
    Z = np.zeros(batch * width, dtype)
    size = f"{batch} rows x {d} x {width}"
    constants = (cpu.dense, width)
    touched = batch * d * item + V.nbytes + Z.nbytes
    flops = 2 * batch * d * width
    arguments: tuple[Any, ...] = (train[0], blocks)
    yield Case(
        "dense.forward", size, make_forward, constants, (*arguments, V, Z), touched, flops, calls
    )
    touched += V.nbytes
    yield Case(
        "dense.backward", size, make_backward, constants, (*arguments, Z, G), touched, flops, calls
    )
    work = layout_dense.workspace(d, batch, batch, OFFSETS, C, dtype)
    weights, penalty = np.array([-0.1, 0.1]), np.full((1, 1), 1e-3)
    arguments = (train, val, blocks, np.zeros(1, dtype), weights, penalty, V, np.ones(1), work)
    yield Case(
        "dense.descent_step",
        size,
        make_descent_step,
        (cpu.dense, OFFSETS, C),
        arguments,
        2 * batch * (d + 4 * width) * item + 3 * V.nbytes,
        4 * flops,
        calls,
    )
