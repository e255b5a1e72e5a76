"""Dense kernels against the float64 reference, at the edges of vectors, tiles and panels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from dense_cases import (
    BATCHES,
    BINARY,
    FEATURES,
    SHAPES,
    SMALL,
    Case,
    assert_close,
    frozen,
    make_backward,
    make_forward,
)

from fastbilevel._texts.compile import compile_text
from fastbilevel.kernels import cpu, layout_dense, reference

dtypes = pytest.mark.parametrize("dtype", SMALL, ids=["float32", "float64"])
shapes = pytest.mark.parametrize(
    "shape", SHAPES, ids=[f"{C}-{g}-{np.dtype(dtype)}" for C, g, dtype in SHAPES]
)


def snapshot(value):
    """A copy of all arrays in nested tuples and lists, as bytes."""
    if isinstance(value, tuple | list):
        return tuple(snapshot(v) for v in value)
    return value.tobytes() if isinstance(value, np.ndarray) else value


def parity(case):
    """Compare every buffer after the compiled and the reference text."""
    wide, before = case.in_float64(), snapshot(case.inputs())
    case.run()
    assert snapshot(case.inputs()) == before
    wide.run(reference)
    assert case.V.dtype == case.dtype
    assert_close(case.V, wide.V)


@shapes
def test_step_parity(shape):
    sizes = itertools.cycle(itertools.permutations(BATCHES, 2))
    for i, (d, (m_g, m_f)) in enumerate(zip(FEATURES * 6, sizes, strict=False)):
        parity(Case(*shape, d=d, batch=m_g, val_batch=m_f, kind=i % 4, by_class=i % 3 == 0, seed=i))


@dtypes
def test_step_parity_of_many_panels(dtype):
    """Wide rows make a panel short; more samples than are kept between two barriers."""
    case = Case(*SMALL[dtype], d=5000, batch=70, val_batch=33)
    assert case.d * np.dtype(dtype).itemsize * 16 > layout_dense.PANEL_BYTES
    parity(case)
    samples = layout_dense.GROUP * layout_dense.PANEL
    parity(Case(*SMALL[dtype], d=9, batch=samples + 1, val_batch=samples // 2))


def assert_rounded(got, expected, sizes):
    """Every sum is as near as rounding allows, measured in the sum of the sizes of its terms."""
    eps = np.finfo(got.dtype).eps
    assert (np.abs(got - expected) <= 8 * eps * sizes).all()


@dtypes
@pytest.mark.parametrize("width", [1, 2, 3, 5, 10, 11, 26, 52])
def test_product_parity(width, dtype):
    spare = 5
    for d, m in itertools.product(FEATURES, BATCHES):
        rng = np.random.default_rng([d, m])
        X, n = frozen(rng.standard_normal((90, d)).astype(dtype)), 90
        rows = frozen(rng.integers(0, n, m))
        V = frozen(rng.standard_normal(width * d).astype(dtype))
        Z = rng.standard_normal(m * width + spare).astype(dtype)
        wide, beyond = Z.astype(np.float64), Z[-spare:].copy()
        compile_text(make_forward, cpu, width)((X,), rows, V, Z)
        reference.dense.forward((X,), rows, V.astype(np.float64), wide, width)
        sizes = np.abs(wide)
        reference.dense.forward((np.abs(X),), rows, np.abs(V).astype(np.float64), sizes, width)
        assert_rounded(Z, wide, sizes)
        np.testing.assert_array_equal(Z[-spare:], beyond)

        G = rng.standard_normal(width * d).astype(dtype)
        wide = G.astype(np.float64)
        sizes = np.abs(wide)
        compile_text(make_backward, cpu, width)((X,), rows, frozen(Z), -0.3, G)
        reference.dense.backward((X,), rows, Z.astype(np.float64), -0.3, wide, width)
        reference.dense.backward(
            (np.abs(X),), rows, np.abs(Z).astype(np.float64), 0.3, sizes, width
        )
        assert_rounded(G, wide, sizes)


@dtypes
def test_products_of_no_rows(dtype):
    X, rows = frozen(np.ones((4, 7), dtype)), frozen(np.empty(0, np.int64))
    V, Z, G = frozen(np.ones(21, dtype)), np.ones(3, dtype), np.ones(21, dtype)
    compile_text(make_forward, cpu, 3)((X,), rows, V, Z)
    compile_text(make_backward, cpu, 3)((X,), rows, frozen(Z), 1.0, G)
    np.testing.assert_array_equal(Z, 1)
    np.testing.assert_array_equal(G, 1)


@dtypes
@pytest.mark.parametrize("batch", [32, 63, 64, 65, 130])
def test_transposed_blocks_parity(batch, dtype):
    """For two classes and few features; the first block is the shorter last one."""
    for d in (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 22, 31, 33, 64):
        case = Case(
            *BINARY[dtype], d=d, batch=batch, val_batch=64, n=2 * batch + 5, n_val=70, fixed=True
        )
        assert all(side[3][0].size > 0 for side in case.sides)
        case.steps = 1
        parity(case)


@dtypes
def test_transposed_blocks_give_the_step_of_the_rows(dtype):
    tiled, plain = (
        Case(*BINARY[dtype], d=22, batch=64, val_batch=50, n=150, fixed=True, steps=20)
        for _ in range(2)
    )
    plain.plan = tuple([(rows, -1) for rows, _ in level] for level in plain.plan)
    assert_close(tiled.run().V, plain.run().V.astype(np.float64))


@dtypes
def test_blocks_of_one_side_only(dtype):
    """The other minibatch is drawn row by row, so the blocks cannot be used."""
    case = Case(*BINARY[dtype], d=9, batch=64, val_batch=64, fixed=True)
    case.plan = case.plan[0], [(frozen(np.array([3, 3, 8])), -1)]
    parity(case)


@dtypes
def test_an_empty_minibatch_adds_nothing(dtype):
    case, alone = (Case(*SMALL[dtype]) for _ in range(2))
    case.plan = case.plan[0], [(frozen(np.empty(0, np.int64)), -1)]
    alone.weights = np.zeros(alone.g)
    parity(case)
    assert_close(case.V, alone.run(reference).V)


@dtypes
@pytest.mark.parametrize("kind", [0, 1, 2, 3])
def test_row_weights_parity(kind, dtype):
    for shape in (SMALL, BINARY):
        parity(Case(*shape[dtype], kind=kind, d=12, batch=64, fixed=True))


def test_layout_of_transposed_blocks():
    rng = np.random.default_rng(0)
    matrix, order = rng.standard_normal((150, 6)), rng.permutation(150)
    (tiles,) = layout_dense.build_blocks((matrix,), order, 100, True)
    panel = layout_dense.PANEL
    assert tiles.shape == (2, 2, 8, panel)
    rows = np.vstack([matrix[order], np.zeros((4 * panel - 150, 6))])
    first, second = rows[:100], rows[100:150]
    blocks = [np.vstack([b, np.zeros((2 * panel - len(b), 6))]) for b in (first, second)]
    expected = np.stack(blocks).reshape(2, 2, panel, 6).swapaxes(2, 3)
    np.testing.assert_array_equal(tiles[:, :, :6], expected)
    np.testing.assert_array_equal(tiles[:, :, 6:], 0)
    assert tiles.ctypes.data % 64 == 0


@pytest.mark.parametrize(
    ("features", "batch", "enabled"), [(6, 100, False), (65, 100, True), (6, 31, True)]
)
def test_blocks_that_would_not_pay_are_not_copied(features, batch, enabled):
    matrix = np.ones((150, features), np.float32)
    (tiles,) = layout_dense.build_blocks((matrix,), np.arange(150), batch, enabled)
    assert tiles.size == 0
    assert tiles.dtype == np.float32
