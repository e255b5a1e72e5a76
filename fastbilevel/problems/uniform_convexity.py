"""Uniformly convex lower objectives: derivatives in the coordinates w = [y]^(p-1).

If g is uniformly convex of power p > 2 in y, g_yy may vanish at the minimiser, but derivatives in
the signed powers w_i = y_i |y_i|^(p-2) need not. With D = diag(dw/dy) = diag((p-1) |y_i|^(p-2)) the
gradient of f is D^-1 f_y and the generalized Hessian has the entries d(g_y)_k / dw_i: D^-1 g_yy, a
scaling of the *rows*. Then (D^-1 g_yy)^-1 D^-1 f_y = g_yy^-1 f_y for every D; scaled columns,
g_yy D^-1, would give D g_yy^-1 D^-1 f_y instead (UniBiO, ICLR 2026).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastbilevel.problems.base import BilevelProblem


def power_of(problem: BilevelProblem) -> float:
    """p, the attribute `power` of uniformly convex problems; 2 for all others."""
    return float(getattr(problem, "power", 2.0))


def scaling(y: np.ndarray, power: float, floor: float = 0.0) -> np.ndarray:
    """The diagonal of D, ``(p-1) max(|y_i|, floor)^(p-2)``, (n_y,) float64.

    Parameters
    ----------
    y : (n_y,) array
    power : float
        p >= 2.
    floor : float
        Positive where elements of y may be 0.
    """
    return (power - 1.0) * np.maximum(np.abs(y.astype(np.float64)), floor) ** (power - 2.0)


def generalized_hessian(
    problem: BilevelProblem, x: np.ndarray, y: np.ndarray, floor: float = 0.0
) -> np.ndarray:
    """D^-1 g_yy(x, y) on the full data, (n_y, n_y) float64, by n_y products.

    Parameters
    ----------
    problem : BilevelProblem
        One with `power` and `hvp_lower_yy`.
    x, y : (n_x,), (n_y,) arrays
    floor : float
        As in `scaling`.

    Raises
    ------
    ValueError
        If an element of y is 0, the power is not 2 and there is no floor.
    """
    diagonal = scaling(y, power_of(problem), floor)
    if not diagonal.all():
        i = int(np.flatnonzero(diagonal == 0)[0])
        raise ValueError(
            f"y[{i}] is {y[i]}, where the derivative in w = [y]^(p-1) is not finite; give a "
            "positive floor, which bounds |y_i| from below in the scaling."
        )
    H = np.empty((problem.n_y, problem.n_y))
    for i, unit in enumerate(np.eye(problem.n_y)):
        # The matrix is symmetric: its products with unit vectors are its rows.
        H[i] = problem.hvp_lower_yy(x, y, unit)
    return H / diagonal[:, np.newaxis]


def generalized_solution(problem: BilevelProblem, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """g_yy^-1 f_y as (D^-1 g_yy)^-1 (D^-1 f_y), by what the problem knows in closed form.

    Defined at y = 0 too, where g_yy and f_y vanish. For problems with `has_closed_form`.
    """
    derivatives: Any = problem
    matrix = derivatives.generalized_hessian(x, y)
    return np.linalg.solve(matrix, derivatives.generalized_upper_gradient(x, y))


def has_closed_form(problem: BilevelProblem) -> bool:
    """True if the problem has the derivatives of both levels in w = [y]^(p-1)."""
    return hasattr(problem, "generalized_upper_gradient")
