"""Offsets and coefficients of the finite differences that estimate a hypergradient."""

from __future__ import annotations

from fractions import Fraction
from math import factorial
from typing import Any

import numpy as np

from fastbilevel._checks.values import check_integer


def exact_coefficients(order: int) -> dict[int, Fraction]:
    """Coefficients alpha_j by offset j, in rising order of j, as exact rationals.

    They are the ones for which (1/nu) sum_j alpha_j psi(j nu) = psi'(0) + O(nu**order) for every
    smooth psi (F2SA-p, Lemma 3.1). With m = order // 2:

    - even orders use j = -m, ..., m without 0, and
      alpha_j = (-1)**(j+1) (m!)**2 / (j (m-j)! (m+j)!);
    - odd orders use j = -m, ..., m + 1, alpha_0 = -1 / (m + 1), and for all other j
      alpha_j = (-1)**(j+1) m! (m+1)! / (j (m+j)! (m+1-j)!).

    Parameters
    ----------
    order : int
        At least 1.

    Returns
    -------
    dict of int to fractions.Fraction
    """
    order = check_integer("order", order, 1)
    low, high = order // 2, (order + 1) // 2
    coefficients = {}
    for j in range(-low, high + 1):
        if j:
            numerator = (1 if j % 2 else -1) * factorial(low) * factorial(high)
            coefficients[j] = Fraction(numerator, j * factorial(low + j) * factorial(high - j))
        elif low != high:
            coefficients[j] = Fraction(-1, high)
    return coefficients


def finite_difference_coefficients(order: Any) -> tuple[np.ndarray, np.ndarray]:
    """Offsets j and coefficients alpha_j of the finite difference of order p.

    (1/nu) sum_j alpha_j psi(j nu) = psi'(0) + c_p nu**p psi^(p+1)(0) + O(nu**(p+1)) for every
    smooth psi (F2SA-p, Lemma 3.1). Even orders take p points around 0 and leave out 0 itself;
    odd orders take p + 1 points, one more on the positive side, and 0 is one of them.

    Parameters
    ----------
    order : int
        p >= 1.

    Returns
    -------
    offsets : (q,) int64 array
        In rising order; q = p for even and p + 1 for odd orders.
    coefficients : (q,) float64 array
        The exact rationals, each rounded once; abs(j alpha_j) <= 1.

    Raises
    ------
    TypeError, ValueError
        If `order` is not an integer of at least 1.

    Examples
    --------
    >>> finite_difference_coefficients(2)
    (array([-1,  1]), array([-0.5,  0.5]))
    """
    exact = exact_coefficients(order)
    offsets = np.array(list(exact), dtype=np.int64)
    return offsets, np.array([float(alpha) for alpha in exact.values()])
