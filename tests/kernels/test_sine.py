"""Facts about the uniformly convex instance, on both backends."""

import math

import numpy as np
import pytest

POWERS = pytest.mark.parametrize("power", [2.0, 3.0, 4.0, 6.5, 8.0])
X = np.array([0.8])
STEP = 1e-6


def value(kernel, *arguments):
    out = np.full(1, np.nan)
    kernel(*arguments, out)
    return out[0]


def slope(kernel, *arguments):
    """The derivative of a kernel in the first of its arguments."""
    first, *rest = arguments
    ends = (value(kernel, first + d, *rest) for d in (STEP, -STEP))
    return (next(ends) - next(ends)) / (2 * STEP)


@POWERS
@pytest.mark.parametrize("y", [0.9, -0.7])
def test_gradients_are_derivatives(k, power, y):
    y = np.array([y])
    expected = slope(lambda y, out: k.lower_value(X, y, power, out), y)
    assert value(k.lower_gradient, X, y, power) == pytest.approx(expected, rel=1e-8)
    expected = slope(lambda x, out: k.lower_value(x, y, power, out), X)
    assert value(k.cross, X, y) == pytest.approx(expected, rel=1e-8)
    expected = slope(k.upper_value, y, power)
    assert value(k.upper_gradient, y, power) == pytest.approx(expected, rel=1e-8)


@POWERS
@pytest.mark.parametrize("x", [0.8, -2.0, 4.0])
def test_upper_value_at_the_lower_solution_does_not_depend_on_the_power(k, power, x):
    s = math.sin(x)
    y = np.array([math.copysign(abs(s) ** (1 / (power - 1)), s)])
    assert abs(value(k.lower_gradient, np.array([x]), y, power)) < 1e-14
    assert value(k.upper_value, y, power) == pytest.approx(math.sin(s), rel=1e-13)


@POWERS
@pytest.mark.parametrize("sign", [1, -1])
def test_upper_value_is_flat_and_continuous_beyond_its_maximum(k, power, sign):
    edge = (math.pi / 2) ** (1 / (power - 1))
    for y in (edge * (1 + 1e-9), 3.0):
        assert value(k.upper_value, np.array([sign * y]), power) == sign
        assert value(k.upper_gradient, np.array([sign * y]), power) == 0
    inside = np.array([sign * edge * (1 - 1e-6)])
    assert value(k.upper_value, inside, power) == pytest.approx(sign, abs=1e-9)
    assert 0 < value(k.upper_gradient, inside, power) < 1e-2


@pytest.mark.parametrize("power", [3.0, 4.0])
def test_signed_power_is_odd(k, power):
    assert k.signed_power(-1.7, power) == -k.signed_power(1.7, power) == -(1.7 ** (power - 1))
