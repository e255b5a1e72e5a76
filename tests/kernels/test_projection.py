"""Projections: closed forms, edges of the number range, what is not finite."""

from __future__ import annotations

import numpy as np
import pytest
from kernel_cases.projections import by_sorting

from fastbilevel.kernels.reference.projection import BALL, BOX, NONE, SIMPLEX


def projected(k, dtype, v, kind, a=(), b=()):
    """Projection of a copy of v; the arrays of the set are read-only, as in a run."""
    v = np.array(v, dtype)
    sets = [np.array(values, dtype) for values in (a, b)]
    for array in sets:
        array.flags.writeable = False
    k.project(v, kind, *sets)
    return v


def test_no_set_leaves_everything(k, dtype):
    v = [-1e30, np.nan, np.inf]
    np.testing.assert_array_equal(projected(k, dtype, v, NONE), np.array(v, dtype))


# -- box --------------------------------------------------------------------------------------


def test_projection_onto_a_box(k, dtype):
    v = [-2.0, -1.0, 0.5, 1.0, 3.0, np.nan, np.inf, -np.inf]
    inside = projected(k, dtype, v, BOX, np.full(8, -1.0), np.full(8, 1.0))
    np.testing.assert_array_equal(inside, [-1.0, -1.0, 0.5, 1.0, 1.0, np.nan, 1.0, -1.0])


def test_a_box_may_be_open(k, dtype):
    v = [-2.0, 3.0, -4.0]
    inside = projected(k, dtype, v, BOX, [-np.inf, -np.inf, 0.0], [np.inf, 1.0, np.inf])
    np.testing.assert_array_equal(inside, [-2.0, 1.0, 0.0])


# -- ball -------------------------------------------------------------------------------------


def test_projection_onto_a_ball(k, dtype):
    # v - centre = (6, 8) has length 10.
    np.testing.assert_allclose(
        projected(k, dtype, [7.0, 8.0], BALL, [1.0, 0.0], [5.0]), [4.0, 4.0], rtol=1e-6
    )


def test_a_point_of_the_ball_stays(k, dtype):
    v = [0.5, -0.25, 0.125]
    for radius in (0.75, 10.0, 1e30):
        np.testing.assert_array_equal(projected(k, dtype, v, BALL, np.zeros(3), [radius]), v)
    np.testing.assert_array_equal(projected(k, dtype, v, BALL, v, [1e-30]), v)


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_the_size_of_the_numbers_does_not_matter_to_a_ball(k, dtype, size):
    v = size * np.array([3.0, 4.0])
    inside = projected(k, dtype, v, BALL, np.zeros(2), [size])
    np.testing.assert_allclose(inside, 0.2 * v, rtol=1e-6)


def test_squares_that_leave_float64_do_not_matter_to_a_ball(k):
    for size in (1e-200, 1e200):
        v = size * np.array([3.0, 4.0])
        inside = projected(k, np.float64, v, BALL, np.zeros(2), [size])
        np.testing.assert_allclose(inside, 0.2 * v, rtol=1e-14)


# -- simplex ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 10, 1000])
@pytest.mark.parametrize("total", [1e-3, 1.0, 50.0])
def test_the_simplex_agrees_with_sorting(k, dtype, n, total):
    v = np.random.default_rng(n).standard_normal(n).astype(dtype)
    inside = projected(k, dtype, v, SIMPLEX, b=[total])
    expected = by_sorting(v, np.float64(dtype(total)))
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(inside, expected, rtol=eps, atol=16 * np.finfo(float).eps)
    assert inside.sum(dtype=np.float64) == pytest.approx(total, rel=n**0.5 * eps)


def test_ties_share_what_there_is(k, dtype):
    np.testing.assert_array_equal(projected(k, dtype, [3.0] * 4, SIMPLEX, b=[1.0]), 0.25)
    inside = projected(k, dtype, [2.0, 1.0, 2.0, 1.0], SIMPLEX, b=[1.0])
    np.testing.assert_array_equal(inside, [0.5, 0.0, 0.5, 0.0])
    # The two ones lie exactly at the threshold.
    inside = projected(k, dtype, [1.0, 2.0, 1.0], SIMPLEX, b=[1.0])
    np.testing.assert_array_equal(inside, [0.0, 1.0, 0.0])


@pytest.mark.parametrize("value", [-1e30, 0.0, 1e-30, 5.0, np.inf])
def test_one_element_is_the_total(k, dtype, value):
    inside = projected(k, dtype, [value], SIMPLEX, b=[0.75])
    np.testing.assert_array_equal(inside, 0.75 if np.isfinite(value) else np.nan)


@pytest.mark.parametrize("total", [1e-30, 1.0, 1e30])
@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_the_total_is_met_whatever_the_sizes(k, dtype, size, total):
    v = size * np.array([1.0, -1.0, 0.5, 0.25])
    inside = projected(k, dtype, v, SIMPLEX, b=[total])
    assert (inside >= 0).all()
    assert inside.sum(dtype=np.float64) == pytest.approx(total, rel=4 * float(np.finfo(dtype).eps))
    if size > total:
        np.testing.assert_array_equal(inside[1:], 0.0)
    if size < total:
        np.testing.assert_allclose(inside, total / 4, rtol=1e-6)


def test_the_ends_of_float64_do_not_matter_to_a_simplex(k):
    largest = np.finfo(float).max
    v = [largest, -largest, largest, 0.0]
    inside = projected(k, np.float64, v, SIMPLEX, b=[1.0])
    np.testing.assert_array_equal(inside, [0.5, 0.0, 0.5, 0.0])
    inside = projected(k, np.float64, [1.0, 2.0], SIMPLEX, b=[5e-324])
    np.testing.assert_array_equal(inside, [0.0, 5e-324])


def test_elements_that_leave_the_sum_in_several_rounds(k, dtype):
    # The thresholds are about 0.05, 0.19 and 0.25, where the third element lies.
    inside = projected(k, dtype, 2.0 ** -np.arange(20), SIMPLEX, b=[1.0])
    np.testing.assert_allclose(inside[:2], [0.75, 0.25], rtol=1e-6)
    np.testing.assert_allclose(inside[2:], 0.0, atol=1e-15)


def test_nothing_has_no_sum(k, dtype):
    for kind, b in ((SIMPLEX, [1.0]), (BALL, [1.0]), (BOX, [])):
        assert projected(k, dtype, [], kind, [], b).size == 0


# -- what is not finite -----------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("position", [0, 2])
@pytest.mark.parametrize("kind", [BALL, SIMPLEX])
def test_what_is_not_finite_does_not_become_finite(k, dtype, kind, position, bad):
    v = np.array([0.5, -1.0, 3.0])
    v[position] = bad
    for everything in (v, np.full(3, bad)):
        inside = projected(k, dtype, everything, kind, np.zeros(3 * (kind == BALL)), [1.0])
        assert not np.isfinite(inside[~np.isfinite(everything)]).any()


def test_nan_is_left_out_of_the_sum(k, dtype):
    inside = projected(k, dtype, [np.nan, 1.0, 1.0], SIMPLEX, b=[1.0])
    np.testing.assert_array_equal(inside, [np.nan, 0.5, 0.5])


def test_minus_infinity_has_no_share(k, dtype):
    inside = projected(k, dtype, [-np.inf, 1.0, 1.0], SIMPLEX, b=[1.0])
    np.testing.assert_array_equal(inside, [0.0, 0.5, 0.5])
