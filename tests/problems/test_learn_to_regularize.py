"""LearnToRegularize against closed forms, and equivalences that hold exactly."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
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

PENALTIES = ("feature", "class", "both", "group")
GROUPS = np.array(["b", "a", "c", "a", "b", "b", "c"])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
DESIGNS = pytest.mark.parametrize("design", ["dense", "csr"])


def build(data, design="dense", **options):
    X, y, Xv, yv = data
    X, Xv = designs(X, Xv)[design]
    if options.get("penalty") == "group":
        options["groups"] = GROUPS
    return fb.problems.LearnToRegularize(X, y, Xv, yv, **options)


def index_of(penalty, d, C):
    """The number in x of the penalty of every entry of W, (d, C)."""
    feature, klass = np.indices((d, C))
    group = np.array([{"a": 0, "b": 1, "c": 2}[name] for name in GROUPS])
    return {
        "feature": feature,
        "class": klass,
        "both": feature * C + klass,
        "group": np.broadcast_to(group[:, None], (d, C)),
    }[penalty]


def formulas(problem, data, penalty, x, y, v, rows):
    """All oracles by their formulas, float64."""
    X, labels, Xv, labels_v = data
    d, C = X.shape[1], problem.classes.size
    train, val = Side(X, labels), Side(Xv, labels_v)
    W, V = (a.astype(float).reshape(d, C) for a in (y, v))
    scale = 1 / (d * C) if problem.reduction == "mean" else 1.0
    index = index_of(penalty, d, C)
    e = scale * np.exp(x.astype(float))[index]
    lower, upper = (rows, rows) if rows is not None else (np.arange(len(X)), np.arange(len(Xv)))
    s, one = np.ones(len(X)), np.ones(len(Xv))

    def collect(values):
        return np.bincount(index.ravel(), weights=values.ravel(), minlength=problem.n_x)

    return {
        "value_lower": train.value(W, lower, s) + 0.5 * np.sum(e * W**2),
        "value_upper": val.value(W, upper, one),
        "grad_lower_y": (train.gradient(W, lower, s) + e * W).ravel(),
        "grad_upper_y": val.gradient(W, upper, one).ravel(),
        "grad_lower_x": collect(0.5 * e * W**2),
        "grad_upper_x": np.zeros(problem.n_x),
        "hvp_lower_yy": (train.hessian_product(W, V, lower, s) + e * V).ravel(),
        "jvp_lower_xy": collect(e * W * V),
    }


@DESIGNS
@DTYPES
@pytest.mark.parametrize("C", [2, 5])
@pytest.mark.parametrize("rows", [None, ROWS], ids=["full", "minibatch"])
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_oracles_are_their_formulas(design, dtype, C, rows, penalty, reduction):
    """On the reference kernels, whose sums are float64."""
    data = make_data(C, dtype)
    problem = interpreted(build(data, design, penalty=penalty, reduction=reduction))
    check_oracles(problem, partial(formulas, problem, data, penalty), rows)


@DESIGNS
@pytest.mark.parametrize(("dtype", "C"), [(np.float32, 2), (np.float64, 3)])
@pytest.mark.parametrize("rows", [None, ROWS], ids=["full", "minibatch"])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_compiled_oracles_are_their_formulas(design, dtype, C, rows, penalty):
    data = make_data(C, dtype)
    problem = build(data, design, penalty=penalty, reduction="sum")
    check_oracles(problem, partial(formulas, problem, data, penalty), rows)


@DESIGNS
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("shared", [True, False])
def test_compiled_run_equals_interpreted_run(design, penalty, shared):
    data = make_data(3, np.float64)
    options = {
        "batch_size": 7,
        "val_batch_size": 5,
        "order": 3,
        "nu": 0.05,
        "shared_samples": shared,
    }
    arguments = {"penalty": penalty, "reduction": "sum"}
    compiled = run(build(data, design, **arguments), **options)
    plain = run(interpreted(build(data, design, **arguments)), **options)
    for a, b in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("sampling", ["blocks", "replacement", "epochs"])
def test_csr_run_equals_dense_run(penalty, sampling):
    data = make_data(3, np.float64)
    options = {"batch_size": 7, "val_batch_size": 5, "sampling": sampling}
    runs = [run(build(data, design, penalty=penalty), **options) for design in ("dense", "csr")]
    for a, b in zip(*runs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@DESIGNS
def test_fused_oracles_equal_the_composed_ones(design):
    """The penalties differ greatly, so that some rows of W decay at once and some hardly."""
    data = make_data(3, np.float64)
    x0 = np.linspace(-6, 1.2, 7)
    options = {"batch_size": 7, "val_batch_size": 5, "order": 4, "x0": x0}
    fused = run(build(data, design, reduction="sum"), **options)
    plain = run(composed(build(data, design, reduction="sum")), **options)
    for a, b in zip(fused, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@DESIGNS
def test_weight_two_is_a_row_that_occurs_twice(design):
    X, y, Xv, yv = make_data(3, np.float64)
    twice, twice_v = np.array([1, 4, 4 + 5]), np.array([0, 2])
    weight, weight_v = np.ones(len(y)), np.ones(len(yv))
    weight[twice], weight_v[twice_v] = 2.0, 2.0
    weighted = build((X, y, Xv, yv), design, sample_weight=weight, sample_weight_val=10 * weight_v)
    repeated = build(
        (
            np.concatenate([X, X[twice]]),
            np.concatenate([y, y[twice]]),
            np.concatenate([Xv, Xv[twice_v]]),
            np.concatenate([yv, yv[twice_v]]),
        ),
        design,
    )
    x, W, v = random_point(weighted, count=2)
    got, expected = (all_oracles(p, x, W, v) for p in (weighted, repeated))
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-12, atol=1e-14, err_msg=name)
    assert weighted.metrics(x, W) == pytest.approx(repeated.metrics(x, W), rel=1e-12)


@DESIGNS
def test_weight_zero_is_a_row_that_is_not_there(design):
    X, y, Xv, yv = make_data(3, np.float64)
    weight = np.ones(len(y))
    weight[20:] = 0.0
    zero = build((X, y, Xv, yv), design, sample_weight=weight)
    short = build((X[:20], y[:20], Xv, yv), design)
    x, W = random_point(zero)
    np.testing.assert_allclose(
        zero.grad_lower_y(x, W), short.grad_lower_y(x, W), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("penalty", ["feature", "both"])
@DESIGNS
def test_order_of_the_features_is_irrelevant(design, penalty):
    X, y, Xv, yv = make_data(3, np.float64)
    d, C = X.shape[1], 3
    order = np.random.default_rng(2).permutation(d)
    one = build((X, y, Xv, yv), design, penalty=penalty)
    other = build((X[:, order], y, Xv[:, order], yv), design, penalty=penalty)
    x, W = run(one, batch_size=7, val_batch_size=5)
    x_other, W_other = run(other, batch_size=7, val_batch_size=5)
    np.testing.assert_allclose(W_other, W.reshape(d, C)[order].ravel(), rtol=1e-9, atol=1e-11)
    moved = x.reshape(d, -1)[order].ravel()
    np.testing.assert_allclose(x_other, moved, rtol=1e-9, atol=1e-11)


def test_strings_as_labels_and_prediction_by_coef():
    X, y, Xv, yv = make_data(3, np.float64)
    names = np.array(["apple", "pear", "plum"])
    problem = build((X, names[y], Xv, names[yv]))
    assert problem.classes.tolist() == names.tolist()
    x, W = random_point(problem)
    predicted = problem.classes[(Xv @ problem.coef(W)).argmax(axis=1)]
    share = float(np.mean(predicted == names[yv]))
    assert problem.metrics(x, W)["accuracy"] == pytest.approx(share, rel=1e-12)


def test_the_layout_inside_is_invertible():
    data = make_data(3, np.float64)
    y = np.arange(21.0)
    for design in ("dense", "csr"):
        problem = build(data, design)
        np.testing.assert_array_equal(problem.unpack_lower(problem.pack_lower(y)), y)
    by_frequency = build(data, "csr").pack_lower(y).reshape(7, 3)
    counts = (np.concatenate([data[0], data[2]]) != 0).sum(axis=0)
    assert (np.diff(counts[(by_frequency[:, 0] / 3).astype(int)]) <= 0).all()


def test_sizes_and_starting_point():
    data = make_data(5, np.float32)
    sizes = {"feature": 7, "class": 5, "both": 35, "group": 3}
    for penalty, n_x in sizes.items():
        problem = build(data, penalty=penalty)
        assert (problem.n_x, problem.n_y) == (n_x, 35)
        assert not problem.x0.any()
        assert not problem.y0.any()
        assert problem.x0.dtype == problem.y0.dtype == np.float32
    assert build(data, penalty="group").group_names.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(("dtype", "C"), [(np.float32, 2), (np.float64, 3)])
def test_fault_39_penalties_stay_finite_at_the_default_bounds(dtype, C):
    problem = build(make_data(C, dtype), reduction="sum")
    _, W = random_point(problem)
    for bound in problem.default_bounds:
        x = np.full(problem.n_x, bound, dtype)
        for name in ("grad_lower_y", "grad_lower_x", "value_lower"):
            assert np.isfinite(getattr(problem, name)(x, W)).all()
    with pytest.warns(UserWarning, match="outside the bounds"):
        x, _ = run(problem, x0=np.resize([1000.0, -1000.0], 7), lr_x=1e-3)
    assert np.abs(x).max() <= 30


@DESIGNS
@pytest.mark.parametrize(("dtype", "C"), [(np.float32, 2), (np.float64, 3)])
def test_fault_41_huge_logits(design, dtype, C):
    data = make_data(C, dtype)
    problem = build(data, design)
    x, W = random_point(problem)
    W = 1e4 * W
    _, _, Xv, yv = data
    Z = Xv.astype(float) @ W.astype(float).reshape(-1, C)
    losses = np.logaddexp.reduce(Z, axis=1) - Z[np.arange(len(yv)), yv]
    assert losses.max() > 1e3
    accuracy = 1e-5 if dtype == np.float32 else 1e-13
    assert problem.value_upper(x, W) == pytest.approx(losses.mean(), rel=accuracy)
    for name in ("grad_lower_y", "grad_upper_y"):
        assert np.isfinite(getattr(problem, name)(x, W)).all()


@DESIGNS
def test_fault_42_separable_data_without_penalty(design):
    """g has no minimiser: W grows without bound, but the run ends by its rules, all finite."""
    X = np.array([[1.0, 0.1], [2.0, -0.1], [-1.0, 0.1], [-2.0, 0.2]] * 5, np.float32)
    y = (X[:, 0] > 0).astype(int)
    problem = build((X[:12], y[:12], X[12:].copy(), y[12:]), design)
    result = fb.minimize(problem, lr_y=50.0, maxiter=200, bounds=(-30, -29), x0=[-30, -30])
    assert result.status in (fb.Status.MAXITER, fb.Status.CONVERGED)
    for array in (result.x, result.y, result.jac, result.history["fun"]):
        assert np.isfinite(array).all()
    assert result.history["accuracy"][-1] == 1.0


@DESIGNS
@pytest.mark.parametrize("n_threads", [1, 2])
def test_learned_penalties_beat_none_on_noisy_features(design, n_threads):
    """Two features carry the class, twenty are noise: their penalties must grow."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    X = rng.standard_normal((300, 22)).astype(np.float32)
    X[:, :2] += 1.5 * (2 * y[:, None] - 1)
    convert = sp.csr_array if design == "csr" else np.ascontiguousarray
    problem = fb.problems.LearnToRegularize(
        convert(X[:40]), y[:40], convert(X[40:].copy()), y[40:], reduction="sum"
    )
    x0 = np.full(22, -4.0)
    start = fb.minimize(problem, x0=x0, maxiter=1, lr_x=1e-9, inner_steps=300, batch_size=40)
    result = fb.minimize(
        problem, x0=x0, maxiter=60, lr_x=0.3, inner_steps=20, batch_size=40, n_threads=n_threads
    )
    assert result.fun < 0.9 * start.fun
    assert result.x[2:].mean() > result.x[:2].max() + 1.0
