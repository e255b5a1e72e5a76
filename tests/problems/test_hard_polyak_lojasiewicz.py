"""Lower levels with many solutions: closed forms, and which solution counts."""

import numpy as np
import pytest

import fastbilevel as fb

PolyakLojasiewicz = fb.problems.hard.PolyakLojasiewicz
COEFFICIENTS = {
    "A": [[1.0, 0.0]],
    "B": [[1.0]],
    "b": [0.0],
    "P": np.eye(2),
    "Q": [[0.0], [1.0]],
    "p": [1.0, 0.0],
}


@pytest.fixture(params=[(1, 2, 1), (3, 6, 4), (4, 5, 1)], ids=str)
def problem(request):
    return PolyakLojasiewicz.random(*request.param, seed=7)


def test_without_arguments_it_is_the_smallest_example():
    problem = PolyakLojasiewicz()
    for x, y1, y2 in ((0.4, 0.7, -1.1), (-2.0, 0.0, 3.0)):
        at = [x], [y1, y2]
        np.testing.assert_allclose(problem.value_lower(*at), (y1 - x) ** 2 / 2)
        np.testing.assert_allclose(problem.value_upper(*at), (y1 - 1) ** 2 / 2 + (y2 - x) ** 2 / 2)
        np.testing.assert_allclose(problem.hypergradient([x]), [x - 1], atol=1e-15)
        np.testing.assert_allclose(problem.phi([x]), (x - 1) ** 2 / 2)
        for nu in (0.1, 2.0):
            y = problem.lower_solution([x], nu)
            np.testing.assert_allclose(y, [(x + nu) / (1 + nu), x])
            z = problem.lower_solution([x])
            penalty_gradient = problem.grad_upper_x([x], y) + 1 / nu * (
                problem.grad_lower_x([x], y) - problem.grad_lower_x([x], z)
            )
            np.testing.assert_allclose(penalty_gradient, [(x - 1) / (1 + nu)])
    np.testing.assert_allclose(problem.solution(), [1.0])


def test_its_coefficients_can_be_given():
    given, default = PolyakLojasiewicz(**COEFFICIENTS), PolyakLojasiewicz()
    at = [0.3], [0.2, -0.7]
    for name in ("value_lower", "value_upper", "grad_lower_x", "grad_upper_y"):
        np.testing.assert_array_equal(getattr(given, name)(*at), getattr(default, name)(*at))


def null_space(problem):
    """Directions in which g does not curve, found with the oracle."""
    n = problem.n_y
    H = np.column_stack([problem.hvp_lower_yy(problem.x0, problem.y0, e) for e in np.eye(n)])
    curvatures, vectors = np.linalg.eigh(H)
    return curvatures, vectors[:, curvatures < 1e-12]


@pytest.mark.parametrize(("n_y", "rank"), [(2, 1), (6, 4), (7, 1)])
def test_random_lower_levels_have_the_rank_asked_for(n_y, rank):
    curvatures, flat = null_space(PolyakLojasiewicz.random(3, n_y, rank, seed=1))
    assert flat.shape[1] == n_y - rank
    np.testing.assert_allclose(curvatures[-rank:], np.linspace(1, 2, rank), rtol=1e-12)


def test_optimistic_solution_is_the_best_of_many(problem):
    x = np.linspace(-1, 1, problem.n_x)
    _, flat = null_space(problem)
    best = problem.lower_solution(x)
    # No slope of f along the solutions, and every other solution is worse.
    np.testing.assert_allclose(flat.T @ problem.grad_upper_y(x, best), 0, atol=1e-12)
    for shift in np.random.default_rng(0).standard_normal((10, flat.shape[1])):
        other = best + flat @ shift
        np.testing.assert_allclose(problem.grad_lower_y(x, other), 0, atol=1e-12)
        np.testing.assert_allclose(problem.value_lower(x, other), problem.value_lower(x, best))
        assert problem.value_upper(x, other) > problem.value_upper(x, best)


def test_perturbed_solutions_tend_to_the_optimistic_one(problem):
    x = np.linspace(-1, 1, problem.n_x)
    errors = [
        np.linalg.norm(problem.lower_solution(x, nu) - problem.lower_solution(x))
        for nu in (1e-3, 1e-4, 1e-5)
    ]
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 10, rtol=0.02)


def test_finite_differences_of_order_one_find_the_hypergradient_from_anywhere(problem):
    x = np.linspace(-1, 1, problem.n_x)
    start = 3 * np.random.default_rng(3).standard_normal(problem.n_y)
    estimate = fb.hypergradient(problem, x, order=1, nu=1e-6, y0=start)
    np.testing.assert_allclose(estimate, problem.hypergradient(x), atol=3e-5)


def test_another_lower_solution_gives_another_hypergradient(problem):
    """What a method finds that follows g alone: the wrong direction."""
    x = np.linspace(-1, 1, problem.n_x)
    _, flat = null_space(problem)
    start = problem.lower_solution(x) + flat.sum(axis=1)
    with pytest.warns(fb.ConvergenceWarning, match="outside the range"):
        estimate = fb.hypergradient(problem, x, method="implicit", y0=start)
    assert np.linalg.norm(estimate - problem.hypergradient(x)) > 0.05


def test_hypergradient_vanishes_at_the_solution_only(problem):
    solution = problem.solution()
    np.testing.assert_allclose(problem.hypergradient(solution), 0, atol=1e-12)
    slopes = np.column_stack([problem.hypergradient(solution + e) for e in np.eye(problem.n_x)])
    assert np.linalg.eigvalsh(slopes).min() > 1e-3


def test_the_lower_residual_does_not_vanish():
    problem = PolyakLojasiewicz.random(3, 6, 4, seed=7)
    x = np.zeros(3)
    assert problem.value_lower(x, problem.lower_solution(x)) > 0.01
    assert np.linalg.norm(problem.grad_lower_x(x, problem.lower_solution(x))) > 0.01


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"A": None, "b": None}, TypeError, "A, b must be given too"),
        ({"A": [[1.0, 0.0], [0.0, 1.0]], "B": [[1.0], [1.0]], "b": [0.0, 0.0]}, ValueError,
         "A must have linearly dependent columns"),
        ({"P": [[1.0, 0.0], [0.0, 0.0]]}, ValueError, "P must be injective"),
        ({"b": [0.0, 1.0]}, ValueError, "b must have 1 rows, as A has; got 2"),
        ({"p": [[1.0], [0.0]]}, ValueError, "p must have 1 axes"),
        ({"B": [[np.nan]]}, ValueError, "B must be finite"),
        ({"Q": np.ones((2, 3))}, ValueError, "P and Q must have 2 and 1 columns"),
        ({"x0": [1.0, 2.0]}, ValueError, "x0 must have 1 elements"),
    ],
)  # fmt: skip
def test_wrong_coefficients_are_refused(changes, error, match):
    with pytest.raises(error, match=match):
        PolyakLojasiewicz(**{**COEFFICIENTS, **changes})


def test_wrong_sizes_and_weights_are_refused():
    with pytest.raises(ValueError, match="rank must be less than n_y = 3"):
        PolyakLojasiewicz.random(2, 3, 3)
    with pytest.raises(TypeError, match="n_x must be an integer"):
        PolyakLojasiewicz.random(2.0, 3, 1)
    with pytest.raises(ValueError, match="weight must be finite and not negative"):
        PolyakLojasiewicz().lower_solution([0.0], -0.1)
