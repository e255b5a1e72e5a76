"""The separable instance: what the coins do to f_x, exactly."""

import numpy as np
import pytest
from chain_samples import mean_and_variance, outcomes

import fastbilevel as fb

Separable, CarmonChain = fb.problems.hard.Separable, fb.problems.hard.CarmonChain
CHAIN = CarmonChain(5, smoothness=2.0, epsilon=0.1)
Y = np.array([0.3])


def found(count):
    """A point at which the first `count` coordinates are found."""
    return 1.1 * CHAIN.scale * (np.arange(CHAIN.length) < count)


@pytest.mark.parametrize("threshold", [0.0, 0.25])
@pytest.mark.parametrize("count", range(5))
def test_samples_are_unbiased_with_the_stated_variance(threshold, count):
    q = 0.3
    problem, x = Separable(CHAIN, probability=q, threshold=threshold), found(count)
    exact = CHAIN.gradient(x)
    pair = outcomes(problem.grad_upper_x, x, Y)
    mean, variance = mean_and_variance(pair, q)
    np.testing.assert_allclose(mean, exact, rtol=1e-14)
    np.testing.assert_allclose(variance, exact[count] ** 2 * (1 - q) / q)
    np.testing.assert_array_equal(pair[0], np.where(np.arange(5) == count, 0, exact))


def test_a_dark_sample_leads_nowhere():
    """Without luck the support of the gradient is that of x."""
    problem = Separable(CHAIN, probability=0.3)
    for count in range(5):
        dark, light = outcomes(problem.grad_upper_x, found(count), Y)
        np.testing.assert_array_equal(dark[count:], 0)
        assert light[count] != 0


def test_at_the_end_of_the_chain_nothing_is_hidden():
    problem, x = Separable(CHAIN, probability=0.01), found(5)
    exact = CHAIN.gradient(x)
    np.testing.assert_array_equal(problem.grad_upper_x(x, Y, rows=np.arange(3)), exact)


def test_thresholds_differ_where_a_coordinate_is_half_found():
    x = found(2)
    x[2] = 0.1 * CHAIN.scale
    dark = outcomes(Separable(CHAIN, probability=0.3).grad_upper_x, x, Y)[0]
    assert dark[2] == 0
    zero = Separable(CHAIN, probability=0.3, threshold=0.0)
    # The first zero is coordinate 3, which has no slope yet: there is nothing to hide.
    for row in range(20):
        np.testing.assert_array_equal(zero.grad_upper_x(x, Y, rows=[row]), CHAIN.gradient(x))


def test_probability_follows_from_the_noise():
    sigma = 20.0
    problem = Separable(CHAIN, noise=sigma)
    np.testing.assert_allclose(problem.probability, (46 * CHAIN.epsilon / sigma) ** 2)
    for count in range(5):
        variance = mean_and_variance(
            outcomes(problem.grad_upper_x, found(count), Y), problem.probability
        )[1]
        assert variance <= sigma**2
    assert Separable(CHAIN, noise=4.0).probability == 1.0


def test_the_expectation_is_asked_for_without_rows():
    exact, noisy = Separable(CHAIN), Separable(CHAIN, probability=0.01)
    assert (exact.infinite, exact.n_upper, noisy.infinite) == (False, 1, True)
    x = found(1)
    for problem in (exact, noisy):
        np.testing.assert_array_equal(problem.grad_upper_x(x, Y), CHAIN.gradient(x))
    np.testing.assert_array_equal(exact.grad_upper_x(x, Y, rows=[0]), CHAIN.gradient(x))


def test_seeds_toss_different_coins():
    def tosses(seed):
        problem = Separable(CHAIN, probability=0.5, noise_seed=seed)
        return [problem.grad_upper_x(found(0), Y, rows=[i])[0] for i in range(40)]

    assert tosses(1) == tosses(1) != tosses(2)


def test_levels_have_nothing_to_do_with_another():
    problem, x = Separable(CHAIN, mu=0.5, probability=0.3), found(2)
    rows = np.arange(4)
    np.testing.assert_array_equal(problem.grad_upper_y(x, Y, rows), 0)
    np.testing.assert_array_equal(problem.grad_lower_x(x, Y, rows), 0)
    np.testing.assert_allclose(problem.grad_lower_y(x, Y, rows), 0.5 * Y)
    np.testing.assert_allclose(problem.value_lower(x, Y, rows), 0.25 * Y[0] ** 2)
    np.testing.assert_allclose(problem.value_upper(x, Y, rows), CHAIN.value(x))


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"chain": 5}, TypeError, "chain must be a CarmonChain; got int"),
        ({"mu": 0.0}, ValueError, "mu must be positive and finite"),
        ({"probability": 1.5}, ValueError, "probability must be at most 1"),
        ({"probability": 0.0}, ValueError, "probability must be positive and finite"),
        ({"noise": -1.0}, ValueError, "noise must be finite and not negative"),
        ({"noise": 1.0, "probability": 0.5}, TypeError, "give one of them"),
        ({"threshold": -0.5}, ValueError, "threshold must be finite and not negative"),
    ],
)
def test_wrong_arguments_are_refused(changes, error, match):
    with pytest.raises(error, match=match):
        Separable(**{"chain": CHAIN, **changes})
