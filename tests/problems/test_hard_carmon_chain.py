"""The Carmon chain: its constants, its scaling and the order in which it is found."""

import numpy as np
import pytest
from scipy.optimize import minimize

import fastbilevel as fb

CarmonChain = fb.problems.hard.CarmonChain


@pytest.fixture(params=[(8, 152.0, 0.5), (8, 3.0, 0.02)], ids=["unscaled", "scaled"])
def chain(request):
    return CarmonChain(*request.param)


def points(chain, count=300, seed=0):
    """Points all over the chain, many of them near its bends."""
    rng = np.random.default_rng(seed)
    return chain.scale * rng.uniform(-1, 1, (count, chain.length)) * rng.uniform(0, 3, (count, 1))


def test_scale_and_height_are_those_of_the_formulas():
    chain = CarmonChain(4, 3.0, 0.02)
    assert (CarmonChain(4).scale, CarmonChain(4).height) == (1.0, 1.0)
    np.testing.assert_allclose(chain.scale, 152 * 2 * 0.02 / 3.0)
    np.testing.assert_allclose(chain.height, 3.0 * chain.scale**2 / 152)
    np.testing.assert_allclose(chain.gradient_bound, 46 * 0.02)
    x = np.array([1.2, -0.7, 0.9, 0.3])
    plain = CarmonChain(4)
    np.testing.assert_allclose(chain.value(chain.scale * x), chain.height * plain.value(x))
    np.testing.assert_allclose(
        chain.gradient(chain.scale * x), 2 * chain.epsilon * plain.gradient(x)
    )


def test_gradients_are_bounded(chain):
    largest = max(np.abs(chain.gradient(x)).max() for x in points(chain))
    assert 0.5 * chain.gradient_bound < largest <= chain.gradient_bound


def test_gradient_is_lipschitz(chain):
    rng = np.random.default_rng(1)
    for x in points(chain):
        d = 0.01 * chain.scale * rng.standard_normal(chain.length)
        change = np.linalg.norm(chain.gradient(x + d) - chain.gradient(x))
        assert change <= chain.smoothness * np.linalg.norm(d)


def test_gradient_stays_large_until_the_last_coordinate_is_found(chain):
    for x in points(chain):
        x[-1] = np.clip(x[-1], -0.999 * chain.scale, 0.999 * chain.scale)
        assert np.linalg.norm(chain.gradient(x)) > 2 * chain.epsilon


def test_gap_holds_and_grows_with_the_length():
    drops = []
    for length in (2, 8):
        chain = CarmonChain(length)
        start = 0.6 * np.ones(length)
        lowest = minimize(chain.value, start, jac=chain.gradient, method="L-BFGS-B").fun
        drops.append(chain.value(np.zeros(length)) - lowest)
        assert drops[-1] <= chain.gap
    assert drops[1] > 3 * drops[0]


def test_longest_chain_uses_the_gap():
    chain = CarmonChain.longest(gap=5.0, smoothness=2.0, epsilon=0.01)
    assert chain.length == int(5.0 * 2.0 / (12 * 152 * 4 * 0.01**2))
    assert chain.gap <= 5.0 < chain.gap + 12 * chain.height
    with pytest.raises(ValueError, match="gap must be at least"):
        CarmonChain.longest(gap=5.0, smoothness=2.0, epsilon=1.0)


def test_every_gradient_finds_one_coordinate(chain):
    x = np.zeros(chain.length)
    for found in range(chain.length):
        gradient = chain.gradient(x)
        np.testing.assert_array_equal(gradient != 0, np.arange(chain.length) <= found)
        assert chain.progress(x) == chain.progress(x, 0.0) == found
        x[found] = -np.sign(gradient[found]) * chain.scale


def test_progress_is_measured_in_scales():
    chain = CarmonChain(4, 3.0, 0.02)
    x = chain.scale * np.array([1.0, 0.3, 0.2, 0.0])
    assert [chain.progress(x, t) for t in (0.9, 0.25, 0.1, 0.0)] == [1, 2, 3, 3]


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ((0,), ValueError, "length must be at least 1"),
        ((2.0,), TypeError, "length must be an integer"),
        ((True,), TypeError, "length must be an integer"),
        ((2, -1.0), ValueError, "smoothness must be positive and finite"),
        ((2, 1.0, np.inf), ValueError, "epsilon must be positive and finite"),
        ((2, 1.0, "1"), TypeError, "epsilon must be a number"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, match):
    with pytest.raises(error, match=match):
        CarmonChain(*arguments)


def test_points_must_have_the_length_of_the_chain():
    with pytest.raises(ValueError, match="x must have 3 elements"):
        CarmonChain(3).gradient(np.zeros(2))
