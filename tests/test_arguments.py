"""Wrong arguments and options: a sentence before any work (rows of the table of faults)."""

import numpy as np
import pytest

import fastbilevel as fb
from fastbilevel.schedules import Geometric, Linear, Power


@pytest.fixture(scope="module")
def problem():
    return fb.problems.Quadratic.random(3, 4, n=20)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["x0", "y0"])
def test_row_4_start_must_be_finite(problem, name, bad):
    start = np.zeros(3 if name == "x0" else 4)
    start[1] = bad
    with pytest.raises(ValueError, match=f"{name} must be finite; element 1"):
        fb.minimize(problem, **{name: start})


def test_start_must_have_the_right_size_and_kind(problem):
    with pytest.raises(ValueError, match="x0 must have 3 elements"):
        fb.minimize(problem, x0=np.zeros(4))
    with pytest.raises(TypeError, match="x0 must hold real numbers"):
        fb.minimize(problem, x0=np.zeros(3, complex))


def test_row_31_bounds(problem):
    with pytest.raises(ValueError, match="lower <= upper"):
        fb.minimize(problem, bounds=(1.0, 0.0))
    with pytest.raises(ValueError, match="lower bound contains NaN"):
        fb.minimize(problem, bounds=(np.nan, 0.0))
    with pytest.raises(ValueError, match="upper bound must be a number or have shape"):
        fb.minimize(problem, bounds=(0.0, np.zeros(2)))
    with pytest.raises(TypeError, match="pair"):
        fb.minimize(problem, bounds=3.0)
    with pytest.warns(UserWarning, match="outside the bounds in 3 coordinates"):
        result = fb.minimize(problem, bounds=(1.0, 2.0), maxiter=0)
    np.testing.assert_array_equal(result.x, np.ones(3))


def test_row_32_unknown_names_list_close_matches(problem):
    with pytest.raises(TypeError, match="f2sa-p"):
        fb.minimize(problem, method="f2sap")
    with pytest.raises(TypeError, match="inner_steps"):
        fb.minimize(problem, inner_step=3)
    with pytest.raises(TypeError, match="cannot be combined"):
        fb.minimize(problem, method=fb.F2SAp(), order=3)
    with pytest.raises(TypeError, match="method must be a name"):
        fb.minimize(problem, method=3)


@pytest.mark.parametrize(
    ("order", "error"), [(0, ValueError), (-2, ValueError), (True, TypeError), (2.0, TypeError)]
)
def test_row_33_order(problem, order, error):
    with pytest.raises(error, match="order must be"):
        fb.minimize(problem, order=order)


@pytest.mark.parametrize("nu", [0.0, -0.1, np.nan, np.inf])
def test_row_34_nu_must_be_positive(problem, nu):
    with pytest.raises(ValueError, match="nu must be positive and finite"):
        fb.minimize(problem, nu=nu)


def test_row_34_rounding_noise_is_announced(problem):
    with pytest.warns(RuntimeWarning, match=r"nu = 1e-15 .* rounding"):
        fb.minimize(problem, nu=1e-15, maxiter=1)


@pytest.mark.parametrize("name", ["lr_x", "lr_y"])
@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_row_35_steps_must_be_positive(problem, name, bad):
    with pytest.raises(ValueError, match=f"{name} must be positive and finite"):
        fb.minimize(problem, **{name: bad})


def test_row_35_schedules_are_checked_where_they_start_and_later(problem):
    with pytest.raises(ValueError, match="lr_x must be positive and finite; it is 0"):
        fb.minimize(problem, lr_x=lambda k: 0.0)
    with pytest.raises(ValueError, match="outer iteration 3"):
        fb.minimize(problem, lr_x=Linear(0.3, -0.1), maxiter=10)
    with pytest.raises(TypeError, match="number or a schedule"):
        fb.minimize(problem, lr_x="0.1")
    with pytest.raises(ValueError, match="offset"):
        Power(1.0, 0.5, offset=0.0)


def test_schedules_are_the_formulas():
    assert Power(2.0, 0.5, offset=4.0)(5) == pytest.approx(2.0 / 3.0)
    assert Linear(1.0, 0.5)(3) == 2.5
    assert Geometric(2.0, 0.5)(3) == 0.25


def test_row_36_no_iterations(problem):
    assert fb.minimize(problem, maxiter=0).status == fb.Status.MAXITER


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"maxiter": -1}, ValueError, "maxiter must be at least 0"),
        ({"maxiter": 1.5}, TypeError, "maxiter must be an integer"),
        ({"maxiter": True}, TypeError, "maxiter must be an integer"),
        ({"record_every": 0}, ValueError, "record_every must be at least 1"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"batch_size": 2.0}, TypeError, "batch_size must be an integer"),
        ({"batch_size": 21}, ValueError, "lower level has 20 rows"),
        ({"val_batch_size": 21}, ValueError, "upper level has 20 rows"),
        ({"outer_batch_size": 21}, ValueError, "lower level has 20 rows"),
        ({"outer_batch_size": "all"}, ValueError, "'same'"),
        ({"inner_steps": 0}, ValueError, "inner_steps must be at least 1"),
        ({"sampling": "rows"}, ValueError, "blocks, replacement, epochs"),
        ({"momentum": 1.0}, ValueError, r"momentum must be in \[0, 1\)"),
        ({"momentum": "a"}, TypeError, "momentum must be a number"),
        ({"normalize": 1}, TypeError, "normalize must be True or False"),
        ({"shared_samples": "inner"}, TypeError, "shared_samples must be True or False"),
        ({"tol": 0.0}, ValueError, "tol must be positive"),
        ({"tol": "a"}, TypeError, "tol must be a number"),
        ({"time_limit": -1}, ValueError, "time_limit must be positive"),
        ({"seed": 1.5}, TypeError, "seed must be"),
        ({"seed": -1}, ValueError, "seed must be 0 or more"),
        ({"callback": 3}, TypeError, "callback must be callable"),
        ({"n_threads": 0}, ValueError, "n_threads must be between 1 and"),
        ({"n_threads": 10**6}, ValueError, "n_threads must be between 1 and"),
        ({"n_threads": 1.0}, TypeError, "n_threads must be an integer"),
    ],
)
def test_row_37_numbers(problem, options, error, match):
    with pytest.raises(error, match=match):
        fb.minimize(problem, **options)


def test_row_38_singular_lower_level_is_announced():
    singular = fb.problems.Quadratic(np.diag([1.0, -0.1]), np.eye(2), np.eye(2), R=np.eye(2))
    with pytest.warns(fb.ConditioningWarning, match="not strongly convex"):
        fb.minimize(singular, maxiter=1, lr_y=0.1)


def test_problem_must_be_a_problem():
    with pytest.raises(TypeError, match="problem must be one of"):
        fb.minimize(np.zeros(3))


def test_methods_are_refused_by_what_they_need():
    problem = fb.problems.Problem(
        None,
        grad_lower_y=lambda d, x, y, r: y - x,
        grad_upper_y=lambda d, x, y, r: y,
        grad_lower_x=lambda d, x, y, r: -y,
        x0=[0.0],
        y0=[0.0],
    )
    with pytest.raises(TypeError, match="'f2sa-p' needs value_upper"):
        fb.minimize(problem)


def test_row_29_a_run_that_cannot_fit_is_refused_with_the_estimate(problem, monkeypatch):
    from fastbilevel._arrays import memory as _memory

    monkeypatch.setattr(_memory, "available_memory", lambda: 100)
    with pytest.raises(MemoryError, match=r"The 2 lower iterates would take about 0 MB"):
        fb.minimize(problem, maxiter=1)
