"""Facts about the powers of residuals, on both backends."""

import numpy as np
import pytest

from fastbilevel.kernels.reference.weights import CLIP, NONE, SIGMOID

POWERS = pytest.mark.parametrize("power", [2.0, 2.5, 3.0, 4.0, 8.0])
ROWS = np.array([2, 0, 2, 4], np.int64)
Z = np.array([0.8, -1.3, 0.4, -2.0])
STEP = 1e-6


def losses(k, z, power):
    out = np.full(z.size, np.nan)
    k.losses(z, z.size, power, out)
    return out


def derivative(function, x):
    """Central differences of a function of one vector, elementwise or summed."""
    return np.array(
        [(function(x + d) - function(x - d)) / (2 * STEP) for d in STEP * np.eye(x.size)]
    )


@pytest.mark.parametrize("exponent", [0.0, 1.0, 3.0, 16.0, 17.0, 2.5])
def test_powers_of_the_absolute_value(k, exponent):
    for value in (0.0, 0.7, -1.3):
        np.testing.assert_allclose(
            k.absolute_power(value, exponent), abs(value) ** exponent, rtol=1e-14
        )


def test_targets_are_those_of_the_rows(k, dtype):
    predictions, targets = np.arange(5.0).astype(dtype), np.arange(10.0, 15.0).astype(dtype)
    k.subtract_targets(predictions, targets, ROWS)
    np.testing.assert_array_equal(predictions, [0 - 12, 1 - 10, 2 - 12, 3 - 14, 4])


@POWERS
def test_slopes_are_derivatives_of_the_losses(k, power):
    slopes, c = Z.copy(), np.array([0.5, 1.0, 0.0, 2.0])
    k.slopes(slopes, c, Z.size, power)
    numeric = c * np.diag(derivative(lambda z: losses(k, z, power), Z))
    np.testing.assert_allclose(slopes, numeric, rtol=1e-7, atol=1e-9)


@POWERS
def test_curvatures_are_derivatives_of_the_slopes(k, power):
    c, u = np.array([0.5, 1.0, 0.0, 2.0]), np.array([1.0, -2.0, 3.0, 0.5])

    def slopes(z):
        z = z.copy()
        k.slopes(z, c, z.size, power)
        return z

    product = u.copy()
    k.curvatures(Z, product, c, Z.size, power)
    np.testing.assert_allclose(product, derivative(slopes, Z).T @ u, rtol=1e-7, atol=1e-8)


@POWERS
def test_directional_derivative_is_slope_times_direction(k, power):
    slopes, u, out = Z.copy(), np.array([1.0, -2.0, 3.0, 0.5]), np.full(Z.size, np.nan)
    k.slopes(slopes, np.ones(Z.size), Z.size, power)
    k.directional(Z, u, Z.size, power, out)
    np.testing.assert_allclose(out, slopes * u, rtol=1e-14)


def test_power_two_has_constant_curvature_at_zero_too(k):
    u = np.ones(3)
    k.curvatures(np.array([0.0, 1.0, -5.0]), u, np.ones(3), 3, 2.0)
    np.testing.assert_array_equal(u, 2.0)


@POWERS
def test_weights_are_inside_the_power(k, power):
    x, given = np.array([0.2, 0.5, 1.0, 2.0, -1.0]), np.linspace(0.5, 2, 5)
    s = {NONE: np.ones(5), CLIP: np.clip(x, 0, 1), SIGMOID: 1 / (1 + np.exp(-x))}
    for kind, weights in s.items():
        out = np.full(ROWS.size, np.nan)
        k.row_coefficients(kind, x, given, ROWS, power, 0.3, out)
        np.testing.assert_allclose(out, 0.3 * (given * weights**power)[ROWS], rtol=1e-13)


@POWERS
@pytest.mark.parametrize("kind", [CLIP, SIGMOID])
def test_weight_gradient_is_the_derivative_of_the_weighted_sum(k, power, kind):
    x, given, terms = np.linspace(0.1, 0.9, 5), np.linspace(0.5, 2, 5), np.array([1.0, -2, 0.5, 3])

    def weighted(x):
        out = np.empty(ROWS.size)
        k.row_coefficients(kind, x, given, ROWS, power, 0.3, out)
        return out @ terms

    out = np.ones(5)
    k.weight_gradient(kind, x, given, ROWS, terms, power, 0.3, out)
    np.testing.assert_allclose(out - 1, derivative(weighted, x), rtol=1e-7, atol=1e-9)


def test_a_clipped_weight_can_leave_the_end_of_full_weight(k):
    out = np.zeros(3)
    x = np.array([1.0, 1.5, -0.5])
    k.weight_gradient(CLIP, x, np.ones(3), np.arange(3), np.ones(3), 4.0, 1.0, out)
    np.testing.assert_array_equal(out, [4.0, 0.0, 0.0])


@POWERS
def test_norm_gradient_and_product_are_derivatives(k, power):
    y, v = Z / 2, np.array([1.0, -2.0, 3.0, 0.5])

    def norm(y):
        out = np.zeros(1)
        k.add_norm(y, power, 0.7, out)
        return out[0]

    def gradient(y):
        out = np.zeros(y.size)
        k.add_norm_gradient(y, power, 0.7, out)
        return out

    product = np.zeros(y.size)
    k.add_norm_product(y, v, power, 0.7, product)
    assert norm(y) == pytest.approx(0.7 * np.sum(np.abs(y) ** power), rel=1e-14)
    np.testing.assert_allclose(gradient(y), derivative(norm, y), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(product, derivative(gradient, y).T @ v, rtol=1e-7, atol=1e-8)
