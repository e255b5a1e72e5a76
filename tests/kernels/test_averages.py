"""Averages of gradients: their laws, on both backends. For parity see `test_parity`."""

import numpy as np
import pytest


def random(shape, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def test_saga_keeps_the_average_at_the_mean_of_the_table(k, dtype):
    shares = np.array([0.4, 0.4, 0.2])
    table = random((3, 65), dtype)
    average = (shares @ table).astype(dtype)
    for step, i in enumerate((0, 2, 2, 1, 0, 1, 2)):
        k.saga(random(65, dtype, seed=step), table[i], average, shares[i])
        tolerance = 20 * np.finfo(dtype).eps
        np.testing.assert_allclose(average, shares @ table, rtol=0, atol=tolerance)


def test_sagas_direction_is_unbiased_over_the_blocks(k, dtype):
    shares, table, new = np.array([0.4, 0.4, 0.2]), random((3, 9), dtype), random((3, 9), dtype, 1)
    average = (shares @ table).astype(dtype)
    mean = np.zeros(9)
    for i, share in enumerate(shares):
        direction = new[i].copy()
        k.saga(direction, table[i].copy(), average.copy(), share)
        mean += share * direction
    np.testing.assert_allclose(mean, shares @ new, rtol=0, atol=10 * np.finfo(dtype).eps)


@pytest.mark.parametrize("weight", [0.25, 1.0])
def test_a_moving_average_is_that_of_the_formula(k, dtype, weight):
    h, new = random((2, 65), dtype)
    expected = (1.0 - weight) * h.astype(float) + weight * new.astype(float)
    k.moving_average(h, new, weight)
    np.testing.assert_allclose(h, expected, rtol=0, atol=4 * np.finfo(dtype).eps)
