"""Small problems written with plain NumPy, independent of the package's kernels."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.special import log_softmax, logsumexp, softmax

import fastbilevel as fb
from fastbilevel import problems
from fastbilevel.problems import Problem


def softmax_oracles(n_features, n_classes):
    """Softmax regression with one penalty exp(x_i) per feature; f is the validation loss.

    g(x, y) = mean cross-entropy of the training rows + 1/2 sum_i exp(x_i) ||W_i||^2, y = W flat.
    """
    shape = (n_features, n_classes)

    def residual(X, labels, y, rows):
        P = softmax(X[rows] @ y.reshape(shape), axis=1)
        P[np.arange(len(rows)), labels[rows]] -= 1.0
        return P

    def gradient(X, labels, y, rows):
        return X[rows].T @ residual(X, labels, y, rows) / len(rows)

    def loss(X, labels, y, rows):
        logp = log_softmax(X[rows] @ y.reshape(shape), axis=1)
        return -np.mean(logp[np.arange(len(rows)), labels[rows]])

    def grad_lower_y(data, x, y, rows):
        X, labels, _, _ = data
        return (gradient(X, labels, y, rows) + np.exp(x)[:, None] * y.reshape(shape)).reshape(-1)

    def grad_upper_y(data, x, y, rows):
        _, _, X, labels = data
        return gradient(X, labels, y, rows).reshape(-1)

    def grad_lower_x(data, x, y, rows):
        return 0.5 * np.exp(x) * np.sum(y.reshape(shape) ** 2, axis=1)

    def hvp_lower_yy(data, x, y, v, rows):
        X, V = data[0][rows], v.reshape(shape)
        P, U = softmax(X @ y.reshape(shape), axis=1), X @ V
        U = P * (U - np.sum(P * U, axis=1, keepdims=True))
        return (X.T @ U / len(rows) + np.exp(x)[:, None] * V).reshape(-1)

    def jvp_lower_xy(data, x, y, v, rows):
        return np.exp(x) * np.sum(y.reshape(shape) * v.reshape(shape), axis=1)

    def value_lower(data, x, y, rows):
        penalty = 0.5 * np.sum(np.exp(x)[:, None] * y.reshape(shape) ** 2)
        return loss(data[0], data[1], y, rows) + penalty

    def value_upper(data, x, y, rows):
        return loss(data[2], data[3], y, rows)

    return {
        "grad_lower_y": grad_lower_y,
        "grad_upper_y": grad_upper_y,
        "grad_lower_x": grad_lower_x,
        "hvp_lower_yy": hvp_lower_yy,
        "jvp_lower_xy": jvp_lower_xy,
        "value_lower": value_lower,
        "value_upper": value_upper,
    }


def softmax_problem(n=60, n_features=8, n_classes=3, *, dtype=np.float64, seed=0, without=()):
    """`softmax_oracles` on random rows, less the oracles named in `without`."""
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((n_features, n_classes))

    def draw(rows):
        X = rng.standard_normal((rows, n_features))
        noise = rng.gumbel(size=(rows, n_classes))
        return X.astype(dtype), np.argmax(X @ truth + noise, axis=1)

    data = (*draw(n), *draw(n // 2))
    oracles = softmax_oracles(n_features, n_classes)
    return Problem(
        data,
        **{name: f for name, f in oracles.items() if name not in without},
        n_lower=n,
        n_upper=n // 2,
        x0=np.full(n_features, -3.0, dtype),
        y0=np.zeros(n_features * n_classes, dtype),
    )


def singular_problem(y0=(0.0, 0.0)):
    """PL1: g = (y_1 - x)^2 / 2 and f = (y_1 - 1)^2 / 2 + (y_2 - x)^2 / 2, phi(x) = (x - 1)^2 / 2.

    Every (x, anything) minimises g.
    """
    first = np.array([1.0, 0.0])
    return Problem(
        None,
        grad_lower_y=lambda data, x, y, rows: (y[0] - x[0]) * first,
        grad_upper_y=lambda data, x, y, rows: np.array([y[0] - 1.0, y[1] - x[0]]),
        grad_lower_x=lambda data, x, y, rows: x - y[0],
        grad_upper_x=lambda data, x, y, rows: x - y[1],
        hvp_lower_yy=lambda data, x, y, v, rows: v[0] * first,
        jvp_lower_xy=lambda data, x, y, v, rows: -v[:1],
        value_lower=lambda data, x, y, rows: 0.5 * (y[0] - x[0]) ** 2,
        value_upper=lambda data, x, y, rows: 0.5 * ((y[0] - 1) ** 2 + (y[1] - x[0]) ** 2),
        x0=[0.0],
        y0=y0,
    )


def log_sum_exp_problem(A, b, x0, y0):
    """g(x, y) = log sum exp(A y - b x) + ||A y||^2 / 2; minimisers differ by A's null space."""

    def weights(x, y):
        return softmax(A @ y - b * x[0])

    return Problem(
        None,
        grad_lower_y=lambda data, x, y, rows: A.T @ (weights(x, y) + A @ y),
        grad_upper_y=lambda data, x, y, rows: A.T @ (A @ y - b),
        grad_lower_x=lambda data, x, y, rows: np.array([-b @ weights(x, y)]),
        value_lower=lambda data, x, y, rows: logsumexp(A @ y - b * x[0]) + np.sum((A @ y) ** 2) / 2,
        x0=x0,
        y0=y0,
    )


def every_problem():
    """A small problem of every class that the package lists, by name, as a function that makes it.

    Raises a KeyError for a class that is listed there and not here.
    """
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((12, 4)), np.arange(12) % 3
    classes = X[:8], y[:8], X[8:], y[8:]
    chain = fb.problems.hard.CarmonChain(3)
    made = {
        "HyperCleaning": lambda: problems.HyperCleaning(*classes),
        "LearnToRegularize": lambda: problems.LearnToRegularize(*classes),
        "LpRegression": lambda: problems.LpRegression(X[:8], X[:8, 0], X[8:], X[8:, 1], 4.0, 0.1),
        "Problem": softmax_problem,
        "Quadratic": problems.Quadratic.random,
        "Nasty": problems.hard.Nasty,
        "PolyakLojasiewicz": problems.hard.PolyakLojasiewicz,
        "Separable": lambda: problems.hard.Separable(chain, probability=0.5),
        "SinePL": problems.hard.SinePL,
        "UniformlyConvex": lambda: problems.hard.UniformlyConvex(4),
        "YStarOracle": lambda: problems.hard.YStarOracle(chain),
        "ZeroChain": problems.hard.ZeroChain,
    }
    return {name: made[name] for name in (*problems.names(), *problems.hard.names())}


def text_problem(n=300, d=60, seed=0):
    """A sparse classifier with a penalty per feature, built in."""
    rng = np.random.default_rng(seed)
    X = sp.random(n, d, 0.2, format="csr", random_state=seed)
    y = rng.integers(0, 3, n)
    half = n // 2
    return fb.problems.LearnToRegularize(X[:half], y[:half], X[half:], y[half:])
