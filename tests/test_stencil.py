"""Finite-difference coefficients against exact rational arithmetic and published tables."""

from fractions import Fraction
from math import factorial

import numpy as np
import pytest

from fastbilevel._numerics.stencil import exact_coefficients, finite_difference_coefficients

ORDERS = range(1, 17)

# Orders 1 to 4 and 6 are classical; 5, 8 and 10 are the ones of the authors' code of F2SA-p.
TABLE = {
    1: {0: "-1", 1: "1"},
    2: {-1: "-1/2", 1: "1/2"},
    3: {-1: "-1/3", 0: "-1/2", 1: "1", 2: "-1/6"},
    4: {-2: "1/12", -1: "-2/3", 1: "2/3", 2: "-1/12"},
    5: {-2: "1/20", -1: "-1/2", 0: "-1/3", 1: "1", 2: "-1/4", 3: "1/30"},
    6: {-3: "-1/60", -2: "3/20", -1: "-3/4", 1: "3/4", 2: "-3/20", 3: "1/60"},
    7: {
        -3: "-1/105",
        -2: "1/10",
        -1: "-3/5",
        0: "-1/4",
        1: "1",
        2: "-3/10",
        3: "1/15",
        4: "-1/140",
    },
    8: {
        -4: "3/840",
        -3: "-32/840",
        -2: "168/840",
        -1: "-672/840",
        1: "672/840",
        2: "-168/840",
        3: "32/840",
        4: "-3/840",
    },
    9: {
        -4: "1/504",
        -3: "-1/42",
        -2: "1/7",
        -1: "-2/3",
        0: "-1/5",
        1: "1",
        2: "-1/3",
        3: "2/21",
        4: "-1/56",
        5: "1/630",
    },
    10: {
        -5: "-2/2520",
        -4: "25/2520",
        -3: "-150/2520",
        -2: "600/2520",
        -1: "-2100/2520",
        1: "2100/2520",
        2: "-600/2520",
        3: "150/2520",
        4: "-25/2520",
        5: "2/2520",
    },
}


@pytest.mark.parametrize("order", ORDERS)
def test_moments_are_exact(order):
    stencil = exact_coefficients(order)
    for power in range(order + 1):
        moment = sum(alpha * Fraction(j) ** power for j, alpha in stencil.items())
        assert moment == (1 if power == 1 else 0)


@pytest.mark.parametrize("order", TABLE)
def test_tabulated_values(order):
    assert exact_coefficients(order) == {j: Fraction(a) for j, a in TABLE[order].items()}


@pytest.mark.parametrize("order", ORDERS)
def test_nodes(order):
    m = order // 2
    nodes = [*range(-m, 0), *range(1, m + 1)] if order % 2 == 0 else [*range(-m, m + 2)]
    assert list(exact_coefficients(order)) == nodes
    assert len(nodes) % 2 == 0


@pytest.mark.parametrize("order", ORDERS)
def test_no_offset_weighs_more_than_one(order):
    stencil = exact_coefficients(order)
    assert all(abs(j * alpha) <= 1 for j, alpha in stencil.items())
    assert abs(stencil.get(0, 0)) <= 1


@pytest.mark.parametrize("order", ORDERS)
def test_leading_error_constant(order):
    # psi(t) = t**(p+1) / (p+1)! has psi^(p+1) = 1, so the error is exactly c_p at nu = 1.
    error = sum(
        alpha * Fraction(j) ** (order + 1) for j, alpha in exact_coefficients(order).items()
    ) / factorial(order + 1)
    m = order // 2
    if order % 2 == 0:
        assert error == Fraction((-1) ** (m + 1) * factorial(m) ** 2, factorial(order + 1))
    else:
        numerator = (-1) ** m * factorial(m) * factorial(m + 1)
        assert error == Fraction(numerator, factorial(order + 1))


@pytest.mark.parametrize("order", [*ORDERS, 64])
def test_floats_are_the_rationals_rounded_once(order):
    offsets, coefficients = finite_difference_coefficients(order)
    assert offsets.dtype == np.int64
    assert coefficients.dtype == np.float64
    for j, alpha in zip(offsets.tolist(), coefficients.tolist(), strict=True):
        exact = exact_coefficients(order)[j]
        # The nearest float64: neither neighbour is closer.
        distance = abs(Fraction(alpha) - exact)
        assert distance <= abs(Fraction(float(np.nextafter(alpha, 9))) - exact)
        assert distance <= abs(Fraction(float(np.nextafter(alpha, -9))) - exact)


@pytest.mark.parametrize("order", ORDERS)
def test_even_orders_are_antisymmetric(order):
    offsets, coefficients = finite_difference_coefficients(order)
    if order % 2 == 0:
        np.testing.assert_array_equal(coefficients, -coefficients[::-1])
        np.testing.assert_array_equal(offsets, -offsets[::-1])
    else:
        assert 0 in offsets


def test_numpy_integers_are_orders():
    np.testing.assert_array_equal(finite_difference_coefficients(np.int32(3))[0], [-1, 0, 1, 2])


@pytest.mark.parametrize(
    ("order", "error"), [(0, ValueError), (-2, ValueError), (2.0, TypeError), (True, TypeError)]
)
def test_an_order_is_an_integer_of_at_least_one(order, error):
    with pytest.raises(error, match="order must be"):
        finite_difference_coefficients(order)
