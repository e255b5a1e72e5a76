"""Facts that every right version of the dense kernels obeys."""

from __future__ import annotations

import numpy as np
import pytest
from dense_cases import BINARY, SMALL, Case, assert_close, frozen, make_backward, make_forward

from fastbilevel._texts.compile import compile_text
from fastbilevel.kernels import cpu, reference
from fastbilevel.kernels.cpu import tiles

dtypes = pytest.mark.parametrize("dtype", SMALL, ids=["float32", "float64"])
shapes = pytest.mark.parametrize(
    "shape",
    [*SMALL.values(), *BINARY.values()],
    ids=["classes-float32", "classes-float64", "binary-float32", "binary-float64"],
)


@dtypes
def test_forward_and_backward_are_adjoint(dtype):
    rng = np.random.default_rng(1)
    # Types for which the test of the products has compiled.
    X, rows, width = (frozen(rng.standard_normal((70, 37)).astype(dtype)),), np.arange(70), 5
    rows.flags.writeable = False
    V, U = (frozen(rng.standard_normal(s * width).astype(dtype)) for s in (37, 70))
    Z, G = np.empty(70 * width, dtype), np.zeros(37 * width, dtype)
    compile_text(make_forward, cpu, width)(X, rows, V, Z)
    compile_text(make_backward, cpu, width)(X, rows, U, 1.0, G)
    assert np.dot(Z, U) == pytest.approx(np.dot(V, G), rel=200 * float(np.finfo(dtype).eps))


@shapes
@pytest.mark.parametrize("fixed", [False, True], ids=["rows", "blocks"])
def test_steps_do_not_move_the_mean_over_the_classes(shape, fixed):
    """Residuals sum to zero, so without a penalty the sum of all classes stays."""
    case = Case(*shape, d=21, batch=64, steps=5, fixed=fixed)
    case.penalty = np.zeros((1, 1))
    before = case.iterates().astype(np.float64).sum(axis=1)
    moved = case.V.copy()
    case.run()
    assert np.abs(case.V - moved).max() > 1e-2
    assert_close(case.iterates().astype(np.float64).sum(axis=1), before, case.dtype)


@shapes
def test_a_vector_added_to_all_classes_changes_nothing(shape):
    plain, moved = (Case(*shape, d=21) for _ in range(2))
    for case in (plain, moved):
        case.penalty = np.zeros((1, 1))
    shift = np.linspace(-2, 2, 21).astype(moved.dtype)
    moved.iterates()[:] += shift
    got = moved.run().iterates() - shift
    assert_close(got, plain.run().iterates().astype(np.float64))


@shapes
@pytest.mark.parametrize("fixed", [False, True], ids=["rows", "blocks"])
def test_weight_two_is_a_repeated_row(shape, fixed):
    """The block has 62 rows and, weighted, the weights of 64."""
    repeated, weighted = (Case(*shape, d=10, n=62, batch=62, fixed=fixed) for _ in range(2))
    rows = repeated.plan[0][0][0]
    if not fixed:
        rows = frozen(np.arange(62))
        weighted.plan = [(rows, -1)], weighted.plan[1]
    repeated.plan = [(frozen(np.concatenate([rows, [5, 5]])), -1)], repeated.plan[1]
    given = weighted.sides[0][2] * weighted.dtype(62 / 64)
    given[5] *= 3
    weighted.change_side(0, given=given)
    assert_close(weighted.run().V, repeated.run().V.astype(np.float64))


@shapes
@pytest.mark.parametrize("fixed", [False, True], ids=["rows", "blocks"])
def test_logits_of_ten_thousand(shape, fixed):
    """Probabilities are 0 and 1 and residuals exact; nothing overflows."""
    case = Case(*shape, d=8, batch=64, fixed=fixed, size=1e4)
    case.penalty, case.lr = np.zeros((1, 1)), 1e4
    wide = case.in_float64()
    case.run()
    assert np.isfinite(case.V).all()
    assert_close(case.V, wide.run(reference).V)


def test_products_of_nan_and_infinity():
    rng = np.random.default_rng(0)
    X, width = rng.standard_normal((9, 33)).astype(np.float32), 3
    X[2, 32], X[4, 0], X[6, 16] = np.nan, np.inf, -np.inf
    V = rng.standard_normal(33 * width).astype(np.float32)
    X, V, rows = frozen(X), frozen(V), frozen(np.array([0, 2, 2, 4, 5, 6, 8]))
    Z = np.empty(rows.size * width, np.float32)
    compile_text(make_forward, cpu, width)((X,), rows, V, Z)
    wide = np.empty(rows.size * width)
    reference.dense.forward((X,), rows, V.astype(np.float64), wide, width)
    np.testing.assert_array_equal(np.isnan(Z), np.isnan(wide))
    np.testing.assert_array_equal(Z[np.isinf(wide)], wide[np.isinf(wide)])
    U, G = frozen(np.ones_like(Z)), np.zeros_like(V)
    compile_text(make_backward, cpu, width)((X,), rows, U, 1.0, G)
    expected = X[rows].sum(axis=0)
    np.testing.assert_array_equal(np.isnan(G.reshape(width, -1)[1]), np.isnan(expected))


@shapes
@pytest.mark.parametrize("fixed", [False, True], ids=["rows", "blocks"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_in_an_iterate_stay_with_its_offset(shape, fixed, value):
    for c in range(shape[0]):
        case = Case(*shape, d=18, batch=64, fixed=fixed)
        case.iterates()[0, c, 17] = value
        wide = case.in_float64()
        case.run()
        assert not np.isfinite(case.iterates()[0]).any()
        assert_close(case.V, wide.run(reference).V)


@shapes
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_in_the_data_reach_all_offsets(shape, value):
    case = Case(*shape, d=18)
    matrix = case.sides[0][0][0].copy()
    matrix[case.plan[0][0][0][3], 2] = value
    case.change_side(0, X=matrix)
    wide = case.in_float64()
    assert not np.isfinite(case.run().V).any()
    assert_close(case.V, wide.run(reference).V)


@shapes
def test_data_that_are_not_drawn_are_not_touched(shape):
    """What lies around the rows of the minibatch does not enter."""
    case, other = (Case(*shape, d=19) for _ in range(2))
    for level in range(2):
        matrix = other.sides[level][0][0].copy()
        rows = other.plan[level][0][0]
        matrix[np.setdiff1d(np.arange(len(matrix)), rows)] = np.nan
        other.change_side(level, X=matrix)
    np.testing.assert_array_equal(case.run().V, other.run().V)


def test_float32_decay_has_no_bias():
    """1 - lr e rounded to float32 would be wrong by up to 6e-8 in the same direction every step."""
    case = Case(*SMALL[np.float32], kind=0, steps=3000)
    for level in range(2):
        case.change_side(level, given=np.zeros(case.sides[level][2].size, np.float32))
    case.penalty = np.full((1, 1), 0.001077)
    factor = 1.0 - case.lr * case.penalty[0, 0]
    before = case.V.astype(np.float64)
    case.run()
    error = np.linalg.norm(case.V / before - factor**3000) / np.linalg.norm(
        factor**3000 + 0 * before
    )
    biased = abs(float(np.float32(factor)) ** 3000 / factor**3000 - 1)
    assert biased > 2e-5
    assert error < 3e-6


@pytest.mark.parametrize("columns", [1, 2, 6, 7, 9, 18, 19, 25, 198])
@pytest.mark.parametrize("widest", [3, 6, 24])
def test_column_tiles_cover_all_columns_once(columns, widest):
    kinds = tiles.column_tiles(columns, widest)
    covered = [
        first + k * width + c
        for first, width, count in kinds
        for k in range(count)
        for c in range(width)
    ]
    assert covered == list(range(columns))
    widths = [width for _, width, _ in kinds]
    assert max(widths) <= widest
    assert max(widths) - min(widths) <= 1
    assert sum(count for _, _, count in kinds) == -(-columns // widest)
