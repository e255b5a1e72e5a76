"""Powers |z|^p of residuals and of coordinates, p >= 2, and their derivatives.

The derivative of |z|^p is ``p z |z|^(p-2)`` and the second one ``p (p-1) |z|^(p-2)``, for every
real p >= 2; 0^0 counts as 1, so that p = 2 is the square. Powers are computed in float64.
"""

from __future__ import annotations

import numpy as np

from .weights import NONE, row_slope, row_weight

# Whole exponents up to this may be taken as products, which are faster than the general power and
# cost a few roundings.
LARGEST_WHOLE = 16.0


def absolute_power(value, exponent):
    """``|value|^exponent``, a float64.

    Parameters
    ----------
    value : float
    exponent : float
        Not negative.
    """
    with np.errstate(over="ignore", under="ignore"):
        return np.abs(np.float64(value)) ** np.float64(exponent)


def subtract_targets(Z, targets, rows):
    """``Z[r] <- Z[r] - targets[rows[r]]``: residuals from predictions.

    Parameters
    ----------
    Z : (>= m,) float array
        The first m elements are changed in place.
    targets : (n,) float array
    rows : (m,) int64 array
        Repeated ones allowed.
    """
    Z[: rows.size] -= targets[rows]


def losses(Z, m, power, out):
    """``out[r] <- |Z[r]|^p`` for r < m.

    Parameters
    ----------
    Z : (>= m,) float array
        Residuals.
    m : int
    power : float
        p.
    out : (>= m,) float64 array
        The first m elements are overwritten.
    """
    out[:m] = absolute_power(Z[:m].astype(np.float64), power)


def slopes(Z, coefficients, m, power):
    """``Z[r] <- c_r p Z[r] |Z[r]|^(p-2)`` for r < m: residuals become derivatives of the losses.

    Parameters
    ----------
    Z : (>= m,) float array
        Changed in place.
    coefficients : (>= m,) float64 array
        c.
    m, power
        As in `losses`.
    """
    z = Z[:m].astype(np.float64)
    Z[:m] = coefficients[:m] * power * z * absolute_power(z, power - 2.0)


def curvatures(Z, U, coefficients, m, power):
    """``U[r] <- c_r p (p-1) |Z[r]|^(p-2) U[r]`` for r < m.

    Parameters
    ----------
    Z : (>= m,) float array
        Residuals.
    U : (>= m,) float array
        Directions, changed in place.
    coefficients : (>= m,) float64 array
        c.
    m, power
        As in `losses`.
    """
    factors = coefficients[:m] * power * (power - 1.0)
    U[:m] = factors * absolute_power(Z[:m].astype(np.float64), power - 2.0) * U[:m]


def directional(Z, U, m, power, out):
    """``out[r] <- p Z[r] |Z[r]|^(p-2) U[r]`` for r < m: derivatives of the losses along U.

    Parameters
    ----------
    Z, U : (>= m,) float arrays
        Residuals and directions.
    m, power
        As in `losses`.
    out : (>= m,) float64 array
        The first m elements are overwritten.
    """
    z = Z[:m].astype(np.float64)
    out[:m] = power * z * absolute_power(z, power - 2.0) * U[:m]


def row_coefficients(kind, x, given, rows, power, scale, out):
    """``out[r] <- scale given[i] s(x_i)^p``, i = rows[r]: weights inside the power.

    Parameters
    ----------
    kind : int
        Function s, see the weights family: `NONE`, `SIGMOID` or `CLIP`.
    x : (n,) float array
        Upper variable; not read for `NONE`.
    given : (n,) float array
        The caller's weights, outside the power.
    rows : (m,) int64 array
    power : float
        p.
    scale : float
    out : (>= m,) float64 array
        The first m elements are overwritten.
    """
    for r, i in enumerate(rows):
        s = row_weight(kind, x[i] if kind != NONE else 0.0, 0.0, 0)
        out[r] = scale * float(given[i]) * absolute_power(s, power)


def weight_gradient(kind, x, given, rows, terms, power, scale, out):
    """Add the gradient in x of ``scale sum_r given[i] s(x_i)^p terms[r]``, i = rows[r], to `out`.

    Parameters
    ----------
    kind, x, given, rows, power, scale
        As in `row_coefficients`; for `NONE` nothing is added.
    terms : (>= m,) float64 array
        Taken as constants.
    out : (n,) float array
        Changed in place in the elements `rows`.
    """
    for r, i in enumerate(rows):
        if kind != NONE:
            s = row_weight(kind, x[i], 0.0, 0)
            slope = power * absolute_power(s, power - 1.0) * row_slope(kind, x[i])
            out[i] += scale * float(given[i]) * slope * terms[r]


def add_norm(y, power, scale, out):
    """``out[0] <- out[0] + scale sum_i |y_i|^p``.

    Parameters
    ----------
    y : (n,) float array
    power : float
        p.
    scale : float
    out : (1,) float64 array
        Changed in place.
    """
    out[0] += scale * np.sum(absolute_power(y.astype(np.float64), power))


def add_norm_gradient(y, power, scale, out):
    """``out[i] <- out[i] + scale p y_i |y_i|^(p-2)``; out (n,), the others as in `add_norm`."""
    z = y.astype(np.float64)
    out += (scale * power * z * absolute_power(z, power - 2.0)).astype(out.dtype)


def add_norm_product(y, v, power, scale, out):
    """``out[i] <- out[i] + scale p (p-1) |y_i|^(p-2) v_i``.

    Parameters
    ----------
    y, v : (n,) float arrays
    power, scale
        As in `add_norm`.
    out : (n,) float array
        Changed in place.
    """
    curvature = power * (power - 1.0) * absolute_power(y.astype(np.float64), power - 2.0)
    out += (scale * curvature * v).astype(out.dtype)
