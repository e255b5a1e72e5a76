"""What holds for every hard instance."""

import numpy as np
import pytest
from softmax_formulas import interpreted

import fastbilevel as fb
from fastbilevel.problems.oracle_table import SIMPLE

hard = fb.problems.hard
CHAIN = hard.CarmonChain(6, smoothness=2.0, epsilon=0.1)
MAKERS = {
    "Nasty": hard.Nasty,
    "PL1": hard.PolyakLojasiewicz,
    "PolyakLojasiewicz": hard.PolyakLojasiewicz.random,
    "ZeroChain": lambda: hard.ZeroChain(10),
    "Separable, exact": lambda: hard.Separable(CHAIN, mu=0.7),
    "Separable": lambda: hard.Separable(CHAIN, mu=0.7, probability=0.3),
    "YStarOracle, variance": lambda: hard.YStarOracle(CHAIN, noise=2.0),
    "YStarOracle, smooth": lambda: hard.YStarOracle(CHAIN, "smooth", noise=9.0),
    "UniformlyConvex": lambda: hard.UniformlyConvex(4),
}
# No closed form of the perturbed lower solution.
WITHOUT = ("Nasty", "ZeroChain", "UniformlyConvex")
EACH = pytest.mark.parametrize("make", list(MAKERS.values()), ids=list(MAKERS))


def point(problem, seed=0):
    """A point inside the box of the lower level, with x well along the chain."""
    rng = np.random.default_rng(seed)
    width = CHAIN.scale if problem.n_x == CHAIN.length else 0.4
    return rng.uniform(-2, 2, problem.n_x) * width, rng.uniform(-1, 1, problem.n_y)


@EACH
def test_oracles_are_consistent(make):
    report = fb.testing.check_problem(make(), seed=3)
    assert {"grad_lower_x", "grad_upper_y", "hvp_lower_yy", "jvp_lower_xy"} <= set(report.errors)
    assert all("Minibatches" in sentence for sentence in report.skipped)


@EACH
@pytest.mark.parametrize("rows", [None, [0], [0, 0]])
def test_interpreted_texts_give_the_same(make, rows):
    ours, theirs = make(), interpreted(make())
    x, y = point(ours)
    for name in SIMPLE:
        vectors = (np.linspace(1, 2, ours.n_y),) if name[0] in "hj" else ()
        expected = getattr(theirs, name)(x, y, *vectors, rows=rows)
        result = getattr(ours, name)(x, y, *vectors, rows=rows)
        np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-14)


@EACH
def test_hypergradient_is_the_slope_of_phi(make):
    problem = make()
    x, _ = point(problem, 1)
    step = 1e-5 * max(1.0, np.abs(x).max())
    slopes = [
        (float(np.squeeze(problem.phi(x + d))) - float(np.squeeze(problem.phi(x - d)))) / (2 * step)
        for d in step * np.eye(problem.n_x)
    ]
    np.testing.assert_allclose(problem.hypergradient(x), slopes, rtol=1e-7, atol=1e-9)


@EACH
def test_phi_is_the_upper_value_at_the_lower_solution(make):
    problem = make()
    x, _ = point(problem, 2)
    value = problem.value_upper(x, problem.lower_solution(x))
    np.testing.assert_allclose(value, np.squeeze(problem.phi(x)), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", [name for name in MAKERS if name != "Nasty"])
def test_closed_forms_agree_with_solvers(name):
    problem = MAKERS[name]()
    x, _ = point(problem, 4)
    y = problem.lower_solution(x)
    np.testing.assert_allclose(problem.grad_lower_y(x, y), 0, atol=1e-13)
    implicit = fb.hypergradient(problem, x, method="implicit", y0=y)
    np.testing.assert_allclose(implicit, problem.hypergradient(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in MAKERS if name not in WITHOUT])
def test_perturbed_lower_solution_agrees_with_the_solver(name):
    problem = MAKERS[name]()
    x, y = point(problem, 5)
    found = fb.solve_lower(problem, x, weight=0.3, y0=y)
    np.testing.assert_allclose(found, problem.lower_solution(x, 0.3), atol=1e-7)


def test_public_names():
    for name in hard.__all__:
        assert getattr(hard, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Missing'"):
        hard.Missing  # noqa: B018
