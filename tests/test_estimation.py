"""Lower solutions and hypergradients against closed forms, and the order of their errors."""

import warnings

import numpy as np
import pytest
from small_problems import log_sum_exp_problem, singular_problem, softmax_problem

import fastbilevel as fb
from fastbilevel._numerics.conjugate_gradients import minimum_norm
from fastbilevel.estimation import ConvergenceWarning
from fastbilevel.problems import Quadratic

ORDERS = range(1, 7)


def lower_residual(problem, x, y, weight):
    gradient = problem.grad_lower_y(x, y) + weight * problem.grad_upper_y(x, y)
    return np.linalg.norm(gradient.astype(float))


# -- solve_lower ------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [None, 6])
@pytest.mark.parametrize("weight", [0.0, 0.7, -0.3])
def test_lower_solution_of_a_quadratic_is_the_closed_form(n, weight):
    problem = Quadratic.random(5, 7, n=n, seed=3)
    x = np.linspace(-1, 2, 5)
    y = fb.solve_lower(problem, x, weight=weight, tol=1e-13)
    np.testing.assert_allclose(y, problem.lower_solution(x, weight), rtol=0, atol=1e-12)


@pytest.mark.parametrize("without", [(), ("hvp_lower_yy",)])
@pytest.mark.parametrize("weight", [0.0, 0.2, -0.01])
@pytest.mark.parametrize("penalty", [0.0, -10.0])
@pytest.mark.parametrize("tol", [1e-8, 1e-12])
def test_lower_solution_reaches_the_tolerance(without, weight, penalty, tol):
    problem = softmax_problem(without=without)
    x = penalty + np.linspace(-2, 2, 8)
    y = fb.solve_lower(problem, x, weight=weight, tol=tol)
    assert lower_residual(problem, x, y, weight) <= tol


def test_lower_solution_does_not_depend_on_the_start():
    problem = softmax_problem()
    x = np.full(8, -4.0)
    start = 20 * np.random.default_rng(0).standard_normal(problem.n_y)
    near, far = (fb.solve_lower(problem, x, y0=y, tol=1e-12) for y in (None, start))
    np.testing.assert_allclose(far, near, rtol=0, atol=1e-9)


def test_upper_objective_is_not_needed_for_weight_zero():
    problem = softmax_problem()
    problem.grad_upper_y = None
    fb.solve_lower(problem, problem.x0)


@pytest.mark.parametrize("free", [-3.0, 5.0])
def test_a_free_coordinate_keeps_its_start(free):
    y = fb.solve_lower(singular_problem(), [0.8], y0=[7.0, free], tol=1e-14)
    np.testing.assert_allclose(y, [0.8, free], rtol=1e-14)


def test_solution_stays_in_the_affine_range_of_the_start():
    rng = np.random.default_rng(4)
    A, y0 = rng.standard_normal((4, 9)), rng.standard_normal(9)
    problem = log_sum_exp_problem(A, np.ones(4), [0.3], y0)
    y = fb.solve_lower(problem, [0.3], tol=1e-10)
    assert lower_residual(problem, np.array([0.3]), y, 0.0) <= 1e-10
    null_space = np.linalg.svd(A)[2][4:]
    np.testing.assert_allclose(null_space @ (y - y0), 0.0, atol=1e-7)
    # Another start with the same component in the null space ends at the same point.
    elsewhere = fb.solve_lower(problem, [0.3], y0=y0 + A.T @ np.arange(4.0), tol=1e-10)
    np.testing.assert_allclose(elsewhere, y, atol=1e-7)


def test_arguments_are_not_modified_and_results_are_the_callers():
    problem = softmax_problem()
    x, y0 = np.full(8, -2.0), np.full(problem.n_y, 0.1)
    for array in (x, y0):
        array.flags.writeable = False
    y = fb.solve_lower(problem, x, y0=y0)
    assert y.flags.writeable
    assert not np.shares_memory(y, y0)
    y[:] = np.nan
    np.testing.assert_array_equal(y0, 0.1)
    assert np.isfinite(fb.hypergradient(problem, x, y0=y0)).all()


def test_a_float32_problem_gives_float32():
    problem = softmax_problem(dtype=np.float32)
    reference = softmax_problem()
    x = np.full(8, -1.0)
    y = fb.solve_lower(problem, x, tol=1e-5)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, fb.solve_lower(reference, x), atol=2e-4)
    for method, tolerance in (("implicit", 1e-4), ("finite-difference", 1e-2)):
        phi = fb.hypergradient(problem, x, method=method, tol=1e-5)
        assert phi.dtype == np.float32
        exact = fb.hypergradient(reference, x, method="implicit")
        np.testing.assert_allclose(phi, exact, atol=tolerance * np.linalg.norm(exact))


def test_a_tolerance_below_rounding_warns_with_what_was_reached():
    problem = softmax_problem()
    with pytest.warns(ConvergenceWarning, match=r"came down to \d.*not to tol=1e-30.*rounding"):
        y = fb.solve_lower(problem, problem.x0, tol=1e-30)
    assert lower_residual(problem, problem.x0, y, 0.0) < 1e-14


def test_an_objective_without_a_minimum_warns():
    problem = Quadratic.random(2, 3, seed=1)
    with pytest.warns(ConvergenceWarning, match="falls without end.*order=1"):
        fb.solve_lower(problem, np.ones(2), weight=-50.0)


def test_a_gradient_that_is_not_finite_warns():
    problem = softmax_problem()
    with (
        np.errstate(all="ignore"),
        pytest.warns(ConvergenceWarning, match="gradient is not finite"),
    ):
        fb.solve_lower(problem, np.full(8, 1e4))


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"problem": 3}, TypeError, "problem must be"),
        ({"x": [1.0]}, ValueError, "x must have 8 elements"),
        ({"x": np.full(8, np.nan)}, ValueError, "x must be finite"),
        ({"x": np.full(8, 1j)}, TypeError, "x must hold real numbers"),
        ({"y0": [1.0]}, ValueError, "y0 must have 24 elements"),
        ({"weight": "1"}, TypeError, "weight must be a number"),
        ({"weight": np.inf}, ValueError, "weight must be finite"),
        ({"tol": 0.0}, ValueError, "tol must be positive and finite"),
        ({"tol": True}, TypeError, "tol must be a number"),
    ],
)
def test_wrong_arguments_of_solve_lower(changes, error, match):
    arguments = {"problem": softmax_problem(), "x": np.zeros(8), **changes}
    with pytest.raises(error, match=match):
        fb.solve_lower(arguments.pop("problem"), arguments.pop("x"), **arguments)


# -- hypergradient ----------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("mu", "a"), [(1.0, 1.0), (2.0, 0.5), (0.7, 0.0)])
def test_scalar_estimate_is_the_closed_form(order, mu, a):
    """Q1: Phi_p = a x + (x - mu)/mu^2 (1 - PI_p), PI_p = prod_{j != 0} j nu/(mu + j nu)."""
    problem = Quadratic([[mu]], [[1.0]], [[1.0]], c=[-1.0], R=[[a]])
    nu, x = 0.1, 0.3
    offsets, _ = fb.finite_difference_coefficients(order)
    j = offsets[offsets != 0]
    expected = a * x + (x - mu) / mu**2 * (1 - np.prod(j * nu / (mu + j * nu)))
    phi = fb.hypergradient(problem, [x], order=order, nu=nu, tol=1e-14)
    np.testing.assert_allclose(phi, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_estimate_is_the_combination_of_exact_lower_solutions(order):
    problem = Quadratic.random(4, 5, seed=7)
    x, nu = np.linspace(0, 1, 4), 0.07
    offsets, alpha = fb.finite_difference_coefficients(order)
    solutions = [problem.lower_solution(x, j * nu) for j in offsets]
    expected = sum(
        a * (j * problem.grad_upper_x(x, y) + problem.grad_lower_x(x, y) / nu)
        for a, j, y in zip(alpha, offsets, solutions, strict=True)
    )
    phi = fb.hypergradient(problem, x, order=order, nu=nu, tol=1e-14)
    np.testing.assert_allclose(phi, expected, rtol=0, atol=1e-11)


def quadratic_and_gradient():
    problem, x = Quadratic.random(4, 6, seed=1), np.linspace(-1, 1, 4)
    return problem, x, problem.hypergradient(x), 0.05


def softmax_and_gradient():
    problem, x = softmax_problem(), np.linspace(-1, 0, 8)
    return problem, x, fb.hypergradient(problem, x, method="implicit", tol=1e-12), 0.1


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("case", [quadratic_and_gradient, softmax_and_gradient])
def test_error_falls_with_the_power_of_the_order(order, case):
    problem, x, exact, nu = case()
    nu /= np.ceil(order / 2)
    wide, narrow = (
        np.linalg.norm(fb.hypergradient(problem, x, order=order, nu=width, tol=3e-14) - exact)
        for width in (2 * nu, nu)
    )
    assert np.log2(wide / narrow) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("n", [None, 5])
def test_implicit_is_the_closed_form(n):
    problem = Quadratic.random(5, 8, n=n, seed=2)
    x = np.linspace(-2, 1, 5)
    phi = fb.hypergradient(problem, x, method="implicit", tol=1e-13)
    np.testing.assert_allclose(phi, problem.hypergradient(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", [*ORDERS, 10])
def test_default_width_suits_every_order(order):
    problem, x, exact, _ = softmax_and_gradient()
    phi = fb.hypergradient(problem, x, order=order)
    bound = 1e-3 if order == 1 else 1e-6
    assert np.linalg.norm(phi - exact) < bound * np.linalg.norm(exact)


def test_gradient_of_the_value_along_the_lower_solutions():
    problem, x, exact, _ = softmax_and_gradient()
    d, h = np.linspace(1, -1, 8), 1e-4

    def phi(t):
        return problem.value_upper(x + t * d, fb.solve_lower(problem, x + t * d, tol=1e-12))

    assert (phi(h) - phi(-h)) / (2 * h) == pytest.approx(exact @ d, rel=1e-6)


def test_order_one_suits_a_lower_minimiser_that_is_not_unique():
    # PL1: the penalty gradient is (x - 1) / (1 + nu) whatever the free coordinate starts at.
    for free in (-3.0, 5.0):
        phi = fb.hypergradient(singular_problem((0.0, free)), [0.2], order=1, nu=0.1, tol=1e-14)
        np.testing.assert_allclose(phi, (0.2 - 1.0) / 1.1, rtol=1e-12)


def test_implicit_takes_the_minimum_norm_at_the_best_minimiser():
    problem = singular_problem()
    best = fb.solve_lower(problem, [0.2], weight=1e-3, tol=1e-14)
    phi = fb.hypergradient(problem, [0.2], method="implicit", y0=best, tol=1e-10)
    np.testing.assert_allclose(phi, 0.2 - 1.0, rtol=1e-12)


def test_implicit_warns_where_f_could_still_fall_among_the_minimisers():
    # There v is the least-squares solution (y_1 - 1, 0), and f_x = x - y_2.
    with pytest.warns(ConvergenceWarning, match="outside the range.*order=1"):
        phi = fb.hypergradient(singular_problem((0.0, 5.0)), [0.2], method="implicit")
    np.testing.assert_allclose(phi, (0.2 - 5.0) + (0.2 - 1.0), rtol=1e-12)


@pytest.mark.parametrize("inside", [True, False])
def test_minimum_norm_is_the_pseudo_inverse(inside):
    rng = np.random.default_rng(8)
    A = rng.standard_normal((5, 9))
    H = A.T @ A
    b = H @ rng.standard_normal(9) if inside else rng.standard_normal(9)
    solution = minimum_norm(lambda v: H @ v, b, 1e-12)
    expected = np.linalg.pinv(H) @ b
    np.testing.assert_allclose(solution.v, expected, atol=1e-9 * np.linalg.norm(expected))
    assert solution.residual == pytest.approx(np.linalg.norm(b - H @ expected), abs=1e-10)


def test_rounding_that_shows_is_reported():
    problem = Quadratic.random(3, 4, seed=0)
    with pytest.warns(ConvergenceWarning, match="nu=1e-14 is so small that rounding and"):
        fb.hypergradient(problem, np.ones(3), nu=1e-14, tol=1e-8)


def test_negative_weight_that_loses_convexity_is_reported():
    with pytest.warns(ConvergenceWarning, match="order=1"):
        fb.hypergradient(singular_problem(), [0.2], order=2, nu=0.1)


def test_no_warning_where_all_is_well():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fb.hypergradient(softmax_problem(), np.zeros(8))
        fb.hypergradient(softmax_problem(), np.zeros(8), method="implicit")


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"order": 0}, ValueError, "order must be at least 1"),
        ({"order": 2.0}, TypeError, "order must be an integer"),
        ({"nu": -0.1}, ValueError, "nu must be positive and finite"),
        ({"tol": -1.0}, ValueError, "tol must be positive and finite"),
        ({"method": "implict"}, TypeError, "Did you mean implicit"),
    ],
)
def test_wrong_arguments_of_hypergradient(changes, error, match):
    with pytest.raises(error, match=match):
        fb.hypergradient(softmax_problem(), np.zeros(8), **changes)


def test_missing_products_are_named():
    problem = softmax_problem(without=("hvp_lower_yy", "jvp_lower_xy"))
    with pytest.raises(TypeError, match="needs hvp_lower_yy, jvp_lower_xy, which Problem does not"):
        fb.hypergradient(problem, np.zeros(8), method="implicit")
    assert np.isfinite(fb.hypergradient(problem, np.zeros(8))).all()
