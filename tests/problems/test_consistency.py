"""Every built-in problem passes `check_problem`, and its hypergradients agree with each other."""

from __future__ import annotations

import numpy as np
import pytest
from softmax_formulas import designs, interpreted, make_data

import fastbilevel as fb

DESIGNS = pytest.mark.parametrize("design", ["dense", "csr"])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
GROUPS = [0, 1, 0, 2, 2, 1, 0]


def penalties(design, dtype, C):
    X, y, Xv, yv = make_data(C, dtype)
    X, Xv = designs(X, Xv)[design]
    weight = np.linspace(0.5, 2.0, len(y))
    for penalty in ("feature", "class", "both", "group"):
        groups = GROUPS if penalty == "group" else None
        for reduction in ("mean", "sum"):
            yield fb.problems.LearnToRegularize(
                X, y, Xv, yv, penalty=penalty, groups=groups, reduction=reduction,
                sample_weight=weight,
            )  # fmt: skip


def cleanings(design, dtype, C):
    X, y, Xv, yv = make_data(C, dtype)
    X, Xv = designs(X, Xv)[design]
    weight = np.linspace(0.5, 2.0, len(y))
    for weights in ("sigmoid", "clip", "softmax"):
        yield fb.problems.HyperCleaning(X, y, Xv, yv, weights=weights, sample_weight=weight)


def regressions(design, dtype, C):
    """`C` is not looked at: the targets are numbers."""
    X, y, Xv, yv = make_data(9, dtype)
    X, Xv = designs(X, Xv)[design]
    weight = np.linspace(0.5, 2.0, len(y))
    for power, weights in ((2, "clip"), (3, "sigmoid"), (4, "clip")):
        yield fb.problems.LpRegression(
            X, y / 4 - 1, Xv, yv / 4 - 1, power, reg=0.1, weights=weights, sample_weight=weight
        )


@pytest.mark.slow
@DESIGNS
@DTYPES
@pytest.mark.parametrize("family", [penalties, cleanings, regressions])
def test_oracles_are_consistent(family, design, dtype):
    # Numbers of classes for which the tests of each problem have compiled these oracles.
    for problem in family(design, dtype, 2 if dtype == np.float32 else 3):
        report = fb.testing.check_problem(problem)
        assert report.skipped == ()
        assert "minibatches of jvp_lower_xy" in report.errors
        assert ("precision of value_lower" in report.errors) == (dtype == np.float32)


@DESIGNS
@pytest.mark.parametrize("C", [2, 3])
@pytest.mark.parametrize("family", [penalties, cleanings, regressions])
def test_interpreted_oracles_are_consistent(family, design, C):
    for problem in family(design, np.float64, C):
        report = fb.testing.check_problem(interpreted(problem))
        assert report.skipped == ()
        assert max(report.errors.values()) < 1e-7


@DESIGNS
@pytest.mark.parametrize("family", [penalties, cleanings, regressions])
def test_finite_differences_agree_with_the_implicit_hypergradient(family, design):
    rng = np.random.default_rng(0)
    for problem in map(interpreted, family(design, np.float64, 3)):
        x = problem.x0 + 0.3 * rng.standard_normal(problem.n_x)
        exact = fb.hypergradient(problem, x, method="implicit", tol=1e-11)
        estimate = fb.hypergradient(problem, x, order=4)
        np.testing.assert_allclose(estimate, exact, rtol=0, atol=1e-5 * np.linalg.norm(exact))


@pytest.mark.slow
@DESIGNS
def test_a_float32_problem_is_solved_in_float64(design):
    rough, fine = (next(penalties(design, dtype, 3)) for dtype in (np.float32, np.float64))
    x = np.linspace(-1, 1, rough.n_x)
    y = fb.solve_lower(rough, x, tol=1e-10)
    assert y.dtype == np.float32
    # The data differ by a rounding of float32, the solver adds nothing of that size.
    np.testing.assert_allclose(y, fb.solve_lower(fine, x, tol=1e-10), rtol=0, atol=1e-4)
    phi = fb.hypergradient(rough, x, order=4, tol=1e-10)
    exact = fb.hypergradient(fine, x, method="implicit", tol=1e-10)
    assert phi.dtype == np.float32
    np.testing.assert_allclose(phi, exact, rtol=0, atol=1e-4 * np.linalg.norm(exact))


@pytest.mark.parametrize("order", range(1, 7))
def test_error_falls_with_the_power_of_the_order(order):
    problem = interpreted(next(penalties("csr", np.float64, 3)))
    x = np.linspace(3.0, 4.0, problem.n_x)
    exact = fb.hypergradient(problem, x, method="implicit", tol=1e-12)
    nu = 0.2 / np.ceil(order / 2)
    wide, narrow = (
        np.linalg.norm(fb.hypergradient(problem, x, order=order, nu=width, tol=3e-15) - exact)
        for width in (2 * nu, nu)
    )
    assert np.log2(wide / narrow) == pytest.approx(order, abs=0.2)
