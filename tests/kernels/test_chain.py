"""Facts about the chains, on both backends."""

import importlib
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from fastbilevel.kernels.reference.chain import COIN_TAG
from fastbilevel.kernels.reference.draw import NOISE_TAG, PERMUTATION_TAG

KEY = (11, 12)
NOTHING = np.empty(0, np.int64)


@pytest.fixture(params=["reference", "cpu"])
def chain(request):
    return importlib.import_module(f"fastbilevel.kernels.{request.param}.chain")


def result(kernel, *arguments, size=1):
    out = np.full(size, np.nan)
    kernel(*arguments, out)
    return out


def derivative(value, x, step=1e-5):
    return np.array([(value(x + d) - value(x - d)) / (2 * step) for d in step * np.eye(x.size)])


def psi(t):
    return np.exp(1 - 1 / (2 * t - 1) ** 2) if t > 0.5 else 0.0


def phi(t):
    return np.sqrt(np.e) * quad(lambda s: np.exp(-s * s / 2), -np.inf, t)[0]


def test_carmon_value_is_the_sum_of_the_definition(chain):
    x = np.array([1.3, -0.8, 0.9, 0.2])
    expected = -psi(1.0) * phi(x[0])
    for before, t in pairwise(x):
        expected += psi(-before) * phi(-t) - psi(before) * phi(t)
    value = result(chain.carmon_value, 3.0 * x, 2.0, 3.0)[0]
    np.testing.assert_allclose(value, 2.0 * expected, rtol=1e-12)


def test_carmon_chain_at_zero(chain):
    x = np.zeros(5)
    value = result(chain.carmon_value, x, 1.0, 1.0)
    np.testing.assert_allclose(value, -np.sqrt(np.pi * np.e / 2), rtol=1e-14)
    gradient = result(chain.carmon_gradient, x, 1.0, 1.0, size=5)
    np.testing.assert_allclose(gradient, -np.sqrt(np.e) * np.eye(5)[0], rtol=1e-14, atol=0)


def test_carmon_gradient_is_that_of_the_value(chain):
    rng = np.random.default_rng(0)
    for x in rng.uniform(-2, 2, (20, 6)):
        numeric = derivative(lambda u: result(chain.carmon_value, u, 5.0, 0.7)[0], x)
        gradient = result(chain.carmon_gradient, x, 5.0, 0.7, size=6)
        np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("t", [0.5, np.nextafter(0.5, 1), 0.5 + 1e-9, 0.52])
def test_carmon_chain_has_no_trouble_where_psi_vanishes(chain, t):
    x = np.array([t, -t, t])
    with np.errstate(all="raise"):
        gradient = result(chain.carmon_gradient, x, 1.0, 1.0, size=3)
    np.testing.assert_allclose(gradient[1:], 0, atol=1e-200)


def test_a_coin_shows_one_as_often_as_asked(chain):
    for probability in (0.1, 0.5, 0.9):
        coins = np.array([chain.coin(s, probability, *KEY) for s in range(4000)])
        assert set(coins) == {0.0, 1.0}
        deviation = np.sqrt(probability * (1 - probability) / coins.size)
        assert abs(coins.mean() - probability) < 4 * deviation


def test_a_coin_depends_on_sample_and_key_alone(chain):
    def coins(first, key):
        return [chain.coin(first + s, 0.5, *key) for s in range(64)]

    assert coins(0, KEY) == coins(0, KEY)
    assert coins(0, KEY) != coins(64, KEY)
    assert coins(0, KEY) != coins(2**32, KEY)
    assert coins(0, KEY) != coins(0, (11, 13))
    assert all(chain.coin(s, 1.0, *KEY) == 1 for s in range(64))


def test_coins_share_no_counter_with_other_draws():
    offsets = np.arange(2**14)
    for others in (offsets, PERMUTATION_TAG | offsets, NOISE_TAG | offsets):
        assert COIN_TAG not in others


def test_progress_is_counted_from_the_end_or_to_the_first_zero(chain):
    x = np.array([0.3, 0.0, -0.25, 0.1, 0.0])
    assert [chain.progress(x, t) for t in (0.5, 0.3, 0.25, 0.05, 0.0)] == [0, 1, 3, 4, 1]
    assert chain.progress(np.ones(3), 0.0) == chain.progress(np.ones(3), 1.0) == 3
    assert chain.progress(np.zeros(3), 0.0) == chain.progress(np.zeros(3), 0.25) == 0


@pytest.mark.parametrize("threshold", [0.0, 0.25])
def test_only_the_next_coordinate_is_hidden_and_its_mean_is_right(chain, threshold):
    probability, x = 0.25, np.array([1.0, -0.5, 0.0, 0.0])
    gradient = np.array([1.0, 2.0, 3.0, 4.0])
    outcomes = {}
    for sample in range(40):
        out = gradient.copy()
        chain.hide_next(x, threshold, np.array([sample]), probability, *KEY, out)
        outcomes[chain.coin(sample, probability, *KEY)] = out
    np.testing.assert_array_equal(outcomes[0.0], [1, 2, 0, 4])
    np.testing.assert_array_equal(outcomes[1.0], [1, 2, 12, 4])
    mean = (1 - probability) * outcomes[0.0] + probability * outcomes[1.0]
    np.testing.assert_allclose(mean, gradient)


def test_a_minibatch_hides_the_mean_of_its_samples(chain):
    rows = np.array([5, 0, 5, 2**40, 9])
    x, gradient = np.zeros(2), np.array([3.0, 4.0])
    single = []
    for row in rows:
        out = gradient.copy()
        chain.hide_next(x, 0.25, np.array([row]), 0.5, *KEY, out)
        single.append(out)
    out = gradient.copy()
    chain.hide_next(x, 0.25, rows, 0.5, *KEY, out)
    np.testing.assert_allclose(out, np.mean(single, axis=0))


def test_nothing_is_hidden_in_the_expectation_and_at_the_end(chain):
    gradient = np.array([3.0, 4.0])
    for x, rows in ((np.zeros(2), NOTHING), (np.ones(2), np.arange(9))):
        for threshold in (0.0, 0.25):
            out = gradient.copy()
            chain.hide_next(x, threshold, rows, 0.01, *KEY, out)
            np.testing.assert_array_equal(out, gradient)


def path_hessian(n):
    H = (2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)) / 4
    H[-1, -1] = 0.25
    return H


@pytest.mark.parametrize("n", [1, 2, 9])
def test_path_is_a_quadratic_with_the_known_curvatures(chain, n):
    y, H = np.random.default_rng(n).standard_normal(n), path_hessian(n)
    b = np.zeros(n)
    b[0] = 0.7 / 4
    gradient = result(chain.path_gradient, y, 0.7, size=n)
    np.testing.assert_allclose(gradient, H @ y - b, atol=1e-15)
    value = result(chain.path_value, y, 0.7)[0]
    np.testing.assert_allclose(value, y @ H @ y / 2 - b @ y + 0.7**2 / 8, rtol=1e-13)
    product = np.column_stack([result(chain.path_gradient, e, 0.0, size=n) for e in np.eye(n)])
    expected = np.sin((2 * np.arange(n) + 1) * np.pi / (2 * (2 * n + 1))) ** 2
    np.testing.assert_allclose(np.linalg.eigvalsh(product), expected, atol=1e-14)


def test_path_is_minimised_by_a_constant(chain):
    y = np.full(6, 0.7)
    np.testing.assert_array_equal(result(chain.path_gradient, y, 0.7, size=6), 0)
    assert result(chain.path_value, y, 0.7)[0] == 0


@pytest.mark.parametrize("n", [2, 8])
def test_tail_sees_the_second_half_only(chain, n):
    rng = np.random.default_rng(n)
    x, y = np.array([0.4]), rng.standard_normal(n)
    u = 2 / np.sqrt(n) * y[n // 2 :].sum()
    value = result(chain.tail_value, x, y)[0]
    np.testing.assert_allclose(value, np.sin(0.4) * np.sin(np.pi * u / 2), rtol=1e-13)
    numeric = derivative(lambda v: result(chain.tail_value, v, y)[0], x)
    np.testing.assert_allclose(result(chain.tail_gradient_x, x, y), numeric, rtol=1e-8)
    numeric = derivative(lambda v: result(chain.tail_value, x, v)[0], y)
    gradient = result(chain.tail_gradient_y, x, y, size=n)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-8)
    np.testing.assert_array_equal(gradient[: n // 2], 0)
