"""The uniformly convex instance: closed forms that do not depend on the power, and its noise."""

import numpy as np
import pytest
from softmax_formulas import interpreted

import fastbilevel as fb
from fastbilevel.problems.oracle_table import SIMPLE

UniformlyConvex = fb.problems.hard.UniformlyConvex
POWERS = pytest.mark.parametrize("power", [2, 3, 4, 6.5, 8])
NOISY = ("grad_lower_y", "grad_lower_x", "grad_upper_x")


@POWERS
def test_oracles_are_consistent(power):
    for noise in (None, (1.0, 0.01)):
        report = fb.testing.check_problem(UniformlyConvex(power, noise))
        assert {"grad_lower_x", "grad_upper_y", "hvp_lower_yy", "jvp_lower_xy"} <= set(
            report.errors
        )
        assert max(report.errors.values()) < 1e-6


@pytest.mark.parametrize("rows", [None, [0], [4, 4, 2**40]])
def test_interpreted_texts_give_the_same(rows):
    ours = UniformlyConvex(4, 0.5)
    theirs = interpreted(UniformlyConvex(4, 0.5))
    x, y = [0.6], [-0.8]
    for name in SIMPLE:
        vectors = ([1.3],) if name[0] in "hj" else ()
        expected = getattr(theirs, name)(x, y, *vectors, rows=rows)
        np.testing.assert_allclose(getattr(ours, name)(x, y, *vectors, rows=rows), expected)


@POWERS
@pytest.mark.parametrize("x", [1.0, -2.5, 4.0, np.pi / 2, 0.0])
def test_phi_is_the_upper_value_at_the_lower_solution(power, x):
    problem = interpreted(UniformlyConvex(power))
    y = problem.lower_solution([x])
    np.testing.assert_allclose(problem.grad_lower_y([x], y), 0, atol=1e-15)
    np.testing.assert_allclose(problem.value_upper([x], y), problem.phi(x), rtol=1e-14)
    assert problem.phi(x) == np.sin(np.sin(x))


def test_hypergradient_is_the_slope_of_phi():
    problem, h = UniformlyConvex(), 1e-6
    for x in (1.0, -2.5, 0.0):
        slope = (problem.phi(x + h) - problem.phi(x - h)) / (2 * h)
        np.testing.assert_allclose(problem.hypergradient([x]), slope, rtol=1e-8)
    np.testing.assert_allclose(problem.hypergradient([-np.pi / 2]), 0, atol=1e-15)


@POWERS
def test_upper_objective_is_flat_beyond_its_extrema(power):
    problem = interpreted(UniformlyConvex(power))
    edge = (np.pi / 2) ** (1 / (power - 1))
    for sign in (-1, 1):
        assert problem.value_upper([0.0], [sign * 1.01 * edge]) == sign
        assert problem.grad_upper_y([0.0], [sign * 1.01 * edge]) == 0
        assert problem.generalized_upper_gradient([0.0], [sign * 1.01 * edge]) == 0
        assert problem.grad_upper_y([0.0], [sign * 0.99 * edge]) > 0


@POWERS
@pytest.mark.parametrize("y", [0.7, -0.4, 1e-3])
def test_generalized_derivatives_are_the_scaled_ones(power, y):
    problem = interpreted(UniformlyConvex(power))
    D = (power - 1) * abs(y) ** (power - 2)
    hessian = problem.hvp_lower_yy([0.3], [y], [1.0]) / D
    np.testing.assert_allclose(problem.generalized_hessian([0.3], [y]), [hessian], rtol=1e-14)
    gradient = problem.grad_upper_y([0.3], [y]) / D
    np.testing.assert_allclose(problem.generalized_upper_gradient([0.3], [y]), gradient, rtol=1e-13)


def test_nothing_degenerates_in_signed_powers():
    problem = UniformlyConvex(8)
    assert problem.generalized_hessian([0.0], [0.0]) == 1
    assert problem.generalized_upper_gradient([0.0], [0.0]) == 1


def test_noise_has_the_stated_deviations_and_the_second_derivatives_none():
    problem = interpreted(UniformlyConvex(4, (0.8, 0.05)))
    x, y, rows = [0.6], [-0.8], np.arange(4000)
    for name, sigma in zip(NOISY, (0.8, 0.8, 0.05), strict=True):
        oracle = getattr(problem, name)
        samples = np.array([oracle(x, y, rows=[row])[0] for row in rows[:1000]]) - oracle(x, y)[0]
        assert abs(samples.mean()) < 4 * sigma / np.sqrt(1000)
        assert samples.std() == pytest.approx(sigma, rel=0.1)
        np.testing.assert_allclose(
            oracle(x, y, rows=rows[:1000]) - oracle(x, y), samples.mean(), rtol=1e-9
        )
        # The same sample has the same noise everywhere.
        moved = oracle([0.1], [0.2], rows=[3]) - oracle([0.1], [0.2])
        np.testing.assert_allclose(moved, samples[3], rtol=1e-9)
    for name in ("grad_upper_y", "value_lower", "value_upper"):
        assert getattr(problem, name)(x, y, rows=[3]) == getattr(problem, name)(x, y)
    for name in ("hvp_lower_yy", "jvp_lower_xy"):
        oracle = getattr(problem, name)
        assert oracle(x, y, [1.0], rows=[3]) == oracle(x, y, [1.0])


def test_noise_of_different_gradients_and_seeds_is_independent():
    def noise(name, seed=0):
        problem = interpreted(UniformlyConvex(4, 1.0, noise_seed=seed))
        oracle = getattr(problem, name)
        return [oracle([0.0], [0.0], rows=[row])[0] for row in range(500)]

    sets = [*(noise(name) for name in NOISY), noise("grad_lower_y", 1)]
    correlation = np.corrcoef(sets)
    assert np.abs(correlation - np.eye(4)).max() < 4 / np.sqrt(500)


def test_start_and_samples():
    exact, noisy = UniformlyConvex(6), UniformlyConvex(6, 0.0)
    assert (exact.power, exact.infinite, exact.n_lower) == (6.0, False, 1)
    assert (noisy.infinite, noisy.sigma_lower, noisy.sigma_upper) == (True, 0.0, 0.0)
    np.testing.assert_array_equal([*exact.x0, *exact.y0], 1.0)


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"power": 1.5}, ValueError, "power must be at least 2; got 1.5"),
        ({"power": "4"}, TypeError, "power must be a number"),
        ({"power": np.inf}, ValueError, "power must be at least 2 and finite"),
        ({"noise": -1.0}, ValueError, "noise must be finite and not negative"),
        ({"noise": (1.0, 2.0, 3.0)}, ValueError, r"a pair \(lower, upper\)"),
        ({"noise": (1.0, None)}, TypeError, "noise must be a number"),
    ],
)
def test_wrong_arguments_are_refused(changes, error, match):
    with pytest.raises(error, match=match):
        UniformlyConvex(**changes)
