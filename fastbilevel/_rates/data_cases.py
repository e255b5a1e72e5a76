"""Calls of the CPU kernels at realistic sizes, with the bytes and operations of each call.

Every case is a text (see `fastbilevel._texts.compile`) that makes the call `repeats` times, so that
the widths are compile-time constants as in a solver and the cost of entering compiled code does not
count.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from fastbilevel._rates.case import Case
from fastbilevel._rates.vector_cases import vector_cases
from fastbilevel.datasets import make_text
from fastbilevel.kernels import cpu, layout_csr, layout_dense

# Rows, features, classes, rows of a minibatch.
TEXT = (5_000, 73_686, 20, 1_000)
DENSE = ((10_000, 784, 10, 1_000), (9_984, 784, 10, 64), (34_944, 22, 2, 64))
OFFSETS = 2
LR = 1e-6


def cases(dtype: np.dtype[Any]) -> Iterator[Case]:
    """Kernels that runs of the methods spend their time in, at the sizes of the benchmarks."""
    yield from vector_cases(TEXT[1], dtype)
    yield from _text_cases(dtype)
    for size in DENSE:
        yield from _dense_cases(dtype, *size)


# -- texts ---------------------------------------------------------------------------------------


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
    def residual(repeats, Z, labels, rows, coefficients):
        for _ in range(repeats):
            k.softmax.residual(Z, labels, rows, coefficients, C)

    return residual


def make_losses(k: Any, C: int) -> Any:
    def losses(repeats, Z, labels, rows, out):
        for _ in range(repeats):
            k.softmax.losses(Z, labels, rows, out, C)

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


def _text_cases(dtype: np.dtype[Any]) -> Iterator[Case]:
    n, d, C, batch = TEXT
    width, item = OFFSETS * C, dtype.itemsize
    order = np.arange(n)
    train, val = (_csr_side(X, labels, order, batch) for X, labels in _documents(dtype))
    blocks = order.reshape(-1, batch)
    # Nonzeros and distinct features of a block, on average.
    nnz, features = (array.size / blocks.shape[0] for array in (train[0][2], train[3][1]))
    data, rows = nnz * (item + 4), nnz * width * item
    logits, scale = batch * width * item, d * (3 * 8 + 4 * item)
    cost = Cost(
        data=data,
        iterate=rows,
        step=4 * (data + rows) + 8 * logits + 2 * features * (12 + 2 * width * item) + scale,
        operations=2 * nnz * width,
    )
    size = f"{batch} rows x {d} x {width}"
    work = layout_csr.workspace(d, batch, batch, OFFSETS, C, dtype)
    penalty = np.full((d, 1), 1e-3)
    yield from _regression_cases(
        "csr", cpu.csr, size, train, val, blocks, penalty, work, d, C, cost
    )
    yield from _iterate_cases(dtype, d, C)
    yield from _softmax_cases(train[1], blocks[0], dtype, C)


def _documents(dtype: np.dtype[Any]) -> Iterator[tuple[sp.csr_matrix, np.ndarray]]:
    """Training and validation documents, features numbered by falling frequency as in problems."""
    n, d, C, _ = TEXT
    X, labels = make_text(2 * n, d, C, dtype=dtype)
    rank = np.empty(d, np.int32)
    rank[np.argsort(-np.bincount(X.indices, minlength=d), kind="stable")] = np.arange(d)
    X = sp.csr_matrix((X.data, rank[X.indices], X.indptr), shape=X.shape)
    X.sort_indices()
    yield X[:n], labels[:n]
    yield X[n:], labels[n:]


def _csr_side(X: sp.csr_matrix, labels: np.ndarray, order: np.ndarray, batch: int) -> tuple:
    rows = (X.indptr.astype(np.int64), X.indices, X.data)
    blocks = layout_csr.build_blocks(rows, order, batch, True)
    return rows, labels.astype(np.int32), np.ones(labels.size, X.dtype), blocks


def _dense_cases(dtype: np.dtype[Any], n: int, d: int, C: int, batch: int) -> Iterator[Case]:
    width, item = OFFSETS * C, dtype.itemsize
    order = np.arange(n)
    rng = np.random.default_rng(0)
    sides: list[tuple[Any, ...]] = []
    for _ in range(2):
        X = (rng.random((n, d)).astype(dtype),)
        labels = rng.integers(0, C, n).astype(np.int32)
        tiles = layout_dense.build_blocks(X, order, batch, True)
        sides.append((X, labels, np.ones(n, dtype), tiles))
    data, iterate, logits = (size * item for size in (batch * d, d * width, batch * width))
    cost = Cost(data, iterate, 2 * data + 3 * iterate + 8 * logits, 2 * batch * d * width)
    size = f"{batch} rows x {d} x {width}"
    work = layout_dense.workspace(d, batch, batch, OFFSETS, C, dtype)
    blocks, penalty = order.reshape(-1, batch), np.full((1, 1), 1e-3)
    yield from _regression_cases(
        "dense", cpu.dense, size, sides[0], sides[1], blocks, penalty, work, d, C, cost
    )


class Cost(NamedTuple):
    """Bytes of a minibatch's data, of the iterate's rows it meets, and of a whole step.

    `operations` are those of one product.
    """

    data: float
    iterate: float
    step: float
    operations: float


def _regression_cases(
    name: str,
    family: Any,
    size: str,
    train: tuple[Any, ...],
    val: tuple[Any, ...],
    blocks: np.ndarray,
    penalty: np.ndarray,
    work: tuple[Any, ...],
    d: int,
    C: int,
    cost: Cost,
) -> Iterator[Case]:
    X, _, weights, _ = train
    width, calls = OFFSETS * C, blocks.shape[0]
    Z = np.zeros(blocks.shape[1] * width, weights.dtype)
    V, G = np.zeros((2, d * width), weights.dtype)

    def case(kernel, make, constants, arguments, touched, operations):
        shared = (touched, operations, calls)
        return Case(f"{name}.{kernel}", size, make, (family, *constants), arguments, *shared)

    touched = cost.data + cost.iterate + Z.nbytes
    yield case("forward", make_forward, (width,), (X, blocks, V, Z), touched, cost.operations)
    touched += cost.iterate
    yield case("backward", make_backward, (width,), (X, blocks, Z, G), touched, cost.operations)
    x, offsets, scale = np.zeros(d, V.dtype), np.array([-0.1, 0.1]), np.ones(d)
    arguments = (train, val, blocks, x, offsets, penalty, V, scale, work)
    constants = (OFFSETS, C)
    operations = 4 * cost.operations
    yield case("descent_step", make_descent_step, constants, arguments, cost.step, operations)


def _iterate_cases(dtype: np.dtype[Any], d: int, C: int) -> Iterator[Case]:
    width = OFFSETS * C
    V, scale, x, out = (
        np.zeros(d * width, dtype),
        np.ones(d),
        np.zeros(d, dtype),
        np.zeros(d, dtype),
    )
    size = f"{d} x {width}"
    yield Case("csr.flush", size, make_flush, (width,), (V, scale), 2 * V.nbytes + 16 * d)
    indices = np.arange(d), np.zeros(1, np.int64)
    arguments = (*indices, x, V.reshape(1, -1), np.array([[-0.5, 0.5]]), np.empty(d), out)
    touched = V.nbytes + d * (8 + 16) + x.nbytes + out.nbytes
    make = make_penalty_gradient
    constants = (OFFSETS, C)
    yield Case("penalty.penalty_gradient", size, make, constants, arguments, touched, 4 * V.size)


def _softmax_cases(
    labels: np.ndarray, rows: np.ndarray, dtype: np.dtype[Any], C: int
) -> Iterator[Case]:
    Z, coefficients = np.zeros(rows.size * C, dtype), np.full(rows.size, 1e-3)
    size = f"{rows.size} x {C}"
    arguments = (Z, labels, rows, coefficients)
    yield Case("softmax.residual", size, make_residual, (C,), arguments, 2 * Z.nbytes)
    arguments = (Z, labels, rows, np.empty(rows.size))
    yield Case("softmax.losses", size, make_losses, (C,), arguments, Z.nbytes)
