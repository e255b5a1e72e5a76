"""Momentum kernels: their laws, on both backends. Parity of all buffers is in `test_parity`."""

from __future__ import annotations

import numpy as np
import pytest

SHAPES = ((1,), (7,), (65,), (3, 5))


def random(shape, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


# -- the recursive estimator ------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_the_estimator_is_that_of_the_formula(k, dtype, shape):
    h, new, old = random((3, *shape), dtype)
    expected = new + 0.7 * (h.astype(float) - old)
    k.recursive_momentum(h, new, old, 0.3)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(h, expected, rtol=2 * eps, atol=2 * np.finfo(float).eps)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", SHAPES)
def test_momentum_one_is_the_new_gradient_bit_for_bit(k, dtype, shape, bad):
    new = random(shape, dtype)
    new[0] = -0.0
    h, old = np.full((2, *shape), bad, dtype)
    k.recursive_momentum(h, new, old, 1.0)
    assert h.tobytes() == new.tobytes()


def test_what_is_exact_stays_exact(k, dtype):
    # Without noise h is the gradient at the old point, so it becomes that at the new one.
    new, old = random((2, 65), dtype)
    for momentum in (0.01, 0.5, 1.0):
        h = old.copy()
        k.recursive_momentum(h, new, old, momentum)
        np.testing.assert_array_equal(h, new)


def test_noise_that_both_points_share_is_averaged(k):
    # h - grad contracts by 1 - momentum, and momentum times this sample's noise comes in.
    gradients, noise = random((50, 9), float), random((50, 9), float, 1)
    h = gradients[0] + noise[0]
    error = noise[0]
    for t in range(1, 50):
        k.recursive_momentum(h, gradients[t] + noise[t], gradients[t - 1] + noise[t], 0.2)
        error = 0.8 * error + 0.2 * noise[t]
        np.testing.assert_allclose(h - gradients[t], error, atol=1e-13)


# -- extrapolation ----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_extrapolation_goes_on_in_the_same_direction(k, dtype, shape):
    v, previous = random((2, *shape), dtype)
    before, expected = v.copy(), v + 0.9 * (v.astype(float) - previous)
    k.extrapolate(v, previous, 0.9)
    np.testing.assert_allclose(v, expected, rtol=2 * np.finfo(dtype).eps, atol=1e-15)
    np.testing.assert_array_equal(previous, before)


def test_no_momentum_stays_where_it_is(k, dtype):
    v, previous = random((2, 65), dtype)
    before = v.copy()
    k.extrapolate(v, previous, 0.0)
    np.testing.assert_array_equal(v, before)


def test_accelerated_descent_has_its_rate(k):
    # f = sum h_i v_i^2 / 2, h in [0.01, 1], step 1, momentum (1 - r) / (1 + r) with r = 0.1: the
    # error falls like 0.9^t and not like 0.99^t.
    h = np.linspace(0.01, 1.0, 20)
    v, previous = np.ones(20), np.ones(20)
    for _ in range(200):
        v -= h * v
        k.extrapolate(v, previous, 0.9 / 1.1)
    assert np.abs(previous).max() < 0.91**200 * 100


# -- restart ----------------------------------------------------------------------------------


def test_steps_and_moves_are_added_up(k, dtype):
    x, previous, memory = np.zeros(2, dtype), np.zeros(2, dtype), np.array([0.0, 0.0, 10.0, 0.1])
    for step in range(1, 4):
        previous[:] = x
        x += np.array([3.0, 4.0], dtype) / 5
        k.restart(x, previous, memory)
        np.testing.assert_allclose(memory, [step, step, 10.0, 0.1], rtol=1e-6)
    assert not np.array_equal(x, previous)


@pytest.mark.parametrize("limits", [(2.0, 0.5), (0.5, 2.0)])
def test_a_long_way_restarts(k, dtype, limits):
    # Moves of 1: steps moves = t^2 exceeds max(B, B0)^2 = 4 at the third step.
    x, previous, memory = np.zeros(1, dtype), np.zeros(1, dtype), np.array([0.0, 0.0, *limits])
    for _ in range(2):
        previous[:] = x
        x += 1
        k.restart(x, previous, memory)
    np.testing.assert_array_equal(memory, [2.0, 2.0, *limits])
    previous[:] = x
    x += 1
    k.restart(x, previous, memory)
    np.testing.assert_array_equal(previous, x)
    np.testing.assert_array_equal(memory, [0.0, 0.0, 0.99 * limits[0], limits[1]])


def test_what_is_not_a_number_does_not_restart(k, dtype):
    x, previous, memory = random((1, 3), dtype)[0], np.zeros(3, dtype), np.ones(4)
    x[1] = np.nan
    k.restart(x, previous, memory)
    np.testing.assert_array_equal(previous, 0.0)
    np.testing.assert_array_equal(memory, [2.0, np.nan, 1.0, 1.0])
