"""LpRegression against closed forms, and equivalences that hold exactly."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
from softmax_formulas import (
    ROWS,
    all_oracles,
    check_oracles,
    designs,
    interpreted,
    make_data,
    random_point,
    run,
)

import fastbilevel as fb

REG = 0.05
DESIGNS = pytest.mark.parametrize("design", ["dense", "csr"])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
BATCHES = pytest.mark.parametrize("rows", [None, ROWS], ids=["full", "minibatch"])


def make_targets(dtype=np.float64, **sizes):
    """X, y, Xv, yv; the targets are between -1 and 1."""
    X, y, Xv, yv = make_data(9, dtype, **sizes)
    return X, y / 4.0 - 1, Xv, yv / 4.0 - 1


def build(data, design="dense", power=4, **options):
    X, y, Xv, yv = data
    X, Xv = designs(X, Xv)[design]
    return fb.problems.LpRegression(X, y, Xv, yv, power, **({"reg": REG} | options))


def weights_of(kind, x):
    """s(x) of every row, and its derivative."""
    if kind == "sigmoid":
        s = 1 / (1 + np.exp(-x))
        return s, s * (1 - s)
    return np.clip(x, 0, 1), ((x >= 0) & (x <= 1)).astype(float)


def formulas(problem, data, given, x, y, v, rows):
    """All oracles by their formulas, float64; H and J as the UniBiO paper's example has them."""
    X, t, Xv, tv = (a.astype(float) for a in data)
    x, y, v = (a.astype(float) for a in (x, y, v))
    p, (s, slope) = problem.power, weights_of(problem.weights, x)
    lower, upper = (np.arange(len(X)), np.arange(len(Xv))) if rows is None else (rows, rows)
    given = np.ones(len(X)) if given is None else given / given.mean()
    A, r, c = X[lower], X[lower] @ y - t[lower], (given * s**p)[lower] / len(lower)
    B, q = Xv[upper], Xv[upper] @ y - tv[upper]

    def spread(terms):
        """p/m r_i s_i^(p-1) s_i' times the term of row i, in element i."""
        factors = (p * given * s ** (p - 1) * slope)[lower] / len(lower)
        return np.bincount(lower, factors * terms, len(X))

    def signed(z):
        return np.sign(z) * np.abs(z) ** (p - 1)

    H = p * (p - 1) * (A.T * (c * np.abs(r) ** (p - 2)) @ A)
    H += REG * p * (p - 1) * np.diag(np.abs(y) ** (p - 2))
    return {
        "value_lower": c @ np.abs(r) ** p + REG * np.sum(np.abs(y) ** p),
        "value_upper": np.mean(np.abs(q) ** p),
        "grad_lower_y": p * (A.T @ (c * signed(r)) + REG * signed(y)),
        "grad_upper_y": p * B.T @ signed(q) / len(upper),
        "grad_lower_x": spread(np.abs(r) ** p),
        "grad_upper_x": np.zeros(len(X)),
        "hvp_lower_yy": H @ v,
        "jvp_lower_xy": spread(p * signed(r) * (A @ v)),
    }


@DESIGNS
@DTYPES
@BATCHES
def test_compiled_oracles_are_the_formulas(design, dtype, rows):
    data = make_targets(dtype)
    given = np.linspace(0.5, 2, len(data[0]))
    # The powers and both functions s share the compiled code.
    for power, weights in ((2, "clip"), (3, "sigmoid"), (4, "clip"), (4.5, "sigmoid")):
        problem = build(data, design, power, weights=weights, sample_weight=given)
        assert problem.dtype == dtype
        check_oracles(problem, partial(formulas, problem, data, given), rows)


@DESIGNS
@BATCHES
@pytest.mark.parametrize("power", [2, 2.5, 3, 4, 6, 8])
@pytest.mark.parametrize("weights", ["clip", "sigmoid"])
def test_interpreted_oracles_are_the_formulas(design, rows, power, weights):
    data = make_targets()
    problem = interpreted(build(data, design, power, weights=weights))
    check_oracles(problem, partial(formulas, problem, data, None), rows)


# -- equivalences -----------------------------------------------------------------------------


def test_power_two_with_full_weights_is_ridge_regression():
    X, t, Xv, tv = make_targets()
    problem = interpreted(build((X, t, Xv, tv), power=2))
    y = fb.solve_lower(problem, np.ones(problem.n_x), tol=1e-13)
    ridge = np.linalg.solve(X.T @ X / len(X) + REG * np.eye(7), X.T @ t / len(X))
    np.testing.assert_allclose(y, ridge, rtol=1e-10)


@DTYPES
def test_dense_and_sparse_data_give_the_same(dtype):
    data = make_targets(dtype)
    dense, csr = (build(data, design) for design in ("dense", "csr"))
    x, y, v = random_point(dense, count=2)
    for name, value in all_oracles(dense, x, y, v).items():
        other = all_oracles(csr, x, y, v)[name]
        size = np.abs(value).max()
        np.testing.assert_allclose(other, value, rtol=0, atol=20 * np.finfo(dtype).eps * size)


def test_sample_weights_count_rows():
    X, t, Xv, tv = make_targets()
    counts, counts_v = np.arange(len(t)) % 3 + 1, np.arange(len(tv)) % 2 + 1
    weighted = interpreted(build((X, t, Xv, tv), sample_weight=counts, sample_weight_val=counts_v))
    again, again_v = (np.repeat(np.arange(c.size), c) for c in (counts, counts_v))
    repeated = interpreted(build((X[again], t[again], Xv[again_v], tv[again_v])))
    x, y, v = random_point(weighted, count=2)
    whole = all_oracles(repeated, x[again], y, v)
    for name, value in all_oracles(weighted, x, y, v).items():
        expected = whole[name]
        if name in ("grad_lower_x", "jvp_lower_xy"):
            expected = np.bincount(again, expected)
        if name != "grad_upper_x":
            np.testing.assert_allclose(value, expected, rtol=1e-12, err_msg=name)


def test_a_row_of_weight_zero_is_no_row():
    X, t, Xv, tv = make_targets()
    problem, x = interpreted(build((X, t, Xv, tv))), np.ones(len(t))
    x[5:] = 0.0
    few = interpreted(build((X[:5], t[:5], Xv, tv), reg=REG * len(t) / 5))
    y = fb.solve_lower(problem, x, tol=1e-13)
    np.testing.assert_allclose(fb.solve_lower(few, x[:5], tol=1e-13), y, rtol=1e-6)


@DESIGNS
def test_runs_compiled_and_interpreted_agree(design):
    data = make_targets()
    compiled, plain = run(build(data, design)), run(interpreted(build(data, design)))
    for ours, theirs in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-13)


def test_descent_in_the_weights_makes_up_for_wrong_rows():
    rng = np.random.default_rng(0)
    X, w = rng.standard_normal((60, 3)), np.array([1.0, -2.0, 0.5])
    t = X @ w + 0.1 * rng.standard_normal(60)
    t[:8] += 3.0
    problem = interpreted(build((X[:30], t[:30], X[30:], t[30:]), reg=1e-4))
    x = problem.x0
    start = problem.metrics(x, fb.solve_lower(problem, x))["mean_absolute_error"]
    for k in range(40):
        direction = fb.hypergradient(problem, x, method="implicit")
        x = np.clip(x - 0.05 * direction / np.linalg.norm(direction) / np.sqrt(k + 1), 0, 1)
    # The noise alone has a mean absolute error of 0.08.
    assert start > 0.5
    assert problem.metrics(x, fb.solve_lower(problem, x))["mean_absolute_error"] < 0.12


# -- attributes and arguments -----------------------------------------------------------------


@pytest.mark.parametrize("weights", ["clip", "sigmoid"])
def test_start_and_bounds(weights):
    problem = build(make_targets(), weights=weights)
    np.testing.assert_array_equal(problem.row_weights(problem.x0), 0.5)
    np.testing.assert_array_equal(problem.y0, 0.0)
    assert problem.default_bounds == ((0.0, 1.0) if weights == "clip" else None)
    assert (problem.power, problem.n_x, problem.n_lower, problem.n_upper) == (4.0, 24, 24, 15)


def test_metrics():
    X, t, Xv, tv = make_targets()
    given = np.linspace(0.5, 2, len(tv))
    problem = interpreted(build((X, t, Xv, tv), sample_weight_val=given))
    x, y = random_point(problem)
    found = problem.metrics(x, y)
    expected = np.average(np.abs(Xv @ y - tv), weights=given)
    assert found["mean_absolute_error"] == pytest.approx(expected, rel=1e-13)
    assert found["mean_weight"] == pytest.approx(x.mean(), rel=1e-13)
    assert found.keys() == {"mean_absolute_error", "mean_weight"}


def test_data_are_not_changed():
    data = make_targets(np.float32)
    kept = [a.copy() for a in data]
    problem = build(data)
    problem.grad_lower_y(problem.x0, np.ones(7))
    for array, before in zip(data, kept, strict=True):
        np.testing.assert_array_equal(array, before)


X, T, XV, TV = make_targets()


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"power": 1.5}, ValueError, "power must be at least 2; got 1.5"),
        ({"power": "4"}, TypeError, "power must be a number"),
        ({"reg": -1.0}, ValueError, "reg must be finite and not negative"),
        ({"weights": "clipp"}, ValueError, "weights must be one of clip, sigmoid.*mean 'clip'"),
        ({"y": T[:-1]}, ValueError, "y must have one target per row of X, which has 24; got 23"),
        ({"y": T[:, None]}, ValueError, r"y must have one axis.*numpy\.ravel\(y\)"),
        ({"y": T[:1]}, ValueError, "y must have one target per row of X, which has 24; got 1"),
        ({"yv": np.where(TV > 0, np.inf, TV)}, ValueError, "yv must be finite in float64; element"),
        ({"y": T * 1e300, "dtype": np.float32}, ValueError, "y must be finite in float32"),
        ({"y": ["a"] * 24}, TypeError, "y must hold targets, real numbers; got dtype <U1"),
        ({"y": sp.csr_array(T[None])}, TypeError, "y must be a dense array; got a sparse matrix"),
        ({"y": np.ma.array(T)}, TypeError, "y must not be a masked array"),
        ({"Xv": sp.csr_array(XV)}, TypeError, "both be dense or both be sparse"),
        ({"sample_weight": -T}, ValueError, "sample_weight must be finite and not negative"),
        ({"X": np.where(X > 0, np.nan, X)}, ValueError, "X contains NaN"),
    ],
)
def test_wrong_arguments_are_refused(changes, error, match):
    arguments = {"X": X, "y": T, "Xv": XV, "yv": TV, **changes}
    with pytest.raises(error, match=match):
        fb.problems.LpRegression(**arguments)


@pytest.mark.parametrize("kind", [int, bool, list])
def test_targets_of_any_kind_of_number(kind):
    targets = (T > 0).tolist() if kind is list else (T > 0).astype(kind)
    problem = interpreted(fb.problems.LpRegression(X, targets, XV, TV))
    expected = interpreted(fb.problems.LpRegression(X, (T > 0).astype(float), XV, TV))
    y = np.ones(7)
    assert problem.value_lower(problem.x0, y) == expected.value_lower(problem.x0, y)
