"""What people do who come from SciPy and scikit-learn: a sentence that names it and the way out."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint

import fastbilevel as fb

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4))
Y = np.arange(60) % 3
Learn = fb.problems.LearnToRegularize


def learn(X=X, y=Y, **changes):
    return Learn(X[:40], y[:40], X[40:], y[40:], **changes)


PROBLEM = learn()


def minimize(*values, **changes):
    return fb.minimize(PROBLEM, *values, **{"maxiter": 2} | changes)


def with_indices(**dtypes):
    matrix = sp.csr_array(X[:40])
    for name, dtype in dtypes.items():
        setattr(matrix, name, getattr(matrix, name).astype(dtype))
    return matrix


def with_hole(value):
    changed = X.copy()
    changed[3, 1] = value
    return changed


LARGE = np.array([2**53, 2**53 + 1, 2**53 + 2])[Y]
ONE_HOT = np.eye(3)[Y]
TEXTS = [f"document {i}" for i in range(60)]

# What is done, and words of the sentence: the argument, what is wrong, the way out.
MISTAKES = {
    # Labels and targets.
    "one-hot labels": (lambda: learn(y=ONE_HOT), "y", "argmax"),
    "a column of labels": (lambda: learn(y=Y[:, None]), "y", "(40, 1)", "numpy.ravel(y)"),
    "several labels a row": (lambda: learn(y=np.ones((60, 2), int)), "y", "one class per row"),
    "labels from a generator": (
        lambda: Learn(X[:40], (v for v in Y[:40]), X[40:], Y[40:]), "y", "generator", "list(...)"),
    "byte labels that are not UTF-8": (
        lambda: learn(y=np.array([b"a\xe9", b"b", b"c"])[Y]), "y", "UTF-8", "decode"),
    "None among string labels": (
        lambda: learn(y=[None if v == 0 else "ab"[v - 1] for v in Y]), "y", "missing", "None"),
    "NaN among labels": (lambda: learn(y=np.where(Y == 1, np.nan, Y)), "y", "element 1", "missing"),
    "strings and numbers": (lambda: learn(y=[0, "a"] * 30), "y", "one kind", "int, str"),
    "targets for labels": (lambda: learn(y=X[:, 0]), "y", "not integral", "LpRegression"),
    "labels for targets": (
        lambda: fb.problems.LpRegression(X[:40], ["a"] * 40, X[40:], ["a"] * 20),
        "y", "real numbers", "HyperCleaning"),
    "a label that training lacks": (
        lambda: Learn(X[:40], Y[:40] % 2, X[40:], Y[40:]), "yv", "do not occur in y: 2"),
    "one class": (lambda: learn(y=np.ones(60)), "y", "two classes", "1.0"),
    "sets of labels": (lambda: learn(y=[{1}, {2}] * 30), "y", "one kind", "set"),
    "y left out": (lambda: Learn(X[:40], X[40:]), "Xv and yv", "split"),
    "no validation data": (lambda: Learn(X, Y), "Xv and yv", "train_test_split"),
    "labels in X's place": (lambda: Learn(Y[:40], X[:40], Y[40:], X[40:]), "X", "two axes"),
    # Matrices.
    "a transposed X": (lambda: Learn(X[:40].T, Y[:40], X[40:].T, Y[40:]), "Xv", "features"),
    "a transposed pair": (
        lambda: Learn(X[:40].T, Y[:40], X[:40].T + 1, Y[:40]), "y", "transposed", "X.T"),
    "texts as X": (lambda: Learn(TEXTS[:40], Y[:40], TEXTS[40:], Y[40:]), "X", "TfidfVectorizer"),
    "rows of text": (lambda: learn(X=np.full((60, 2), "a")), "X", "strings", "OneHotEncoder"),
    "images": (lambda: learn(X=np.zeros((60, 2, 2))), "X", "(40, 2, 2)", "X.reshape(len(X), -1)"),
    "one feature": (lambda: learn(X=X[:, 0]), "X", "(40,)", "reshape(-1, 1)"),
    "a ragged list": (
        lambda: Learn([[1], [1, 2]], [0, 1], [[1]], [0]), "X", "differ in length"),
    "rows of sparse matrices": (
        lambda: Learn([sp.csr_array(X[:1])] * 40, Y[:40], X[40:], Y[40:]), "X", "csr_array"),
    "dense and sparse": (
        lambda: Learn(sp.csr_array(X[:40]), Y[:40], X[40:], Y[40:]), "X and Xv", ".toarray()"),
    "other features in validation": (
        lambda: Learn(X[:40], Y[:40], X[40:, :3], Y[40:]), "Xv", "4 features", "3"),
    "training data as validation": (lambda: Learn(X, Y, X, Y), "X and Xv", "separate validation"),
    "NaN": (lambda: learn(X=with_hole(np.nan)), "X", "row 3, col 1", "impute"),
    "overflow": (lambda: learn(X=X * 1e200), "X", "large", "Scale"),
    "float32 that overflows": (lambda: learn(X=X * 1e30, dtype="float32"), "X", "float32", "Scale"),
    "NaN let through": (
        lambda: fb.minimize(learn(X=with_hole(np.nan), check_finite=False), maxiter=2),
        "NaN", "check_finite", "start"),
    "float indptr": (
        lambda: Learn(with_indices(indptr=float), Y[:40], sp.csr_array(X[40:]), Y[40:]),
        "X.indptr", "float64"),
    "float indices": (
        lambda: Learn(with_indices(indices=float), Y[:40], sp.csr_array(X[40:]), Y[40:]),
        "X.indices", "float64"),
    "a masked matrix": (lambda: learn(X=np.ma.masked_invalid(X)), "X", "masked", "filled"),
    "float16 for speed": (lambda: learn(dtype="float16"), "dtype", "float32 or float64"),
    # Options of problems.
    "an array of penalties": (
        lambda: learn(penalty=np.array(["feature", "class"])), "penalty", "feature, class, both"),
    "a misspelt penalty": (lambda: learn(penalty="Feature"), "penalty", "Did you mean 'feature'"),
    "groups without penalty": (lambda: learn(groups=[0, 0, 1, 1]), "groups", "penalty='group'"),
    "alpha": (
        lambda: fb.problems.HyperCleaning(X, Y, X, Y, alpha=1.0), "'alpha'", "reg"),
    "sample_weights": (lambda: learn(sample_weights=np.ones(40)), "sample_weight_val"),
    "weights for all rows": (lambda: learn(sample_weight=np.ones(60)), "sample_weight", "(40,)"),
    "negative weights": (lambda: learn(sample_weight=-np.ones(40)), "sample_weight", "element 0"),
    # Starting points and bounds.
    "a masked x0": (
        lambda: minimize(np.ma.masked_array(np.zeros(4), mask=[1, 0, 0, 0])), "x0", "masked"),
    "the method in x0's place": (lambda: minimize("f2sa"), "x0", "'f2sa'"),
    "an (n, 1) x0": (lambda: minimize(np.zeros((4, 1))), "x0", "(4, 1)", "numpy.ravel(x0)"),
    "a number for x0": (lambda: minimize(0.0), "x0", "4 elements"),
    "a transposed y0": (lambda: minimize(y0=np.zeros((3, 4))), "y0", "(3, 4)", "y0.T"),
    "a transposed W": (lambda: PROBLEM.coef(np.zeros((3, 4))), "y", "(3, 4)", "Transpose"),
    "a complex x0": (lambda: minimize(np.zeros(4, complex)), "x0", "complex", "real part"),
    "bounds for three": (lambda: minimize(bounds=[(0, 1)] * 3), "bounds", "3 pairs", "4 elements"),
    "crossed bounds": (lambda: minimize(bounds=Bounds(1, 0)), "bounds", "lower <= upper"),
    "two pairs for two": (
        lambda: fb.minimize(fb.problems.Quadratic.random(2, 2), bounds=[(0, 1), (0, 1)]),
        "bounds", "Box(lower, upper)", "zip(*pairs)"),
    "zipped bounds": (
        lambda: minimize(bounds=zip([0] * 4, [1] * 4, strict=True)), "bounds", "list(...)"),
    "a linear constraint": (
        lambda: minimize(bounds=LinearConstraint(np.ones((1, 4)), 0, 1)), "bounds", "projections"),
    # Options of methods and of minimize.
    "lr": (lambda: fb.F2SA(lr=3), "'lr'", "lr_x"),
    "a negative step": (lambda: fb.F2SA(lr_x=-3), "lr_x", "positive", "-3"),
    "a quoted number": (lambda: fb.F2SA(lr_x="0.1"), "lr_x", "number", "quotes"),
    "options by place": (lambda: fb.F2SA(0.1), "F2SA", "by name"),
    "a class of options": (lambda: minimize(method=fb.F2SA), "method", "object of the class"),
    "a class of schedules": (lambda: minimize(lr_x=fb.schedules.Power), "lr_x", "class Power"),
    "a schedule that returns None": (lambda: minimize(lr_x=lambda k: None), "lr_x", "None"),
    "a schedule that returns an array": (
        lambda: minimize(lr_x=lambda k: np.ones(2)), "lr_x", "shape (2,)"),
    "max_iter": (lambda: minimize(max_iter=10), "'max_iter'", "maxiter"),
    "random_state": (lambda: minimize(random_state=0), "'random_state'", "seed"),
    "verbose": (lambda: minimize(verbose=1), "'verbose'", "progress"),
    "n_jobs": (lambda: minimize(n_jobs=2), "'n_jobs'", "n_threads"),
    "options={...}": (lambda: minimize(options={"maxiter": 5}), "'options'", "one by one"),
    "learning_rate": (lambda: minimize(learning_rate=0.1), "'learning_rate'", "lr_x"),
    "maxiter as a float": (lambda: minimize(maxiter=1e3), "maxiter", "integer", "Write 1000"),
    "a batch as a share": (lambda: minimize(batch_size=0.1), "batch_size", "integer", "0.1"),
    "a batch beyond the rows": (lambda: minimize(batch_size=64), "batch_size", "40 rows"),
    "a RandomState": (lambda: minimize(seed=np.random.RandomState(0)), "seed", "Generator"),
    "a callback that returns x": (
        lambda: minimize(record_every=1, callback=lambda x: x), "callback", "True", "(4,)"),
    "a callback that returns a loss": (
        lambda: minimize(record_every=1, callback=lambda x: 0.5), "callback", "True", "0.5"),
    "a function for a problem": (lambda: fb.minimize(lambda x: x, X), "problem", "Problem(...)"),
    "a class for a problem": (lambda: fb.minimize(fb.problems.Quadratic), "problem", "Quadratic"),
    "a mask for rows": (
        lambda: PROBLEM.value_lower(np.zeros(4), np.zeros(12), rows=np.ones(40, bool)),
        "rows", "flatnonzero"),
    "a method of SciPy": (lambda: minimize(method="L-BFGS-B"), "method", "'L-BFGS-B'"),
}  # fmt: skip


def test_there_are_enough():
    assert len(MISTAKES) >= 43


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_answered(mistake):
    call, *words = MISTAKES[mistake]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", fb.ConditioningWarning)
        with pytest.raises((TypeError, ValueError, UserWarning)) as caught:
            call()
    sentence = str(caught.value)
    assert [word for word in words if word not in sentence] == [], sentence
    assert sentence.endswith((".", "?"))


def test_integers_are_compared_exactly():
    """2^53 and 2^53 + 1 are one float, but two labels."""
    problem = Learn(X[:40], LARGE[:40], X[40:], LARGE[40:].astype(np.uint64))
    assert problem.classes.tolist() == [2**53, 2**53 + 1, 2**53 + 2]
    np.testing.assert_array_equal(problem._sides[1].labels, Y[40:])


def test_weights_near_the_end_of_the_range_are_weights():
    for size in (1e308, 5e-324):
        problem = learn(sample_weight=np.full(40, size))
        np.testing.assert_array_equal(problem._sides[0].weight, 1.0)
