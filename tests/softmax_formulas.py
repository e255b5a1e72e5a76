"""Softmax regression in plain float64 NumPy: the closed forms that problems are tested against."""

from __future__ import annotations

from functools import partial

import numpy as np
import scipy.sparse as sp

import fastbilevel as fb
from fastbilevel.kernels import reference
from fastbilevel.problems.base import BilevelProblem
from fastbilevel.problems.oracle_table import SIMPLE

ROWS = np.array([3, 0, 3, 11, 7, 5], np.int64)


class Side:
    """Mean cross-entropy of weighted rows, and its derivatives.

    Parameters
    ----------
    X : (n, d) array
    labels : (n,) int array
    weight : (n,) array
        Row weights of any scale.
    """

    def __init__(self, X, labels, weight=None):
        self.X, self.labels = np.asarray(X, float), labels
        weight = np.ones(len(labels)) if weight is None else np.asarray(weight, float)
        self.weight = weight / weight.mean()

    def probabilities(self, W, rows):
        Z = self.X[rows] @ W
        P = np.exp(Z - Z.max(axis=1, keepdims=True))
        return P / P.sum(axis=1, keepdims=True)

    def losses(self, W, rows):
        return -np.log(self.probabilities(W, rows)[np.arange(len(rows)), self.labels[rows]])

    def residuals(self, W, rows):
        P = self.probabilities(W, rows)
        P[np.arange(len(rows)), self.labels[rows]] -= 1
        return P

    def value(self, W, rows, s):
        return np.mean(self.weight[rows] * s[rows] * self.losses(W, rows))

    def gradient(self, W, rows, s):
        c = self.weight[rows] * s[rows] / len(rows)
        return self.X[rows].T @ (c[:, None] * self.residuals(W, rows))

    def hessian_product(self, W, V, rows, s):
        c = self.weight[rows] * s[rows] / len(rows)
        P, U = self.probabilities(W, rows), self.X[rows] @ V
        U = P * U - P * (P * U).sum(axis=1, keepdims=True)
        return self.X[rows].T @ (c[:, None] * U)


def make_data(C, dtype, seed=0, n=24, m=15, d=7):
    """X, y, Xv, yv with half of the entries zero; every class occurs in y."""
    rng = np.random.default_rng(seed)
    both = rng.standard_normal((n + m, d)) * (rng.random((n + m, d)) < 0.5)
    both = both.astype(dtype)
    y = np.concatenate([np.arange(C), rng.integers(0, C, n - C)])
    return both[:n], y, both[n:].copy(), rng.integers(0, C, m)


def designs(X, Xv):
    """The same data dense and sparse."""
    return {"dense": (X, Xv), "csr": (sp.csr_array(X), sp.csr_array(Xv))}


def interpreted(problem):
    """`problem` on the reference kernels, its texts run by Python."""
    problem.kernels, problem.compiled = reference, False
    return problem


def random_point(problem, seed=1, count=1):
    """x inside the default bounds, and `count` lower variables."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.1, 0.9, problem.n_x).astype(problem.dtype)
    return x, *rng.standard_normal((count, problem.n_y)).astype(problem.dtype)


def check_oracles(problem, formulas, rows):
    """Every oracle equals its formula, leaves its inputs alone and returns the right shape.

    `formulas(x, y, v, rows)` gives all values by name.
    """
    x, y, v = random_point(problem, count=2)
    expected = formulas(x, y, v, rows)
    assert problem.oracles == expected.keys()
    kept = [a.copy() for a in (x, y, v)]
    for name, value in expected.items():
        extra = (v,) if SIMPLE[name].is_product else ()
        got = getattr(problem, name)(x, y, *extra, rows=rows)
        np.testing.assert_allclose(got, value, err_msg=name, **tolerance(problem.dtype))
        assert np.shape(got) == np.shape(value)
    for a, b in zip((x, y, v), kept, strict=True):
        np.testing.assert_array_equal(a, b)


def all_oracles(problem, x, y, v):
    """The values of all oracles on the full data, by name."""
    return {
        name: getattr(problem, name)(x, y, *((v,) if SIMPLE[name].is_product else ()))
        for name in sorted(problem.oracles)
    }


def composed(problem):
    """`problem` with fused oracles composed of its simple ones, interpreted.

    Composed oracles keep the offsets of a group one after the other, not interleaved.
    """
    problem.lower_shape = (1, problem.n_y)
    problem.fused_texts = partial(BilevelProblem.fused_texts, problem)
    return interpreted(problem)


def tolerance(dtype, factor=200):
    """Relative to values of about 1."""
    return {"rtol": factor * np.finfo(dtype).eps, "atol": factor * np.finfo(dtype).eps}


def run(problem, **options):
    """A short run of F2SA-p; the last iterates."""
    options = {"maxiter": 3, "inner_steps": 4, "lr_y": 0.3, "lr_x": 0.1, "seed": 3} | options
    result = fb.minimize(problem, method="f2sa-p", record_every=10, **options)
    return result.x_last, result.y_last
