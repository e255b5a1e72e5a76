"""Projections as objects: what makes a projection one, closed forms, validation."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from kernel_cases.projections import by_sorting

from fastbilevel._bounds import as_projection
from fastbilevel.kernels.cpu import projection as cpu
from fastbilevel.kernels.reference.projection import BALL, BOX, SIMPLEX
from fastbilevel.projections import (
    Ball,
    Box,
    Custom,
    NonNegative,
    Projection,
    Simplex,
)

N = 5
CENTER = np.array([0.5, -0.25, 0.0, 2.0, -1.0])
SETS = (
    Box(-1.0, 0.5),
    Box(CENTER - 1.0, CENTER + np.array([0.0, 1.0, np.inf, 0.5, 1e-3])),
    NonNegative(),
    Ball(1.5),
    Ball(0.25, CENTER),
    Simplex(),
    Simplex(20.0),
)
EACH = pytest.mark.parametrize("to_set", SETS, ids=str)
FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def vectors(dtype=np.float64):
    bits = 8 * np.dtype(dtype).itemsize
    numbers = st.floats(-100, 100, width=bits)
    return arrays(dtype, N, elements=numbers | st.sampled_from([-1.0, 0.0, 0.5, 1.0]))


# -- every projection -------------------------------------------------------------------------


@EACH
@given(v=vectors())
def test_projecting_twice_changes_nothing_more(to_set, v):
    once = to_set(v)
    np.testing.assert_allclose(to_set(once), once, rtol=1e-14, atol=1e-13)


@EACH
@given(v=vectors(), w=vectors())
def test_no_two_points_get_further_apart(to_set, v, w):
    assert np.linalg.norm(to_set(v) - to_set(w)) <= np.linalg.norm(v - w) + 1e-13


@EACH
@given(v=vectors(), w=vectors())
def test_the_set_lies_behind_the_projection(to_set, v, w):
    inside, other = to_set(v), to_set(w)
    assert (v - inside) @ (other - inside) <= 1e-12 * (1.0 + np.linalg.norm(v))


@EACH
@given(v=vectors(np.float32))
def test_float32_is_rounded_once(to_set, v):
    # Its own numbers in float32 are other numbers than the set's in float64.
    values = [np.asarray(np.float32(part), np.float64) for part in to_set._values()]
    exact = type(to_set)(*values)(v.astype(np.float64))
    inside = to_set(v)
    assert inside.dtype == np.float32
    np.testing.assert_allclose(inside, exact, rtol=2.0**-23, atol=1e-14)


@EACH
@FLOATS
def test_compiled_code_finds_the_same_point(to_set, dtype):
    for v in 3.0 * np.random.default_rng(0).standard_normal((20, N)):
        expected = to_set(v.astype(dtype))
        inside = v.astype(dtype)
        cpu.project(inside, *to_set.domain(N, dtype))
        np.testing.assert_allclose(inside, expected, rtol=2 * np.finfo(dtype).eps, atol=1e-14)


@EACH
def test_a_projection_leaves_its_argument(to_set):
    v = np.full(N, 3.0)
    assert not np.shares_memory(to_set(v), v)
    np.testing.assert_array_equal(v, 3.0)


@EACH
def test_shapes_and_dtypes_are_kept(to_set):
    for dtype in (np.float16, np.float32, np.float64, np.longdouble):
        assert to_set(np.ones((1, N), dtype)).dtype == dtype
    assert to_set(np.ones((1, N))).shape == (1, N)
    assert to_set([3] * N).dtype == np.float64


@EACH
def test_sets_can_be_copied_compared_and_pickled(to_set):
    for twin in (pickle.loads(pickle.dumps(to_set)), copy.deepcopy(to_set)):
        assert twin == to_set
        assert hash(twin) == hash(to_set)
        assert all(not v.flags.writeable for v in twin._values() if isinstance(v, np.ndarray))
    assert sum(other == to_set for other in SETS) == 1


@EACH
def test_sets_cannot_be_changed(to_set):
    with pytest.raises(AttributeError):
        to_set.lower = 3.0


# -- single sets ------------------------------------------------------------------------------


@given(v=vectors())
def test_a_box_clips(v):
    np.testing.assert_array_equal(Box(-1.0, CENTER + 1.0)(v), np.clip(v, -1.0, CENTER + 1.0))
    np.testing.assert_array_equal(NonNegative()(v), np.maximum(v, 0.0))


@given(v=vectors())
def test_a_ball_shortens_the_way_from_its_centre(v):
    way = v - CENTER
    expected = CENTER + way / max(1.0, np.linalg.norm(way) / 2.0)
    np.testing.assert_allclose(Ball(2.0, CENTER)(v), expected, rtol=1e-14, atol=1e-14)


@given(v=vectors(), total=st.floats(0.01, 1000.0))
def test_a_simplex_agrees_with_sorting(v, total):
    inside = Simplex(total)(v)
    np.testing.assert_allclose(inside, by_sorting(v, total), rtol=1e-13, atol=1e-13)
    assert inside.sum() == pytest.approx(total, rel=1e-13)


def test_arrays_of_the_caller_may_change_afterwards():
    lower = np.zeros(2)
    box = Box(lower, 1.0)
    lower[:] = 0.5
    np.testing.assert_array_equal(box([-1.0, 3.0]), [0.0, 1.0])


# -- arguments of the kernel ------------------------------------------------------------------


@FLOATS
def test_arguments_are_packed_constant_arrays(dtype):
    def reverse(v):
        assert v.shape == (3,)
        assert v.dtype == dtype
        return v[::-1]

    ramp = np.arange(3.0)
    expected = {
        Box(ramp, np.inf): (BOX, ramp[::-1], [np.inf] * 3),
        NonNegative(): (BOX, [0.0] * 3, [np.inf] * 3),
        Ball(2.0, ramp): (BALL, ramp[::-1], [2.0]),
        Ball(2.0): (BALL, [0.0] * 3, [2.0]),
        Simplex(4.0): (SIMPLEX, [], [4.0]),
    }
    for to_set, (kind, *values) in expected.items():
        found, *sets = to_set.domain(3, dtype, reverse)
        assert found == kind
        for got, wanted in zip(sets, values, strict=True):
            np.testing.assert_array_equal(got, wanted)
            assert got.dtype == dtype
            assert got.flags.c_contiguous
            assert not got.flags.writeable


def test_a_bound_beyond_float32_is_no_bound():
    _, lower, upper = Box(-1e300, 1e300).domain(1, np.float32)
    assert (lower[0], upper[0]) == (-np.inf, np.inf)


# -- own functions ----------------------------------------------------------------------------


def halve(v):
    v *= 0.5
    return v


@FLOATS
def test_an_own_function_gets_a_copy(dtype):
    v = np.ones(3, dtype)
    halved = Custom(halve)(v)
    assert halved.dtype == dtype
    np.testing.assert_array_equal(halved, 0.5)
    np.testing.assert_array_equal(v, 1.0)


def test_own_functions_are_equal_if_they_are_one():
    assert Custom(halve) == Custom(halve) == pickle.loads(pickle.dumps(Custom(halve)))
    assert hash(Custom(halve)) == hash(Custom(halve))
    assert Custom(halve) != Custom(np.abs)


def test_what_an_own_function_returns_is_checked():
    with pytest.raises(TypeError, match="returns must hold real numbers; got None"):
        Custom(lambda v: None)(np.ones(3))
    with pytest.raises(ValueError, match=r"\(3,\); got \(2,\)"):
        Custom(lambda v: v[1:])(np.ones(3))
    with pytest.raises(TypeError, match="call it instead"):
        Custom(halve).domain(3, float)


# -- validation -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Box(np.nan, 1.0), "lower bound contains NaN"),
        (lambda: Box(0.0, [1.0, np.nan]), "upper bound contains NaN"),
        (lambda: Box([0.0, 2.0], 1.0), "lower <= upper everywhere; at coordinate 1 .* 2.0 and 1.0"),
        (lambda: Box([0.0, 2.0], [1.0] * 3), r"one shape, .* \(2,\) and \(3,\)"),
        (lambda: Box(np.zeros((2, 2)), 1.0), r"lower bound must be a number .* \(2, 2\)"),
        (lambda: Box(np.inf, np.inf), "leaves no number; at coordinate 0"),
        (lambda: Box(-np.inf, -np.inf), "leaves no number; at coordinate 0"),
        (lambda: Ball(0.0), "radius must be positive and finite; got 0.0"),
        (lambda: Ball(np.nan), "radius must be positive and finite; got nan"),
        (lambda: Ball(1.0, [0.0, np.inf]), "center must be finite"),
        (lambda: Simplex(-1.0), "total must be positive and finite; got -1.0"),
        (lambda: Simplex(np.inf), "total must be positive and finite; got inf"),
    ],
)
def test_a_wrong_value_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ball([1.0, 2.0]), r"radius must be a number; got \[1\.0, 2\.0\]"),
        (
            lambda: Box([{}, 0.0], 1.0),
            "lower bound must hold real numbers; .* the first one {}",
        ),
        (lambda: Box(0.0, "1"), "upper bound must hold real numbers; got '1'"),
        (lambda: Ball(True), "radius must be a number; got True"),
        (lambda: Ball(1.0, 1j), "center must hold real numbers; got 1j"),
        (lambda: Simplex(None), "total must be a number; got None"),
        (lambda: NonNegative()([1j]), "v must hold real numbers"),
    ],
)
def test_a_wrong_type_is_named(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_a_size_that_does_not_fit_is_named():
    for to_set, name in (
        (Box([0.0, 0.0], 1.0), "The lower bound"),
        (Box(0.0, [1.0, 1.0]), "The upper bound"),
        (Ball(1.0, [0.0, 0.0]), "center"),
    ):
        with pytest.raises(ValueError, match=rf"{name} must be a number or have shape \(3,\)"):
            to_set(np.ones(3))
    with pytest.raises(ValueError, match="one element at least"):
        Simplex()([])


@pytest.mark.parametrize("value", [1e-60, 1e60])
def test_numbers_beyond_float32_are_named(value):
    with pytest.raises(ValueError, match="radius must be positive and finite in float32; got"):
        Ball(value).domain(2, np.float32)
    with pytest.raises(ValueError, match="total must be positive and finite in float32; got"):
        Simplex(value).domain(2, np.float32)


def test_a_centre_beyond_float32_is_named():
    with pytest.raises(ValueError, match="center must be finite in float32"):
        Ball(1.0, 1e60).domain(2, np.float32)


# -- what an argument may be ------------------------------------------------------------------


def test_arguments_become_projections():
    assert as_projection(None, "bounds") is None
    for to_set in (*SETS, Custom(halve)):
        assert as_projection(to_set, "bounds") is to_set
        assert isinstance(to_set, Projection)
    for pair in ((0.0, 1.0), [0, 1], np.array([0.0, 1.0])):
        assert as_projection(pair, "bounds") == Box(0.0, 1.0)
    assert as_projection((0.0, [1.0, 2.0]), "bounds") == Box(0.0, [1.0, 2.0])
    assert as_projection(halve, "bounds") == Custom(halve)


@pytest.mark.parametrize("value", [3.0, "01", (1.0,), (0.0, 1.0, 2.0), np.array(1.0), {}])
def test_anything_else_is_refused(value):
    with pytest.raises(TypeError, match=r"^bounds must be None, a pair \(lower, upper\)"):
        as_projection(value, "bounds")


def test_a_class_is_not_a_set():
    with pytest.raises(TypeError, match=r"class Simplex; make an object of it: Simplex\(\.\.\.\)"):
        as_projection(Simplex, "bounds")


def test_a_wrong_pair_names_the_argument():
    with pytest.raises(ValueError, match=r"^lower_projection: A box must have lower <= upper"):
        as_projection((1.0, 0.0), "lower_projection")
    with pytest.raises(TypeError, match=r"^bounds: The lower bound must hold real numbers"):
        as_projection(("0", 0.0), "bounds")
