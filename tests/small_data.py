"""Small data sets for the tests of validation."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

import fastbilevel as fb
from fastbilevel._checks.data import check_data

N, M, D, C = 12, 8, 5, 3
RNG = np.random.default_rng(7)
X = RNG.standard_normal((N, D))
XV = RNG.standard_normal((M, D))
Y, YV = np.arange(N) % C, np.arange(M) % C


def data(X=X, y=Y, Xv=XV, yv=YV, **options):
    return check_data(X, y, Xv, yv, **options)


def sparse(X=X):
    return sp.csr_array(np.where(np.abs(X) < 0.7, 0.0, X))


def problem(X=X, Xv=XV, y=Y, yv=YV, **options):
    return fb.problems.LearnToRegularize(X, y, Xv, yv, **options)


def with_value(value, row=4, col=2):
    changed = X.copy()
    changed[row, col] = value
    return changed


def same(got, expected):
    """Both data sets, once canonical, are equal bit for bit."""
    for a, b in zip(got, expected, strict=True):
        a, b = (m.toarray() if sp.issparse(m) else m for m in (a, b))
        np.testing.assert_array_equal(a, b)
