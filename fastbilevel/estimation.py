"""Lower solutions and hypergradients on the full data, to a tolerance that the caller sets."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from fastbilevel._arrays.placement import fetch, place
from fastbilevel._checks.arrays import check_vector
from fastbilevel._checks.points import check_same_library
from fastbilevel._checks.values import check_choice, check_integer, check_number, closest
from fastbilevel._numerics.conjugate_gradients import minimum_norm
from fastbilevel._numerics.lower_solver import (
    ConvergenceWarning,
    in_float64,
    lower_hessian,
    lower_minimum,
    warn_unless_converged,
)
from fastbilevel._numerics.newton import ROUNDING
from fastbilevel._numerics.stencil import finite_difference_coefficients
from fastbilevel.problems.base import BilevelProblem, require_problem
from fastbilevel.problems.on_host import on_host
from fastbilevel.problems.uniform_convexity import generalized_solution, has_closed_form, power_of

__all__ = ["ConvergenceWarning", "finite_difference_coefficients", "hypergradient", "solve_lower"]

ESTIMATORS = ("finite-difference", "implicit")
PRODUCTS = ("hvp_lower_yy", "jvp_lower_xy")


def solve_lower(
    problem: BilevelProblem,
    x: Any,
    *,
    weight: float = 0.0,
    y0: Any = None,
    tol: float = 1e-8,
) -> np.ndarray:
    """A minimiser y of g(x, .) + weight f(x, .) on the full data.

    Newton's method with conjugate gradients. It uses the problem's Hessian-vector products of g if
    there are any; all others are differences of gradients, which do not limit the accuracy.

    Parameters
    ----------
    problem : BilevelProblem
    x : (n_x,) array_like
    weight : float
        Weight of the upper objective; j nu gives the solutions that F2SA-p follows. A negative one
        must leave g + weight f convex in y.
    y0 : (n_y,) array_like, optional
        Start, `problem.y0` by default. If there are several minimisers, the one found lies in
        y0 + the span of the gradients.
    tol : float
        Wanted norm of the gradient in y.

    Returns
    -------
    (n_y,) array
        In the problem's dtype. float32 problems are solved in float64, with a converted copy of
        their data, unless they cannot be converted; then `tol` can be beyond reach.

    Warns
    -----
    ConvergenceWarning
        If `tol` was not reached; the sentence says what was.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong.
    """
    require_problem(problem)
    x, y = _point(problem, x, y0)
    weight, tol = check_number("weight", weight), check_number("tol", tol, above=0)
    found = lower_minimum(in_float64(on_host(problem)), x, weight, y, tol)
    warn_unless_converged(found, weight, tol, stacklevel=2)
    return place(problem.kernels, found.y.astype(problem.dtype))


def hypergradient(
    problem: BilevelProblem,
    x: Any,
    *,
    method: str = "finite-difference",
    order: int = 2,
    nu: float | None = None,
    y0: Any = None,
    tol: float = 1e-8,
) -> np.ndarray:
    """The gradient of phi(x) = f(x, y*(x)) on the full data.

    Parameters
    ----------
    problem : BilevelProblem
    x : (n_x,) array_like
    method : {"finite-difference", "implicit"}
        "finite-difference": sum_j alpha_j (j f_x + g_x / nu) at the minimisers y_j of g + j nu f
        (F2SA-p, equation of Lemma 3.1), with a bias of order nu**p. "implicit": f_x - g_xy v with
        g_yy v = f_y at the minimiser of g, of minimum norm if g_yy is singular; needs the
        problem's products with g_yy and g_xy.
    order : int
        p >= 1; order 1 has no negative weights and so suits lower objectives that are not strongly
        convex.
    nu : float, optional
        Width of the stencil, 1e-4 by default (more where float32 leaves no choice). It has to be
        small against the smallest curvature of g in y, measured in that of f.
    y0 : (n_y,) array_like, optional
        Start of the lower solver.
    tol : float
        Finite differences solve the lower problems to a gradient norm of tol nu, so that what is
        left moves the estimate by about tol. "implicit" solves the lower problem to a gradient norm
        of tol and the linear system to a relative residual of tol.

    Returns
    -------
    (n_x,) array
        In the problem's dtype.

    Warns
    -----
    ConvergenceWarning
        If `tol` was not reached, or `nu` is so small that noise shows in the result.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong, or the problem lacks an oracle that the method needs.

    Notes
    -----
    If g is uniformly convex of power p > 2 (problems with an attribute `power`), g_yy may be nearly
    singular at the minimiser. "implicit" suits such problems: g_yy^-1 f_y stays bounded, and
    problems that know their derivatives in [y]^(p-1) are differentiated in these coordinates, at
    y = 0 too. "finite-difference" needs a nu that is small against the curvature, and fails where
    that vanishes: y*_nu is not differentiable in nu there, so that no nu is small enough.
    """
    require_problem(problem)
    x, y = _point(problem, x, y0)
    order, tol = check_integer("order", order, 1), check_number("tol", tol, above=0)
    nu = None if nu is None else check_number("nu", nu, above=0)
    if isinstance(method, str) and method not in ESTIMATORS:
        raise TypeError(closest(method, ESTIMATORS, "method of hypergradient:"))
    check_choice("method", method, ESTIMATORS)
    precise = in_float64(on_host(problem))
    if method == "implicit":
        found = _implicit(precise, x, y, tol)
    else:
        found = _finite_difference(precise, x, y, order, nu, tol)
    return place(problem.kernels, found.astype(problem.dtype))


def _finite_difference(
    problem: BilevelProblem, x: np.ndarray, y: np.ndarray, order: int, nu: float | None, tol: float
) -> np.ndarray:
    """sum_j alpha_j (j f_x(x, y_j) + g_x(x, y_j) / nu), (n_x,) float64."""
    _need(problem, "finite-difference", "grad_lower_x", "grad_upper_x", "grad_upper_y")
    offsets, alpha = finite_difference_coefficients(order)
    eps = float(np.finfo(problem.dtype).eps)
    if nu is None:
        nu = max(1e-4, eps ** (1 / 3))
    weights = offsets * nu
    F, G = np.empty((2, offsets.size, problem.n_x))
    solved: dict[int, np.ndarray] = {}
    noise = 0.0
    for a in np.argsort(np.abs(offsets), kind="stable"):
        j = int(offsets[a])
        found = lower_minimum(problem, x, weights[a], _predict(solved, j, y), tol * nu)
        unavoidable = found.residual if found.cause == ROUNDING else 0.0
        if found.cause != ROUNDING:
            warn_unless_converged(found, weights[a], tol * nu, stacklevel=3)
        solved[j] = found.y
        F[a] = problem.grad_upper_x(x, found.y)
        G[a] = problem.grad_lower_x(x, found.y)
        if power_of(problem) > 2.0:
            unavoidable = max(unavoidable, _shift(problem, x, weights[a], found.y, tol))
        noise += abs(alpha[a]) * (unavoidable + eps * float(np.linalg.norm(G[a]))) / nu
    k = problem.kernels
    F, G, out = place(k, (F, G, np.empty(problem.n_x)))
    k.vector.combine_offsets(F, G, weights, alpha, nu, out)
    out = fetch(out)
    hint = "; method='implicit' needs no nu" if power_of(problem) > 2.0 else ""
    if noise > tol + 0.01 * float(np.linalg.norm(out)):
        warnings.warn(
            f"nu={nu:.3g} is so small that rounding and the accuracy of the lower solutions move "
            f"the estimate by about {noise:.2g}, its norm being {np.linalg.norm(out):.2g}; take a "
            f"larger nu, and a higher order if the bias matters{hint}.",
            ConvergenceWarning,
            stacklevel=3,
        )
    return out


def _shift(
    problem: BilevelProblem, x: np.ndarray, weight: float, y: np.ndarray, tol: float
) -> float:
    """How far what is left of the gradient at y may move g_x: ||g_xy g_yy^-1 (g_y + weight f_y)||.

    Where g is strongly convex that is about the gradient's norm; where its curvature nearly
    vanishes it can be far more.
    """
    if not problem.oracles.issuperset(PRODUCTS):
        return 0.0
    left = problem.grad_lower_y(x, y) + weight * problem.grad_upper_y(x, y)
    v = minimum_norm(lower_hessian(problem, x, y), left.astype(np.float64), tol).v
    return float(np.linalg.norm(problem.jvp_lower_xy(x, y, v)))


def _predict(solved: dict[int, np.ndarray], j: int, start: np.ndarray) -> np.ndarray:
    """The line through the two nearest solutions, at offset j; `start` before there are any."""
    nearest = sorted(solved, key=lambda i: abs(i - j))[:2]
    if len(nearest) < 2:
        return solved[nearest[0]] if nearest else start
    a, b = nearest
    return solved[a] + (j - a) / (b - a) * (solved[b] - solved[a])


def _implicit(problem: BilevelProblem, x: np.ndarray, y: np.ndarray, tol: float) -> np.ndarray:
    """f_x - g_xy v with g_yy v = f_y, (n_x,) float64."""
    _need(problem, "implicit", *PRODUCTS, "grad_upper_x", "grad_upper_y")
    found = lower_minimum(problem, x, 0.0, y, tol)
    warn_unless_converged(found, 0.0, tol, stacklevel=3)
    v = _linear_solution(problem, x, found.y, tol)
    return problem.grad_upper_x(x, found.y) - problem.jvp_lower_xy(x, found.y, v).astype(np.float64)


def _linear_solution(
    problem: BilevelProblem, x: np.ndarray, y: np.ndarray, tol: float
) -> np.ndarray:
    """v with g_yy v = f_y, (n_y,) float64."""
    if has_closed_form(problem):
        return generalized_solution(problem, x, y)
    f_y = problem.grad_upper_y(x, y).astype(np.float64)
    solution = minimum_norm(lower_hessian(problem, x, y), f_y, tol)
    size = float(np.linalg.norm(f_y))
    if not solution.residual <= tol * size:
        warnings.warn(
            f"The linear system g_yy v = f_y was solved to a residual of {solution.residual:.2g} "
            f"relative to {size:.2g}, above tol={tol:.2g}. Either f_y has a part outside the range "
            "of g_yy (the lower minimiser is not unique and y does not minimise f among them: give "
            "y0=solve_lower(problem, x, weight=nu) for a small nu, or use method="
            "'finite-difference' with order=1; if g is uniformly convex: y_i without curvature, "
            "whose part of f_y is left out), or g_yy is too badly conditioned.",
            ConvergenceWarning,
            stacklevel=4,
        )
    return solution.v


def _need(problem: BilevelProblem, method: str, *oracles: str) -> None:
    missing = [name for name in oracles if name not in problem.oracles]
    if missing:
        raise TypeError(
            f"hypergradient(method={method!r}) needs {', '.join(missing)}, which "
            f"{type(problem).__name__} does not have."
        )


def _point(problem: BilevelProblem, x: Any, y0: Any) -> tuple[np.ndarray, np.ndarray]:
    """x and the start of the lower solver as float64 vectors."""
    check_same_library(problem, x, y0)
    y = problem.y0 if y0 is None else y0
    return (
        check_vector("x", x, problem.n_x, shape=problem.x_shape),
        check_vector("y0", y, problem.n_y, shape=problem.y_shape),
    )
