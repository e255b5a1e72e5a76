"""HyperCleaning against closed forms, and equivalences that hold exactly."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from softmax_formulas import (
    ROWS,
    Side,
    all_oracles,
    check_oracles,
    composed,
    designs,
    interpreted,
    make_data,
    random_point,
    run,
)

import fastbilevel as fb

WEIGHTS = ("sigmoid", "clip", "softmax")
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
DESIGNS = pytest.mark.parametrize("design", ["dense", "csr"])
REG = 0.05


def build(data, design="dense", **options):
    X, y, Xv, yv = data
    X, Xv = designs(X, Xv)[design]
    return fb.problems.HyperCleaning(X, y, Xv, yv, **({"reg": REG} | options))


def weights_of(kind, x):
    """s(x) of every row, (n,), and its Jacobian, (n, n)."""
    if kind == "sigmoid":
        s = 1 / (1 + np.exp(-x))
        return s, np.diag(s * (1 - s))
    if kind == "clip":
        return np.clip(x, 0, 1), np.diag(((x >= 0) & (x <= 1)).astype(float))
    p = np.exp(x - x.max())
    p /= p.sum()
    return x.size * p, x.size * (np.diag(p) - np.outer(p, p))


def formulas(problem, data, kind, given, x, y, v, rows):
    """All oracles by their formulas, float64."""
    X, labels, Xv, labels_v = data
    train, val = Side(X, labels, given), Side(Xv, labels_v)
    W, V = (a.astype(float).reshape(X.shape[1], -1) for a in (y, v))
    s, jacobian = weights_of(kind, x.astype(float))
    lower, upper = (rows, rows) if rows is not None else (np.arange(len(X)), np.arange(len(Xv)))
    one = np.ones(len(Xv))
    directional = np.sum(train.residuals(W, lower) * (X.astype(float)[lower] @ V), axis=1)

    def gradient_of_weighted_sum(losses):
        return jacobian[lower].T @ (train.weight[lower] * losses) / lower.size

    return {
        "value_lower": train.value(W, lower, s) + REG * np.sum(W**2),
        "value_upper": val.value(W, upper, one),
        "grad_lower_y": (train.gradient(W, lower, s) + 2 * REG * W).ravel(),
        "grad_upper_y": val.gradient(W, upper, one).ravel(),
        "grad_lower_x": gradient_of_weighted_sum(train.losses(W, lower)),
        "grad_upper_x": np.zeros(problem.n_x),
        "hvp_lower_yy": (train.hessian_product(W, V, lower, s) + 2 * REG * V).ravel(),
        "jvp_lower_xy": gradient_of_weighted_sum(directional),
    }


def check(problem, data, kind, given, rows):
    check_oracles(problem, partial(formulas, problem, data, kind, given), rows)


@DESIGNS
@DTYPES
@pytest.mark.parametrize("C", [2, 5])
@pytest.mark.parametrize("rows", [None, ROWS], ids=["full", "minibatch"])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_oracles_are_their_formulas(design, dtype, C, rows, weights):
    """On the reference kernels, whose sums are float64."""
    data = make_data(C, dtype)
    given = np.linspace(0, 2, len(data[1]))
    problem = interpreted(build(data, design, weights=weights, sample_weight=given))
    check(problem, data, weights, given, rows)


@DESIGNS
@pytest.mark.parametrize(("dtype", "C"), [(np.float32, 2), (np.float64, 3)])
@pytest.mark.parametrize("rows", [None, ROWS], ids=["full", "minibatch"])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_compiled_oracles_are_their_formulas(design, dtype, C, rows, weights):
    data = make_data(C, dtype)
    check(build(data, design, weights=weights), data, weights, None, rows)


@DESIGNS
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("shared", [True, False])
def test_compiled_run_equals_interpreted_run(design, weights, shared):
    data = make_data(3, np.float64)
    options = {
        "batch_size": 7,
        "val_batch_size": 5,
        "order": 3,
        "nu": 0.05,
        "shared_samples": shared,
    }
    compiled = run(build(data, design, weights=weights), **options)
    plain = run(interpreted(build(data, design, weights=weights)), **options)
    for a, b in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("sampling", ["blocks", "replacement", "epochs"])
def test_csr_run_equals_dense_run(weights, sampling):
    data = make_data(3, np.float64)
    options = {"batch_size": 7, "val_batch_size": 5, "sampling": sampling}
    runs = [run(build(data, design, weights=weights), **options) for design in ("dense", "csr")]
    for a, b in zip(*runs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@DESIGNS
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("shared", [True, "outer", False])
def test_fused_oracles_equal_the_composed_ones(design, weights, shared):
    data = make_data(3, np.float64)
    options = {"batch_size": 7, "val_batch_size": 5, "order": 4, "shared_samples": shared}
    fused = run(interpreted(build(data, design, weights=weights)), **options)
    plain = run(composed(build(data, design, weights=weights)), **options)
    for a, b in zip(fused, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@DESIGNS
@pytest.mark.parametrize("weights", ["sigmoid", "clip"])
def test_weight_two_is_a_row_that_occurs_twice(design, weights):
    """The x of the two copies are equal, and the gradient of the one is the sum of theirs."""
    X, y, Xv, yv = make_data(3, np.float64)
    twice = np.array([1, 4, 9])
    given = np.ones(len(y))
    given[twice] = 2.0
    weighted = build((X, y, Xv, yv), design, weights=weights, sample_weight=given)
    repeated = build(
        (np.concatenate([X, X[twice]]), np.concatenate([y, y[twice]]), Xv, yv),
        design,
        weights=weights,
    )
    x, W, v = random_point(weighted, count=2)
    got = all_oracles(weighted, x, W, v)
    for name, value in all_oracles(repeated, np.concatenate([x, x[twice]]), W, v).items():
        if name in ("grad_lower_x", "jvp_lower_xy", "grad_upper_x"):
            value[twice] += value[len(y) :]
            value = value[: len(y)]
        np.testing.assert_allclose(got[name], value, rtol=1e-12, atol=1e-14, err_msg=name)


@DESIGNS
def test_order_of_the_features_is_irrelevant(design):
    X, y, Xv, yv = make_data(3, np.float64)
    order = np.random.default_rng(2).permutation(X.shape[1])
    options = {"batch_size": 7, "val_batch_size": 5}
    x, W = run(build((X, y, Xv, yv), design), **options)
    x_other, W_other = run(build((X[:, order], y, Xv[:, order], yv), design), **options)
    np.testing.assert_allclose(x_other, x, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(W_other, W.reshape(-1, 3)[order].ravel(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_row_weights_and_their_mean(weights):
    data = make_data(3, np.float64)
    problem = build(data, weights=weights)
    x, W = random_point(problem)
    expected, _ = weights_of(weights, x)
    np.testing.assert_allclose(problem.row_weights(x), expected, rtol=1e-14)
    metrics = problem.metrics(x, W)
    assert metrics["mean_weight"] == pytest.approx(expected.mean(), rel=1e-14)
    _, _, Xv, yv = data
    predicted = (Xv @ problem.coef(W)).argmax(axis=1)
    assert metrics["accuracy"] == pytest.approx(np.mean(predicted == yv), rel=1e-14)


def test_starting_points_and_bounds():
    data = make_data(3, np.float32)
    start = {"sigmoid": 0.0, "clip": 0.5, "softmax": 0.0}
    for weights, value in start.items():
        problem = build(data, weights=weights)
        assert (problem.x0 == value).all()
        assert problem.x0.dtype == np.float32
        assert problem.n_x == len(data[1])
        assert problem.default_bounds == ((0.0, 1.0) if weights == "clip" else None)


def test_without_ridge_the_lower_level_is_the_weighted_loss():
    data = make_data(3, np.float64)
    problem = build(data, reg=0)
    x, W = random_point(problem)
    side = Side(data[0], data[1])
    s, _ = weights_of("sigmoid", x)
    expected = side.value(W.reshape(-1, 3), np.arange(len(data[1])), s)
    assert problem.value_lower(x, W) == pytest.approx(expected, rel=1e-12)


@DESIGNS
@pytest.mark.parametrize("weights", WEIGHTS)
def test_corrupted_rows_end_with_less_weight(design, weights):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 260)
    X = rng.standard_normal((260, 7))
    X[np.arange(260), y] += 2.5
    wrong = np.arange(60) < 20
    labels = y.copy()
    labels[:60][wrong] = (y[:60][wrong] + 1) % 3
    problem = build((X[:60], labels[:60], X[60:].copy(), y[60:]), design, weights=weights)
    result = fb.minimize(problem, maxiter=150, inner_steps=10, lr_x=0.2, nu=0.1)
    s = problem.row_weights(result.x)
    assert s[wrong].mean() < 0.6 * s[~wrong].mean()
    assert result.fun < result.history["fun"][0]
