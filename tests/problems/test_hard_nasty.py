"""The nasty example: piecewise formulas against a grid, and what they say."""

import numpy as np
import pytest

import fastbilevel as fb

Nasty = fb.problems.hard.Nasty
GRID = np.linspace(-1, 1, 20_001)
POINTS = np.array([-1.0, -0.3, -0.05, 0.0, 0.02, 0.1, 0.7])
PENALTIES = [0.5, 2.0, 10.0, 40.0]


def value(function, x, *others):
    """The values of a scalar oracle on the grid of y."""
    return np.array([function([x], [y]) for y in GRID[::10]])


def test_bounds_of_both_levels_belong_to_the_problem():
    problem = Nasty()
    assert problem.default_bounds == problem.lower_bounds == (-1.0, 1.0)
    assert (problem.infinite, problem.n_lower, problem.n_upper) == (False, 1, 1)


@pytest.mark.parametrize("x", [-0.6, 0.25])
def test_lower_solution_is_the_vertex_that_the_grid_finds(x):
    problem = Nasty()
    best = GRID[::10][np.argmin(value(problem.value_lower, x))]
    np.testing.assert_allclose(problem.lower_solution([x]), best)
    np.testing.assert_allclose(problem.phi(x), problem.value_upper([x], [best]))


def test_objective_jumps_at_its_minimiser():
    problem = Nasty()
    assert problem.phi(0.0) == 0.0
    assert problem.lower_solution([0.0]) == 0.0
    np.testing.assert_allclose(problem.phi(np.array([-1e-9, 1e-9])), 1.0)
    assert np.isnan(problem.hypergradient([0.0]))


@pytest.mark.parametrize("penalty", PENALTIES)
def test_penalty_function_is_the_minimum_over_a_grid(penalty):
    problem = Nasty()
    for x in POINTS:
        on_grid = x**2 + GRID**2 + penalty * (x * GRID + abs(x))
        np.testing.assert_allclose(problem.penalty_value(x, penalty), on_grid.min(), atol=1e-7)
        y = problem.lower_solution([x], 1 / penalty)
        np.testing.assert_allclose(y, GRID[np.argmin(on_grid)], atol=1e-4)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_penalty_gradient_is_that_of_the_penalty_function(penalty):
    problem, h = Nasty(), 1e-7
    for x in POINTS[POINTS != 0]:
        slope = (problem.penalty_value(x + h, penalty) - problem.penalty_value(x - h, penalty)) / (
            2 * h
        )
        np.testing.assert_allclose(problem.penalty_gradient(x, penalty), slope, atol=1e-4)


@pytest.mark.parametrize("penalty", [10.0, 40.0])
def test_penalty_gradient_is_what_the_oracles_combine_to(penalty):
    problem = Nasty()
    for x in POINTS:
        y, z = problem.lower_solution([x], 1 / penalty), problem.lower_solution([x])
        combined = problem.grad_upper_x([x], y) + penalty * (
            problem.grad_lower_x([x], y) - problem.grad_lower_x([x], z)
        )
        np.testing.assert_allclose(problem.penalty_gradient([x], penalty), combined, atol=1e-12)


@pytest.mark.parametrize("penalty", [10.0, 1000.0])
def test_slope_of_the_penalty_function_grows_with_the_penalty_beside_zero_only(penalty):
    problem = Nasty()
    sides = problem.penalty_gradient(np.array([-1e-12, 1e-12]), penalty)
    np.testing.assert_allclose(sides, [-penalty, penalty], rtol=1e-6)
    assert problem.penalty_gradient(0.0, penalty) == problem.penalty_value(0.0, penalty) == 0.0
    for far in ([-0.9], [0.5]):
        hypergradient = problem.hypergradient(far)
        np.testing.assert_array_equal(problem.penalty_gradient(far, penalty), hypergradient)
    everywhere = np.linspace(-1, 1, 2001)
    assert np.argmin(problem.penalty_value(everywhere, penalty)) == 1000


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match=r"must lie in \[-1, 1\]"):
        Nasty(x0=2.0)
    with pytest.raises(ValueError, match="penalty must be positive and finite"):
        Nasty().penalty_value(0.5, 0.0)
    with pytest.raises(ValueError, match="weight must be finite and not negative"):
        Nasty().lower_solution([0.5], -1.0)
