"""The y*-oracle instance: no penalty bias, and two laws of the noise."""

import numpy as np
import pytest
from chain_samples import mean_and_variance, outcomes

import fastbilevel as fb

YStarOracle, CarmonChain = fb.problems.hard.YStarOracle, fb.problems.hard.CarmonChain
CHAIN = CarmonChain(5, smoothness=2.0, epsilon=0.1)


def found(count):
    """A point at which the first `count` coordinates are found."""
    return 1.1 * CHAIN.scale * (np.arange(CHAIN.length) < count)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("nu", [0.5, 1e-3])
def test_finite_differences_have_no_bias(order, nu):
    problem, x = YStarOracle(CHAIN), found(3)
    offsets, alpha = fb.finite_difference_coefficients(order)
    y = [problem.lower_solution(x, j * nu) for j in offsets]
    estimate = sum(a / nu * problem.grad_lower_x(x, each) for a, each in zip(alpha, y, strict=True))
    np.testing.assert_allclose(estimate, CHAIN.gradient(x), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("penalty", [0.5, 4.0, 256.0])
def test_penalty_gradient_is_the_hypergradient_for_every_penalty(penalty):
    problem, x = YStarOracle(CHAIN), found(2)
    y, z = problem.lower_solution(x, 1 / penalty), problem.lower_solution(x)
    combined = problem.grad_upper_x(x, y) + penalty * (
        problem.grad_lower_x(x, y) - problem.grad_lower_x(x, z)
    )
    # y* and y*_nu are rounded, which the penalty magnifies; nothing else is left.
    rounding = 4 * np.finfo(float).eps * (1 + penalty * abs(z[0]))
    np.testing.assert_allclose(combined, problem.hypergradient(x), rtol=rounding)


@pytest.mark.parametrize(("regime", "noise"), [("variance", 1.0), ("smooth", 10.0)])
@pytest.mark.parametrize("count", range(5))
def test_samples_are_unbiased_with_the_stated_variance(regime, noise, count):
    problem, x = YStarOracle(CHAIN, regime, noise), found(count)
    q, gap = problem.probability, 0.07
    y = problem.lower_solution(x) + gap
    pair = outcomes(problem.grad_lower_x, x, y)
    mean, variance = mean_and_variance(pair, q)
    exact = -gap * CHAIN.gradient(x)
    np.testing.assert_allclose(mean, exact, rtol=1e-12)
    np.testing.assert_allclose(problem.grad_lower_x(x, y), exact, rtol=1e-12)
    np.testing.assert_allclose(variance, exact[count] ** 2 * (1 - q) / q, rtol=1e-10)


def test_variance_is_bounded_inside_the_tube():
    sigma, radius = 3.0, 0.3
    problem = YStarOracle(CHAIN, "variance", noise=sigma, radius=radius)
    q = problem.probability
    np.testing.assert_allclose(q, (radius * 46 * CHAIN.epsilon / sigma) ** 2)
    for count in range(5):
        x = found(count)
        for side in (-radius, radius):
            y = problem.lower_solution(x) + side
            assert mean_and_variance(outcomes(problem.grad_lower_x, x, y), q)[1] <= sigma**2


def test_noise_is_lipschitz_in_y_in_mean_square():
    constant = 20.0
    problem = YStarOracle(CHAIN, "smooth", noise=constant)
    q = problem.probability
    np.testing.assert_allclose(q, (46 * CHAIN.epsilon / constant) ** 2)
    for count in range(5):
        x = found(count)
        near, far = problem.lower_solution(x) + 0.02, problem.lower_solution(x) - 0.3

        def change(x, y, rows, far=far):
            return problem.grad_lower_x(x, y, rows) - problem.grad_lower_x(x, far, rows)

        assert mean_and_variance(outcomes(change, x, near), q)[1] <= (constant * 0.32) ** 2


def test_q_shrinks_as_the_fourth_and_as_the_second_power_of_epsilon():
    def probabilities(regime):
        chains = (CarmonChain(2, 1.0, epsilon) for epsilon in (1e-3, 1e-4))
        return [YStarOracle(chain, regime, noise=1.0).probability for chain in chains]

    np.testing.assert_allclose(np.divide(*probabilities("variance")), 1e4)
    np.testing.assert_allclose(np.divide(*probabilities("smooth")), 1e2)


def test_everything_but_g_x_is_exact():
    problem, x = YStarOracle(CHAIN, noise=50.0), found(2)
    y, v, rows = np.array([0.4]), np.array([-1.5]), np.arange(3)
    assert problem.probability < 1e-3
    for name in ("grad_lower_y", "grad_upper_x", "grad_upper_y", "value_lower", "value_upper"):
        oracle = getattr(problem, name)
        np.testing.assert_array_equal(oracle(x, y, rows), oracle(x, y))
    np.testing.assert_allclose(problem.grad_lower_y(x, y), y - CHAIN.value(x))
    np.testing.assert_array_equal(problem.hvp_lower_yy(x, y, v, rows), v)
    np.testing.assert_allclose(problem.jvp_lower_xy(x, y, v, rows), 1.5 * CHAIN.gradient(x))


def test_it_starts_at_the_lower_solution():
    problem = YStarOracle(CHAIN)
    np.testing.assert_array_equal(problem.y0, problem.lower_solution(problem.x0))


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_little_noise_is_none(noise):
    assert YStarOracle(CHAIN, noise=noise).probability == 1.0


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"chain": None}, TypeError, "chain must be a CarmonChain"),
        ({"regime": "rough"}, ValueError, "regime must be one of variance, smooth; got 'rough'"),
        ({"regime": "smooth", "radius": 1.0}, TypeError, "radius must be left out"),
        ({"radius": 0.0}, ValueError, "radius must be positive and finite"),
        ({"noise": np.nan}, ValueError, "noise must be finite and not negative"),
    ],
)
def test_wrong_arguments_are_refused(changes, error, match):
    with pytest.raises(error, match=match):
        YStarOracle(**{"chain": CHAIN, **changes})
