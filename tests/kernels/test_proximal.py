"""Proximal kernels: their laws, on both backends. Parity of all buffers is in `test_parity`."""

from __future__ import annotations

import numpy as np
import pytest

from fastbilevel.kernels.reference.projection import BOX, NONE, SIMPLEX


def random(shape, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def nothing(dtype):
    return NONE, np.empty(0, dtype), np.empty(0, dtype)


@pytest.mark.parametrize("n", [0, 1, 65])
def test_the_term_pulls_the_point_of_the_gradient_to_the_centre(k, dtype, n):
    y, previous, center = random((3, n), dtype)
    expected = y - 0.25 * (previous.astype(float) - center)
    k.proximal_step(y, previous, center, 0.25, *nothing(dtype))
    np.testing.assert_allclose(y, expected, rtol=2 * np.finfo(dtype).eps, atol=1e-7)


def test_a_whole_step_is_one_of_the_regularised_objective(k):
    # gamma = 0.1, rho = 0.5 on g(y) = sum h y^2 / 2: y - gamma (h y + (y - center) / rho).
    h, y, center = np.abs(random(9, float, 1)), *random((2, 9), float)
    previous = y.copy()
    y -= 0.1 * (h * y)
    k.proximal_step(y, previous, center, 0.1 / 0.5, *nothing(float))
    np.testing.assert_allclose(y, previous - 0.1 * (h * previous + (previous - center) / 0.5))


def test_many_steps_find_the_proximal_point(k):
    # argmin of g(y) + ||y - center||^2 / (2 rho), g = h y^2 / 2, is center / (1 + rho h).
    h, center = np.array([0.5, 1.0, 2.0]), np.array([3.0, -1.0, 2.0])
    for upper, expected in ((np.inf, center / (1 + 0.5 * h)), (1.25, [1.25, -2 / 3, 1.0])):
        y = np.zeros(3)
        for _ in range(200):
            previous = y.copy()
            y -= 0.2 * h * y
            box = BOX, np.full(3, -np.inf), np.full(3, upper)
            k.proximal_step(y, previous, center, 0.2 / 0.5, *box)
        np.testing.assert_allclose(y, expected, rtol=1e-12)


def test_the_step_ends_in_the_set(k, dtype):
    y, previous, center = random((3, 65), dtype)
    k.proximal_step(y, previous, center, 0.5, SIMPLEX, np.empty(0, dtype), np.array([2.0], dtype))
    assert (y >= 0).all()
    assert y.sum(dtype=float) == pytest.approx(2.0, rel=1e-6)


def test_without_a_term_only_the_projection_is_left(k, dtype):
    y, previous, center = random((3, 9), dtype)
    expected = np.clip(y, -0.5, 0.25)
    box = BOX, np.full(9, -0.5, dtype), np.full(9, 0.25, dtype)
    k.proximal_step(y, previous, center, 0.0, *box)
    np.testing.assert_array_equal(y, expected)


def test_smoothing_moves_the_centre_by_its_share(k, dtype):
    center, y = random((2, 65), dtype)
    expected = 0.75 * center.astype(float) + 0.25 * y
    k.smooth(center, y, 0.25)
    np.testing.assert_allclose(center, expected, rtol=2 * np.finfo(dtype).eps, atol=1e-7)


def test_the_ends_of_smoothing_are_exact(k, dtype):
    center, y = random((2, 65), dtype)
    before = center.copy()
    k.smooth(center, y, 0.0)
    np.testing.assert_array_equal(center, before)
    k.smooth(center, y, 1.0)
    np.testing.assert_array_equal(center, y)
