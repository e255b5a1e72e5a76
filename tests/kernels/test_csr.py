"""CSR kernels against the float64 reference, and facts that every right version obeys."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from csr_cases import (
    SHAPES,
    SMALL,
    Case,
    assert_close,
    frozen,
    make_backward,
    make_flush,
    make_forward,
    make_rows,
)

from fastbilevel._texts.compile import compile_text
from fastbilevel.kernels import cpu, layout_csr, reference

ROWS = frozen(np.array([4, 1, 0, 4, 9, 4], np.int64))

dtypes = pytest.mark.parametrize("dtype", SMALL, ids=["float32", "float64"])
shapes = pytest.mark.parametrize("shape", SHAPES, ids=[f"C{shape[0]}" for shape in SHAPES])


def snapshot(value):
    """A copy of all arrays in nested tuples, as bytes."""
    if isinstance(value, tuple):
        return tuple(snapshot(v) for v in value)
    return value.tobytes() if isinstance(value, np.ndarray) else value


def parity(case):
    """Compare every buffer after the compiled and the reference text."""
    wide = case.in_float64()
    inputs = case.sides, case.orders, case.plan, case.x, case.weights, case.penalty
    before = snapshot(inputs)
    case.run()
    assert snapshot(inputs) == before
    wide.run(reference)
    assert case.V.dtype == case.dtype
    assert_close(case.V, wide.V)
    np.testing.assert_allclose(case.scale, wide.scale, rtol=1e-15)


@shapes
def test_step_parity(shape):
    parity(Case(*shape))


@dtypes
@pytest.mark.parametrize("kind", [0, 1, 2, 3])
def test_step_parity_of_row_weights(kind, dtype):
    parity(Case(*SMALL[dtype], kind=kind))


@shapes
def test_step_parity_with_penalties_by_class(shape):
    parity(Case(*shape, by_class=True))


@shapes
def test_step_parity_of_any_rows(shape):
    case = Case(*shape, fixed=False, batch=12)
    rng = np.random.default_rng(3)
    case.orders = tuple(frozen(rng.integers(0, 17, 30)) for _ in range(2))
    parity(case)


@dtypes
@pytest.mark.parametrize(
    ("width", "index"),
    [(1, np.int32), (3, np.int64), (8, np.int32), (17, np.int64), (52, np.int32)],
)
def test_product_parity(width, index, dtype):
    rng = np.random.default_rng(width)
    d, spare = 13, 3
    X = make_rows(rng, 10, d, dtype, index)
    V = frozen(rng.standard_normal(d * width).astype(dtype))
    Z = rng.standard_normal(ROWS.size * width + spare).astype(dtype)
    wide_X, wide_Z = (*X[:2], X[2].astype(np.float64)), Z.astype(np.float64)
    compile_text(make_forward, cpu, width)(X, ROWS, V, Z)
    reference.csr.forward(wide_X, ROWS, V.astype(np.float64), wide_Z, width)
    assert_close(Z, wide_Z)
    np.testing.assert_array_equal(Z[-spare:], wide_Z[-spare:])

    G = rng.standard_normal(d * width).astype(dtype)
    wide_G, wide_Z = G.astype(np.float64), Z.astype(np.float64)
    compile_text(make_backward, cpu, width)(X, ROWS, frozen(Z), -0.3, G)
    reference.csr.backward(wide_X, ROWS, wide_Z, -0.3, wide_G, width)
    assert_close(G, wide_G)


@dtypes
@pytest.mark.parametrize("width", [1, 15, 40])
def test_flush_parity(width, dtype):
    rng = np.random.default_rng(width)
    V, scale = rng.standard_normal(11 * width).astype(dtype), rng.uniform(0.1, 1.0, 11)
    wide, same = V.astype(np.float64), scale.copy()
    compile_text(make_flush, cpu, width)(V, scale)
    reference.csr.flush(wide, same, width)
    assert_close(V, wide)
    np.testing.assert_array_equal(scale, np.ones(11))


@dtypes
def test_forward_and_backward_are_adjoint(dtype):
    rng = np.random.default_rng(1)
    # Types for which the test of the products has compiled.
    X, width = make_rows(rng, 12, 9, dtype), 8
    rows = frozen(np.arange(12))
    V, U = (frozen(rng.standard_normal(s * width).astype(dtype)) for s in (9, 12))
    Z, G = np.empty(12 * width, dtype), np.zeros(9 * width, dtype)
    compile_text(make_forward, cpu, width)(X, rows, V, Z)
    compile_text(make_backward, cpu, width)(X, rows, U, 1.0, G)
    assert np.dot(Z, U) == pytest.approx(np.dot(V, G), rel=100 * float(np.finfo(dtype).eps))


@dtypes
def test_copies_by_features_give_the_step_of_the_rows(dtype):
    by_features, by_rows = (Case(*SMALL[dtype], steps=6, fixed=fixed) for fixed in (True, False))
    by_features.run()
    by_rows.run()
    assert_close(by_features.V, by_rows.V.astype(np.float64))
    np.testing.assert_array_equal(by_features.scale, by_rows.scale)


@dtypes
@pytest.mark.parametrize("fixed", [True, False])
def test_an_empty_minibatch_adds_nothing(dtype, fixed):
    """In every buffer, and whatever the number of its block."""
    without, alone = (
        Case(*SMALL[dtype], steps=3, fixed=fixed, upper=upper) for upper in (False, True)
    )
    alone.weights = np.zeros(alone.g)
    expected = alone.in_float64()
    expected.run(reference)
    without.run()
    assert_close(without.V, expected.V)
    np.testing.assert_allclose(without.scale, expected.scale, rtol=1e-14)


@dtypes
def test_weight_two_is_a_repeated_row(dtype):
    repeated, weighted = (Case(*SMALL[dtype], fixed=False, batch=3) for _ in range(2))
    repeated.orders = tuple(frozen(np.array([2, 5, 5])) for _ in range(2))
    weighted.orders = tuple(frozen(np.array([2, 5])) for _ in range(2))
    sides = []
    for X, labels, given, blocks in weighted.sides:
        given = given * 2 / 3  # the mean is over two rows, not three
        given[5] *= 2
        sides.append((X, labels, frozen(given), blocks))
    weighted.sides = tuple(sides)
    for case in (repeated, weighted):
        case.plan = np.zeros((1, 2), np.int64)
        case.run()
    assert_close(weighted.V, repeated.V.astype(np.float64))


@dtypes
def test_nan_and_infinity_reach_exactly_the_rows_that_use_them(dtype):
    case = Case(*SMALL[dtype])
    case.V[:3] = np.nan, np.inf, -np.inf
    wide = case.in_float64()
    case.run()
    wide.run(reference)
    assert np.isnan(case.V).sum() > 3
    np.testing.assert_array_equal(np.isnan(case.V), np.isnan(wide.V))


@dtypes
def test_huge_logits_stay_finite(dtype):
    case = Case(*SMALL[dtype])
    case.V *= dtype(1e4)
    wide = case.in_float64()
    case.run()
    wide.run(reference)
    assert np.isfinite(case.V).all()
    assert_close(case.V, wide.V)


def test_blocks_hold_every_entry_once_and_by_falling_count():
    rng = np.random.default_rng(0)
    X = make_rows(rng, 21, 15, np.float64)
    order = rng.permutation(21)
    blocks = layout_csr.build_blocks(X, order, 6, True)
    starts, features, pointer, local_row, values = blocks[:5]
    dense = np.zeros((21, 15))
    np.add.at(dense, (np.repeat(np.arange(21), np.diff(X[0])), X[1]), X[2])
    counts = np.diff(pointer)
    for b in range(4):
        rebuilt = np.zeros_like(dense[order[b * 6 : (b + 1) * 6]])
        for c in range(starts[b], starts[b + 1]):
            entries = slice(pointer[c], pointer[c + 1])
            assert (np.diff(local_row[entries]) > 0).all()
            rebuilt[local_row[entries], features[c]] = values[entries]
        np.testing.assert_array_equal(rebuilt, dense[order[b * 6 : (b + 1) * 6]])
        assert (np.diff(counts[starts[b] : starts[b + 1]]) <= 0).all()
    assert [a.dtype for a in (starts, features, pointer, local_row)] == ["i8", "i4", "i8", "i4"]


def test_blocks_hold_the_rows_in_their_order():
    rng = np.random.default_rng(0)
    X = make_rows(rng, 21, 15, np.float64)
    order = rng.permutation(21)
    first_row, *rows = layout_csr.build_blocks(X, order, 6, True)[5:]
    np.testing.assert_array_equal(first_row, [0, 6, 12, 18])
    expected = sp.csr_array((X[2], X[1], X[0]))[order]
    np.testing.assert_array_equal(rows[0], expected.indptr)
    np.testing.assert_array_equal(rows[1], expected.indices)
    np.testing.assert_array_equal(rows[2], expected.data)


def test_no_blocks_without_fixed_minibatches():
    X = make_rows(np.random.default_rng(0), 5, 4, np.float32, np.int64)
    blocks = layout_csr.build_blocks(X, np.arange(5), 2, False)
    assert [a.size for a in blocks] == [1, 0, 1, 0, 0, 0, 1, 0, 0]
    assert [a.dtype for a in blocks] == ["i8", "i8", "i8", "i4", "f4", "i8", "i8", "i8", "f4"]
