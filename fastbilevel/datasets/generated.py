"""Synthetic text: sparse rows with the statistics of a bag of words."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from fastbilevel._checks.matrices import check_dtype
from fastbilevel._checks.values import check_integer, check_number, check_seed

from .digits import Labelled

# Fitted to 20 Newsgroups: the share of the nonzeros that the most frequent 10, 50, ... 40,000
# words hold, the spread of the row lengths, and the accuracy of a linear classifier.
ZIPF_EXPONENT = 1.2
ZIPF_SHIFT = 15.0
LENGTH_SPREAD = 0.75
TOPIC_SHARE = 0.15


def make_text(
    n: int = 11_293,
    d: int = 73_686,
    classes: int = 20,
    nnz: float = 134,
    seed: int | np.random.Generator | None = 0,
    *,
    dtype: DTypeLike = np.float64,
) -> Labelled:
    """Sparse rows that look like word counts of documents; the defaults have 20 Newsgroups' shape.

    Words follow a Zipf-Mandelbrot law, P(rank r) proportional to (r + 15)^-1.2; document lengths
    are log-normal; a share of the words of a document comes from its class's own part of the
    vocabulary (every `classes`-th rank). Entries are word counts, each row divided by its
    Euclidean norm. Columns are in random order, as an alphabetical vocabulary is.

    Parameters
    ----------
    n, d, classes : int
        Rows, columns, classes; the classes are of equal size up to one row.
    nnz : float
        Mean number of nonzeros in a row, about; at most d / 2 (close to that limit the long rows
        are cut and the mean comes out lower).
    seed : int, Generator or None
        Argument of `numpy.random.default_rng`.
    dtype : float32 or float64
        Type of the entries.

    Returns
    -------
    Labelled
        `X` csr_matrix (n, d) with sorted int32 indices, no duplicates, no empty row;
        `y` int64 (n,) in 0..classes-1.
    """
    import scipy.sparse as sp

    n, d = check_integer("n", n, 1), check_integer("d", d, 1)
    classes = check_integer("classes", classes, 2)
    nnz, dtype = check_number("nnz", nnz, least=1), check_dtype(dtype)
    _check_sizes(n, d, classes, nnz)
    rng = np.random.default_rng(check_seed("seed", seed))
    y = rng.permutation(np.arange(n) % classes)
    background, topic = _word_law(d), _word_law(-(-d // classes))
    tokens = _tokens(rng, background, n, d, nnz)
    rows = np.repeat(np.arange(n), tokens)
    ranks = np.searchsorted(background, rng.random(rows.size))
    own = rng.random(rows.size) < TOPIC_SHARE
    own_ranks = np.searchsorted(topic, rng.random(np.count_nonzero(own)))
    # The last ranks of the topics may lie beyond d when d is no multiple of `classes`.
    ranks[own] = np.minimum(own_ranks * classes + y[rows[own]], d - 1)
    columns = rng.permutation(d)[ranks]
    X = sp.csr_matrix((np.ones(rows.size), (rows, columns)), shape=(n, d))
    X.sum_duplicates()
    norms = np.sqrt(np.add.reduceat(X.data**2, X.indptr[:-1]))
    X.data /= np.repeat(norms, np.diff(X.indptr))
    return Labelled(X.astype(dtype), y)


def _check_sizes(n: int, d: int, classes: int, nnz: float) -> None:
    if n < classes:
        raise ValueError(f"n must be at least classes, {classes}: a row for each; got {n}.")
    if nnz > d / 2:
        raise ValueError(
            f"nnz must be at most d / 2, the mean number of nonzeros of rows of {d}; got {nnz:g}."
        )


def _word_law(size: int) -> np.ndarray:
    """Cumulated probabilities of the ranks 0..size-1, float64, the last one exactly 1."""
    weights = (np.arange(1, size + 1) + ZIPF_SHIFT) ** -ZIPF_EXPONENT
    law = np.cumsum(weights)
    return law / law[-1]


def _tokens(rng: np.random.Generator, law: np.ndarray, n: int, d: int, nnz: float) -> np.ndarray:
    """Words to draw for each row, so that about `nnz` distinct ones come out on average.

    T draws give sum_r 1 - (1 - p_r)^T distinct words; the row's log-normal length is sent through
    the inverse of that function.
    """
    spread = LENGTH_SPREAD
    lengths = nnz * rng.lognormal(-0.5 * spread**2, spread, n)
    never = np.log1p(-np.diff(law, prepend=0.0))
    draws = np.geomspace(1, 1000 * d, 80)
    distinct = np.array([-np.expm1(count * never).sum() for count in draws])
    wanted = np.clip(lengths, 1.0, d / 2)
    return np.maximum(1, np.rint(np.interp(wanted, distinct, draws))).astype(np.int64)
