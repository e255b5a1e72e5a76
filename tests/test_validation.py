"""Bad values, shapes, labels, weights and options: by the numbers of the list of faults."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from small_data import XV, YV, C, D, M, N, X, Y, data, problem, sparse, with_value

import fastbilevel as fb
from fastbilevel._checks import data as _validation
from fastbilevel._checks import dense as _validation_dense


@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
def test_fault_1_nan_in_X(convert):
    with pytest.raises(ValueError, match=r"X contains NaN \(first at row 4, col 2\)"):
        data(X=convert(with_value(np.nan)), Xv=convert(XV))
    with pytest.raises(ValueError, match=r"Xv contains NaN \(first at row 4, col 2\)"):
        data(X=convert(X), Xv=convert(with_value(np.nan)), yv=Y)
    assert np.isnan(data(X=with_value(np.nan), check_finite=False).X[4, 2])


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_fault_2_infinity_in_X(value):
    with pytest.raises(ValueError, match=r"X contains infinity \(first at row 4, col 2\)"):
        data(X=with_value(value))


def test_fault_2_a_value_too_large_for_float32_is_infinite():
    with pytest.raises(ValueError, match="X contains infinity"):
        data(X=with_value(1e39), dtype=np.float32)


def test_fault_1_is_found_beyond_the_first_piece(monkeypatch):
    monkeypatch.setattr(_validation_dense, "PIECE", 2 * D)
    with pytest.raises(ValueError, match="row 11, col 4"):
        data(X=with_value(np.nan, 11, 4))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_fault_3_nan_in_y(value):
    y = Y.astype(float)
    y[3] = value
    with pytest.raises(ValueError, match="y must be finite; element 3"):
        data(y=y)
    with pytest.raises(ValueError, match="yv must be finite; element 3"):
        data(yv=y[:M])


@pytest.mark.parametrize("name", ["x0", "y0"])
def test_fault_4_nan_in_the_starting_point(name):
    start = np.zeros(D if name == "x0" else D * C)
    start[1] = np.nan
    with pytest.raises(ValueError, match=f"{name} must be finite; element 1"):
        fb.minimize(problem(), **{name: start})


@pytest.mark.parametrize("shape", [(N * D,), (N, D, 1)])
def test_fault_5_X_without_two_axes(shape):
    with pytest.raises(ValueError, match=r"X must have two axes.*Reshape"):
        data(X=X.reshape(shape))


@pytest.mark.parametrize(("shape", "what"), [((0, D), "sample"), ((N, 0), "feature")])
@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
def test_fault_6_nothing_in_X(shape, what, convert):
    with pytest.raises(ValueError, match=rf"X has 0 {what}\(s\)"):
        data(X=convert(np.empty(shape)), Xv=convert(XV))


def test_fault_7_number_of_labels():
    with pytest.raises(ValueError, match=r"y must have one label per row of X, .*; got 11"):
        data(y=Y[:-1])
    with pytest.raises(ValueError, match="yv must have one label per row of Xv"):
        data(yv=Y)


def test_fault_8_other_features_in_validation():
    with pytest.raises(ValueError, match="Xv must have the 5 features of X; it has 4"):
        data(Xv=XV[:, :4])


@pytest.mark.parametrize(
    "pair",
    [(X, X), (X, X[: M + 1]), (X[2:], X[:4]), (sparse(), None)],
    ids=["same object", "a part", "overlap", "same sparse"],
)
def test_fault_9_validation_shares_memory_with_training(pair):
    train, val = pair if pair[1] is not None else (pair[0], pair[0])
    with pytest.warns(UserWarning, match="share memory") as caught:
        data(X=train, y=Y[: train.shape[0]], Xv=val, yv=Y[: val.shape[0]])
    assert caught[0].filename == data.__code__.co_filename


def test_fault_9_two_parts_of_one_array_are_fine():
    both = np.concatenate([X, XV])
    data(X=both[:N], Xv=both[N:])
    data(X=both[::2], y=Y[:10], Xv=both[1::2], yv=Y[:10])


@pytest.mark.parametrize(
    "names",
    [
        np.array(["b", "a", "c"]),
        np.array(["b", "a", "c"], object),
        np.array([b"b", b"a", b"c"]),
        np.array([-5, -7, 900]),
        np.array([2.0, 1.0, 5.0]),
        np.array([250, 3, 255], np.uint8),
    ],
    ids=["strings", "objects", "bytes", "negative with gaps", "integral floats", "unsigned"],
)
def test_fault_10_labels_of_any_kind_are_numbered(names):
    got = data(y=names[Y], yv=names[YV])
    place = np.argsort(np.argsort(names.astype(str) if names.dtype == object else names))
    np.testing.assert_array_equal(got.labels, place[Y])
    np.testing.assert_array_equal(got.labels_v, place[YV])
    assert got.labels.dtype == np.int32
    assert got.classes.size == C


def test_fault_10_booleans_and_lists_are_labels():
    got = data(y=[bool(v % 2) for v in range(N)], yv=[True] * M)
    assert got.classes.tolist() == [False, True]
    assert (got.labels_v == 1).all()


def test_fault_10_class_of_the_validation_data_without_training_rows():
    with pytest.raises(ValueError, match="do not occur in y: 7, 9"):
        data(yv=np.array([0, 1, 2, 9, 7, 9, 0, 0]))


def test_fault_10_labels_of_two_kinds():
    with pytest.raises(TypeError, match="one kind"):
        data(yv=YV.astype(str))
    with pytest.raises(TypeError, match="one kind"):
        data(y=np.array([0, "a", 1.0] * 4, object))


def test_fault_11_one_class():
    with pytest.raises(ValueError, match="at least two classes; all its labels are 4"):
        data(y=np.full(N, 4), yv=np.full(M, 4))


def test_fault_12_labels_that_are_not_integral():
    y = Y + 0.5
    with pytest.raises(TypeError, match=r"element 0 is 0\.5, which is not integral"):
        data(y=y, yv=y[:M])


@pytest.mark.parametrize("name", ["sample_weight", "sample_weight_val"])
@pytest.mark.parametrize(
    ("value", "error", "what"),
    [
        (-1.0, ValueError, "not negative; element 2 is -1"),
        (np.nan, ValueError, "element 2 is nan"),
        (np.inf, ValueError, "element 2 is inf"),
    ],
)
def test_row_weights_must_be_finite_and_not_negative(name, value, error, what):
    weights = np.ones(N if name == "sample_weight" else M)
    weights[2] = value
    with pytest.raises(error, match=f"{name} must be finite and {what}" if "not" in what else what):
        data(**{name: weights})


def test_row_weights_have_mean_one_and_may_be_zero():
    weights = np.arange(N)
    got = data(sample_weight=weights).weight
    np.testing.assert_allclose(got, weights / weights.mean(), rtol=1e-15)
    with pytest.raises(ValueError, match="zero everywhere"):
        data(sample_weight=np.zeros(N))
    with pytest.raises(ValueError, match=r"shape \(12,\)"):
        data(sample_weight=np.ones(N - 1))
    with pytest.raises(TypeError, match="real numbers"):
        data(sample_weight=["heavy"] * N)


def test_options_of_the_problems():
    with pytest.raises(ValueError, match=r"penalty must be one of.*'feature'\?"):
        problem(penalty="features")
    with pytest.raises(ValueError, match="reduction must be one of mean, sum"):
        problem(reduction="max")
    with pytest.raises(ValueError, match="groups must name the group of each of the 5 features"):
        problem(penalty="group")
    with pytest.raises(ValueError, match="one element per feature, 5; got 4"):
        problem(penalty="group", groups=[0, 1, 1, 0])
    with pytest.raises(ValueError, match="penalty='group' only"):
        problem(groups=np.zeros(D))
    cleaning = fb.problems.HyperCleaning
    with pytest.raises(ValueError, match="weights must be one of sigmoid, clip, softmax"):
        cleaning(X, Y, XV, YV, weights="relu")
    with pytest.raises(ValueError, match="reg must be finite and not negative"):
        cleaning(X, Y, XV, YV, reg=-1.0)
    with pytest.raises(TypeError, match="reg must be a number"):
        cleaning(X, Y, XV, YV, reg="small")


def test_good_data_give_no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(data(), _validation.Data)
        assert isinstance(data(X=sparse(), Xv=sparse(XV)), _validation.Data)
