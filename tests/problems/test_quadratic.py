"""Quadratic: closed forms, per-sample stacks, additive noise."""

import numpy as np
import pytest

import fastbilevel as fb
from fastbilevel.problems.quadratic import Quadratic


def numeric_gradient(function, point):
    step = 1e-5
    return np.array(
        [
            (function(point + step * e) - function(point - step * e)) / (2 * step)
            for e in np.eye(point.size)
        ]
    )


def test_scalar_problem_has_the_solution_of_the_formula():
    for mu, a in [(1.0, 1.0), (2.0, 0.5), (0.7, 3.0)]:
        problem = Quadratic([[mu]], [[1.0]], [[1.0]], c=[-1.0], R=[[a]])
        np.testing.assert_allclose(problem.solution(), mu / (1 + a * mu**2), rtol=1e-14)
        x = np.array([0.3])
        np.testing.assert_allclose(problem.hypergradient(x), a * x + (x - mu) / mu**2)


@pytest.mark.parametrize("n", [None, 7])
def test_closed_forms_agree_with_differences(n):
    problem = Quadratic.random(3, 4, n=n, seed=5)
    x = np.random.default_rng(0).standard_normal(3)
    y = problem.lower_solution(x)
    np.testing.assert_allclose(problem.grad_lower_y(x, y), 0, atol=1e-12)
    phi = numeric_gradient(lambda u: problem.value_upper(u, problem.lower_solution(u)), x)
    np.testing.assert_allclose(problem.hypergradient(x), phi, rtol=1e-7)
    np.testing.assert_allclose(problem.hypergradient(problem.solution()), 0, atol=1e-12)


def test_perturbed_solution_minimises_the_sum():
    problem = Quadratic.random(3, 4, seed=6)
    x = np.ones(3)
    for weight in (-0.3, 0.0, 0.4):
        y = problem.lower_solution(x, weight)
        gradient = problem.grad_lower_y(x, y) + weight * problem.grad_upper_y(x, y)
        np.testing.assert_allclose(gradient, 0, atol=1e-12)


def test_rows_select_samples():
    problem = Quadratic.random(3, 4, n=9, spread=0.5)
    rng = np.random.default_rng(1)
    x, y, v = rng.standard_normal(3), rng.standard_normal(4), rng.standard_normal(4)
    for name, arguments in {
        "grad_lower_y": (x, y),
        "grad_upper_y": (x, y),
        "grad_lower_x": (x, y),
        "grad_upper_x": (x, y),
        "hvp_lower_yy": (x, y, v),
        "jvp_lower_xy": (x, y, v),
        "value_lower": (x, y),
        "value_upper": (x, y),
    }.items():
        oracle = getattr(problem, name)
        single = [oracle(*arguments, rows=[i]) for i in range(9)]
        np.testing.assert_allclose(oracle(*arguments), np.mean(single, axis=0), rtol=1e-10)
        np.testing.assert_allclose(
            oracle(*arguments, rows=[2, 5, 5]), (single[2] + 2 * single[5]) / 3, rtol=1e-10
        )


def test_additive_noise_belongs_to_the_sample():
    problem = Quadratic(np.eye(2), np.eye(2), np.eye(2), noise=(0.5, 2.0))
    x, y = np.ones(2), np.zeros(2)
    rows = np.array([3, 8])
    first = problem.grad_lower_y(x, y, rows)
    np.testing.assert_array_equal(first, problem.grad_lower_y(x, y, rows))
    elsewhere = problem.grad_lower_y(2 * x, y + 1, rows)
    exact = problem.grad_lower_y(x, y), problem.grad_lower_y(2 * x, y + 1)
    np.testing.assert_allclose(first - exact[0], elsewhere - exact[1], rtol=1e-12)
    assert not np.allclose(first - exact[0], problem.grad_upper_y(x, y, rows), rtol=1e-3)
    noise = np.array(
        [problem.grad_upper_y(x, y, [i]) - problem.grad_upper_y(x, y) for i in range(4000)]
    )
    assert abs(noise.std() / 2.0 - 1) < 0.03
    assert abs(noise.mean()) < 4 * 2.0 / np.sqrt(noise.size)


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"H": np.array([[1.0, 0.5], [0.0, 1.0]])}, ValueError, "H must be symmetric"),
        ({"H": np.eye(3)}, ValueError, "H must have shape"),
        ({"c": np.zeros(3)}, ValueError, "c must have shape"),
        ({"b": np.array([np.nan, 0.0])}, ValueError, "b must be finite"),
        ({"B": np.zeros(2)}, ValueError, "B must have 2 axes"),
        ({"noise": -1.0}, ValueError, "noise must be finite and not negative"),
        ({"H": np.ones((3, 2, 2)), "noise": 1.0}, ValueError, "cannot be combined"),
        ({"H": np.ones((3, 2, 2)), "b": np.ones((2, 2))}, ValueError, "stacks of one size"),
    ],
)
def test_wrong_coefficients_are_refused(changes, error, match):
    arguments = {"H": np.eye(2), "B": np.eye(2), "F": np.eye(2), **changes}
    with pytest.raises(error, match=match):
        Quadratic(**arguments)


def test_rows_must_exist():
    problem = Quadratic.random(2, 2, n=5)
    with pytest.raises(ValueError, match=r"all in \[0, 5\)"):
        problem.value_lower(np.zeros(2), np.zeros(2), rows=[5])
    with pytest.raises(TypeError, match="1-D array of integers"):
        problem.value_lower(np.zeros(2), np.zeros(2), rows=[0.5])
    with pytest.raises(ValueError, match="y must have 2 elements"):
        problem.value_lower(np.zeros(2), np.zeros(3))


def test_public_name():
    assert fb.problems.Quadratic is Quadratic
