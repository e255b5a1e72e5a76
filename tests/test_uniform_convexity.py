"""Lower solutions and hypergradients where the curvature of g vanishes or nearly does."""

from __future__ import annotations

import numpy as np
import pytest
from softmax_formulas import interpreted

import fastbilevel as fb
from fastbilevel.estimation import ConvergenceWarning
from fastbilevel.problems import uniform_convexity as _uniform_convexity

POWERS = pytest.mark.parametrize("power", [2, 3, 4, 6, 8])
SMALL = 1e-3


def scalar(power):
    return interpreted(fb.problems.hard.UniformlyConvex(power))


def regression(power, n=30, d=5, m=15, **options):
    """Rows with outliers; an interpreted problem."""
    rng = np.random.default_rng(4)
    X, w = rng.standard_normal((n + m, d)), rng.standard_normal(d)
    y = X @ w + 0.5 * rng.standard_normal(n + m)
    y[:5] += 2.0
    data = X[:n], y[:n], X[n:], y[n:]
    return interpreted(fb.problems.LpRegression(*data, power=power, reg=0.01, **options))


def weights_of_rows(problem):
    return problem.x0 + 0.3 * np.random.default_rng(1).uniform(-1, 1, problem.n_x)


# -- rows, not columns ------------------------------------------------------------------------


def test_the_rows_of_the_hessian_are_scaled_not_its_columns():
    """H^-1 f_y = (D^-1 H)^-1 D^-1 f_y; with H D^-1 the hypergradient is another one."""
    problem = regression(4)
    x = weights_of_rows(problem)
    y = fb.solve_lower(problem, x, tol=1e-12)
    f_y = problem.grad_upper_y(x, y)
    H = np.array([problem.hvp_lower_yy(x, y, unit) for unit in np.eye(problem.n_y)])
    D = _uniform_convexity.scaling(y, 4)
    np.testing.assert_allclose(D, 3 * y**2, rtol=1e-14)

    def hypergradient(matrix):
        return -problem.jvp_lower_xy(x, y, np.linalg.solve(matrix, f_y / D))

    def error(estimate):
        return np.linalg.norm(estimate - exact) / np.linalg.norm(exact)

    exact = -problem.jvp_lower_xy(x, y, np.linalg.solve(H, f_y))
    rows, columns = H / D[:, None], H / D
    assert error(hypergradient(rows)) < 1e-12
    assert error(hypergradient(columns)) > 0.5
    ours = problem.generalized_hessian(x, y)
    np.testing.assert_array_equal(ours, rows)
    assert np.linalg.norm(ours - columns) > 0.5 * np.linalg.norm(columns)
    assert error(fb.hypergradient(problem, x, method="implicit", tol=1e-12)) < 1e-9


@pytest.mark.parametrize("power", [3, 4])
def test_generalized_hessian_is_the_derivative_in_signed_powers(power):
    """Entry [i, k] is d (g_y)_k / d w_i, w = sign(y) |y|^(p-1)."""
    problem = regression(power)
    x, y, h = weights_of_rows(problem), np.array([0.8, -1.2, 0.5, 1.1, -0.6]), 1e-6
    w = np.sign(y) * np.abs(y) ** (power - 1)

    def gradient(w):
        return problem.grad_lower_y(x, np.sign(w) * np.abs(w) ** (1 / (power - 1)))

    numeric = [(gradient(w + d) - gradient(w - d)) / (2 * h) for d in h * np.eye(5)]
    ours = problem.generalized_hessian(x, y)
    np.testing.assert_allclose(ours, numeric, rtol=0, atol=1e-7 * np.abs(ours).max())


def test_scaling_at_zero_needs_a_floor():
    problem = regression(4)
    y = np.array([0.8, -1.2, 0.0, 1.1, -0.6])
    with pytest.raises(ValueError, match=r"y\[2\] is 0\.0.*positive floor"):
        problem.generalized_hessian(problem.x0, y)
    ours = problem.generalized_hessian(problem.x0, y, floor=0.01)
    np.testing.assert_allclose(ours[2], problem.hvp_lower_yy(problem.x0, y, np.eye(5)[2]) / 3e-4)


def test_power_two_scales_nothing():
    problem = regression(2)
    y = np.zeros(5)
    H = [problem.hvp_lower_yy(problem.x0, y, unit) for unit in np.eye(5)]
    np.testing.assert_array_equal(problem.generalized_hessian(problem.x0, y), H)
    assert _uniform_convexity.power_of(fb.problems.Quadratic.random(2, 2)) == 2


# -- lower solutions --------------------------------------------------------------------------


@POWERS
@pytest.mark.parametrize("x", [1.2, -SMALL, 0.0])
@pytest.mark.parametrize("y0", [0.0, 1.0, -100.0])
def test_newton_reaches_the_tolerance_where_the_curvature_vanishes(power, x, y0):
    problem = scalar(power)
    for tol in (1e-8, 1e-13):
        y = fb.solve_lower(problem, [x], y0=[y0], tol=tol)
        assert abs(problem.grad_lower_y([x], y)[0]) <= tol
    if x:
        np.testing.assert_allclose(y, problem.lower_solution([x]), rtol=1e-7)


def test_steps_so_long_that_they_overflow_are_no_obstacle():
    """H = 19 * 1e-54 at the start: the Newton step has length 1e53."""
    problem = scalar(20)
    y = fb.solve_lower(problem, [1.2], y0=[1e-3])
    np.testing.assert_allclose(y, problem.lower_solution([1.2]), rtol=1e-8)


@pytest.mark.parametrize("power", [2.5, 4, 8])
@pytest.mark.parametrize("d", [5, 40])
def test_lower_solution_of_a_regression_reaches_the_tolerance(power, d):
    problem = regression(power, d=d)
    x = weights_of_rows(problem)
    for scale in (0, 10):
        start = scale * np.linspace(-1, 1, d)
        y = fb.solve_lower(problem, x, y0=start, tol=1e-11)
        assert np.linalg.norm(problem.grad_lower_y(x, y)) <= 1e-11


# -- hypergradients ---------------------------------------------------------------------------


@POWERS
@pytest.mark.parametrize("x", [1.0, -2.0, SMALL, np.pi - SMALL, 0.0, np.pi])
def test_implicit_is_the_closed_form(power, x):
    problem = scalar(power)
    phi = fb.hypergradient(problem, [x], method="implicit")
    np.testing.assert_allclose(phi, problem.hypergradient([x]), rtol=0, atol=1e-8)


@POWERS
def test_implicit_is_the_closed_form_at_a_lower_solution_of_exactly_zero(power):
    """There f_y = 0 and g_yy = 0, but their quotient is cos 0."""
    problem = scalar(power)
    assert fb.solve_lower(problem, [0.0], y0=[0.0]) == 0
    if power > 2:
        assert problem.grad_upper_y([0.0], [0.0]) == problem.hvp_lower_yy([0.0], [0.0], [1.0]) == 0
    phi = fb.hypergradient(problem, [0.0], y0=[0.0], method="implicit")
    np.testing.assert_allclose(phi, 1.0, rtol=1e-14)


@pytest.mark.parametrize("power", [4, 8])
@pytest.mark.parametrize("weights", ["clip", "sigmoid"])
def test_implicit_is_the_slope_of_the_upper_value(power, weights):
    problem = regression(power, weights=weights)
    x, h = weights_of_rows(problem), 1e-3
    exact = fb.hypergradient(problem, x, method="implicit", tol=1e-12)

    def phi(t):
        return problem.value_upper(x + t * d, fb.solve_lower(problem, x + t * d, tol=1e-13))

    for d in (exact / np.linalg.norm(exact), np.linspace(-0.3, 0.3, problem.n_x)):
        slope = (8 * (phi(h) - phi(-h)) - (phi(2 * h) - phi(-2 * h))) / (12 * h)
        assert slope == pytest.approx(exact @ d, rel=1e-7)


@pytest.mark.parametrize("power", [3, 4, 6, 8])
def test_finite_differences_suffice_where_there_is_curvature(power):
    problem = scalar(power)
    for x, bound in ((1.0, 1e-6), (SMALL, 1e-5)):
        phi = fb.hypergradient(problem, [x])
        np.testing.assert_allclose(phi, problem.hypergradient([x]), rtol=0, atol=bound)


def test_finite_differences_have_another_limit_where_the_curvature_vanishes():
    """At sin x = 0 the minimisers of g +- nu f are -+(p-1) nu: the stencil gives (p-1) cos x."""
    problem = scalar(2.5)
    for nu in (1e-2, 1e-3):
        phi = fb.hypergradient(problem, [0.0], nu=nu)
        np.testing.assert_allclose(phi, 1.5 * problem.hypergradient([0.0]), rtol=1e-3)


@pytest.mark.parametrize("power", [4, 6, 8])
def test_finite_differences_of_undetermined_solutions_are_reported(power):
    """A gradient of 1e-12 determines y* = 0 to 1e-12^(1/(p-1)) only, far more than nu."""
    with pytest.warns(ConvergenceWarning, match="accuracy of the lower solutions.*implicit"):
        fb.hypergradient(scalar(power), [0.0])


def test_a_coordinate_without_curvature_is_left_out():
    """A feature that no training row has: y_k = 0, and the weights do not move it."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 3)), rng.standard_normal(30)
    X[:20, 2] = 0.0
    whole, two = (
        interpreted(fb.problems.LpRegression(X[:20, :d], y[:20], X[20:, :d], y[20:], power=4))
        for d in (3, 2)
    )
    with pytest.warns(ConvergenceWarning, match="uniformly convex: y_i without curvature"):
        phi = fb.hypergradient(whole, whole.x0, method="implicit", tol=1e-12)
    expected = fb.hypergradient(two, two.x0, method="implicit", tol=1e-12)
    np.testing.assert_allclose(phi, expected, rtol=1e-8)
