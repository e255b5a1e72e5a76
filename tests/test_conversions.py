"""Checks give back what callers keep: Python's numbers, arrays of one dtype and shape."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from small_data import XV, YV, D, N, X, Y, problem

import fastbilevel as fb
from fastbilevel._bounds import as_projection
from fastbilevel._checks.values import check_number
from fastbilevel.methods import METHODS
from fastbilevel.projections import Box

INTEGERS = [np.int8, np.uint8, np.int32, np.uint64, np.array]


@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("method", METHODS)
def test_options_are_pythons_own_numbers(method, kind):
    """Each whole and each real option of each method, given as one of NumPy's."""
    cls, changed = METHODS[method], {}
    for field in dataclasses.fields(cls):
        if isinstance(field.default, bool) or not isinstance(field.default, int | float):
            continue
        whole = isinstance(field.default, int)
        changed[field.name] = kind(field.default) if whole else np.float32(field.default)
    options = cls(**changed)
    for name in changed:
        assert type(getattr(options, name)) in (int, float), name
    plain = cls(**{name: type(getattr(cls(), name))(value) for name, value in changed.items()})
    assert options == plain


@pytest.mark.parametrize("method", METHODS)
def test_every_option_has_a_check(method):
    for field in dataclasses.fields(METHODS[method]):
        with pytest.raises((TypeError, ValueError), match=field.name):
            METHODS[method](**{field.name: object()})


@given(
    st.floats(allow_nan=False),
    st.sampled_from([float, np.float64, np.float32, np.array]),
    st.sampled_from([{}, {"least": 0}, {"above": 0}, {"least": 0, "below": 1}, {"most": 2}]),
)
def test_a_number_is_inside_its_limits_or_refused(value, kind, limits):
    with np.errstate(over="ignore"):
        given_value = kind(value)
    number = float(given_value)
    inside = np.isfinite(number)
    inside &= number >= limits.get("least", -np.inf) and number > limits.get("above", -np.inf)
    inside &= number < limits.get("below", np.inf) and number <= limits.get("most", np.inf)
    if inside:
        assert check_number("v", given_value, **limits) == number
    else:
        with pytest.raises(ValueError, match=r"^v must be "):
            check_number("v", given_value, **limits)


@pytest.mark.parametrize("value", [True, np.True_, np.array(True), np.bool_(0), None, "1", [1.0]])
def test_what_is_no_number(value):
    for kind in (int, float):
        with pytest.raises(TypeError, match="v must be"):
            check_number("v", value, kind)


def test_flags_of_numpy():
    assert fb.F2SAp(normalize=np.True_, recenter=np.array(False)) == fb.F2SAp()


# -- shapes -------------------------------------------------------------------------------------


def test_a_matrix_is_taken_for_y_where_y_is_one():
    p = problem()
    W = np.arange(15.0).reshape(5, 3)
    flat = p.value_lower(p.x0, W.reshape(-1))
    assert p.value_lower(p.x0, W) == flat
    np.testing.assert_array_equal(p.coef(W), W)
    assert fb.minimize(p, y0=W, maxiter=0).y.tolist() == W.reshape(-1).tolist()
    for call in (
        lambda: p.value_lower(p.x0, W.T),
        lambda: p.hvp_lower_yy(p.x0, W, W.T),
        lambda: p.coef(W.T),
        lambda: fb.minimize(p, y0=W.T),
        lambda: fb.solve_lower(p, p.x0, y0=W.T),
    ):
        with pytest.raises(ValueError, match=r"shape \(15,\) or \(5, 3\); .*\(3, 5\). Transpose"):
            call()


def test_a_matrix_is_taken_for_x_where_there_is_a_penalty_for_every_pair():
    p = problem(penalty="both")
    x = np.linspace(-1, 1, 15).reshape(5, 3)
    assert p.value_lower(x, p.y0 + 1) == p.value_lower(x.reshape(-1), p.y0 + 1)
    with pytest.raises(ValueError, match=r"Transpose it: x0\.T"):
        fb.minimize(p, x.T)
    with pytest.raises(ValueError, match=r"x must have 5 elements, shape \(5,\); got"):
        problem().value_lower(np.zeros((5, 1)), np.zeros(15))


@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
def test_one_row_is_enough_for_a_regression(convert):
    one = fb.problems.LpRegression(convert(X[:1]), [0.5], convert(XV), YV * 1.0, 2.0, 0.1)
    assert (one.n_lower, one.n_x) == (1, 1)
    w = np.arange(D) / D
    expected = (0.5 * (X[0] @ w - 0.5)) ** 2 + 0.1 * w @ w
    assert one.value_lower(one.x0, w) == pytest.approx(expected, rel=1e-12)


# -- labels come back as they came --------------------------------------------------------------


@pytest.mark.parametrize(
    "convert",
    [
        lambda y: y.astype(np.int8),
        lambda y: y.astype(np.uint64),
        lambda y: y.astype(np.float32),
        lambda y: np.array(["b", "a", "c"])[y],
        lambda y: np.array([b"b", b"a", b"c"])[y],
        lambda y: np.array(["b", "a", "c"], object)[y],
    ],
    ids=["int8", "uint64", "float32", "strings", "bytes", "objects"],
)
def test_classes_are_of_the_type_of_the_labels(convert):
    y = convert(Y)
    p = problem(y=y, yv=convert(YV))
    assert p.classes.dtype == y.dtype
    assert sorted(p.classes.tolist()) == p.classes.tolist() == sorted(set(y.tolist()))


def test_group_names_are_of_the_type_of_the_groups():
    groups = np.array([b"x", b"y", b"x", b"z", b"z"])
    p = problem(penalty="group", groups=groups)
    assert p.group_names.tolist() == [b"x", b"y", b"z"]


# -- bounds -------------------------------------------------------------------------------------


def test_bounds_in_all_forms_of_scipy():
    from scipy.optimize import Bounds

    quadratic = fb.problems.Quadratic.random(3, 4)
    expected = fb.minimize(quadratic, bounds=Box([0.0, -np.inf, -1.0], [1.0, 0.5, np.inf]))
    for form in (
        Bounds([0, -np.inf, -1], [1, 0.5, np.inf]),
        [(0, 1), (None, 0.5), (-1, None)],
        np.array([(0, 1), (-np.inf, 0.5), (-1, np.inf)]),
        ((0.0, -np.inf, -1.0), (1.0, 0.5, np.inf)),
    ):
        found = fb.minimize(quadratic, bounds=form)
        np.testing.assert_array_equal(found.x_last, expected.x_last)
    free = fb.minimize(quadratic, bounds=(None, None))
    np.testing.assert_array_equal(free.x_last, fb.minimize(quadratic).x_last)


def test_a_form_that_could_be_either_is_refused_and_one_that_could_not_is_taken():
    with pytest.raises(ValueError, match=r"Box\(lower, upper\) for the first, .*Box\(\*zip"):
        as_projection([(0, 1), (0, 2)], "bounds", 2)
    with pytest.raises(ValueError, match="could be"):
        as_projection(np.array([[0.0, 1.0], [0.0, 2.0]]), "bounds", 2)
    assert as_projection([(0, None), (None, 2)], "bounds", 2) == Box([0, -np.inf], [np.inf, 2])
    assert as_projection([(0, 1)], "bounds", 1) == Box([0], [1])
    assert as_projection((0, [1, 2]), "bounds", 2) == Box(0, [1, 2])
    with pytest.raises(ValueError, match="bounds: 2 pairs were given for a vector of 3 elements"):
        as_projection([(0, 1), (0, 2)], "bounds", 3)
    assert as_projection(([0, None], 2), "bounds", 2) == Box([0, -np.inf], 2)


@pytest.mark.filterwarnings("ignore:The lower objective:fastbilevel.ConditioningWarning")
def test_the_lower_projection_takes_pairs_too():
    nasty = fb.problems.hard.Nasty()
    plain = fb.minimize(nasty, method="prox-f2sa", maxiter=3)
    pairs = fb.minimize(nasty, method="prox-f2sa", maxiter=3, lower_projection=[(-1, 1)])
    np.testing.assert_array_equal(plain.y_last, pairs.y_last)


def test_the_start_has_a_gradient_before_a_step_is_chosen():
    bad = X.copy()
    bad[0, 0] = np.nan
    p = problem(X=bad, check_finite=False)
    with pytest.raises(ValueError, match="not finite near the starting point: the data hold NaN"):
        fb.minimize(p, maxiter=1)


def test_what_passes_as_data_has_finite_products():
    """Up to a thousandth of the root of the largest float."""
    for dtype in (np.float32, np.float64):
        limit = float(np.sqrt(np.finfo(dtype).max)) / 1025
        p = problem(X=np.full((N, D), limit, dtype), Xv=np.full(XV.shape, limit, dtype))
        y = np.zeros(p.n_y)
        assert np.isfinite(p.hvp_lower_yy(p.x0, y, np.full(p.n_y, 1e-3))).all()
        with pytest.raises(ValueError, match="so large that products overflow"):
            problem(X=np.full((N, D), limit * 1.01, dtype), dtype=dtype)
