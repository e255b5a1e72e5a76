"""Squared penalties: closed forms, derivatives, and Numba against the NumPy text."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

import fastbilevel.kernels.cpu.penalty as cpu
import fastbilevel.kernels.reference.penalty as reference

BOTH = pytest.mark.parametrize("k", [reference, cpu], ids=["reference", "cpu"])
SCALE, NU = 0.3, 0.05


class Layout(NamedTuple):
    """Which coefficient each position of a (rows, cols) iterate belongs to."""

    row_index: np.ndarray
    col_index: np.ndarray
    n: int
    cols: int
    C: int

    def positions(self):
        return self.row_index[:, None] + np.broadcast_to(self.col_index, self.cols)


def layouts():
    d, C = 6, 5
    feature, klass = np.arange(d), np.arange(C)
    group = np.array([0, 2, 1, 1, 0, 2])
    zero = np.zeros(1, np.int64)
    return {
        # rows are features, columns are classes
        "sparse feature": Layout(np.array([3, 1, 0, 5, 4, 2]), zero, d, C, C),
        "sparse class": Layout(np.zeros(d, np.int64), klass, C, C, C),
        "sparse both": Layout(feature[::-1] * C, klass, d * C, C, C),
        "sparse group": Layout(group, zero, 3, C, C),
        # one row, W transposed
        "dense feature": Layout(zero, np.tile(feature, C), d, d * C, C),
        "dense class": Layout(zero, np.repeat(klass, d), C, d * C, C),
        "dense one": Layout(zero, zero, 1, d * C, C),
    }


@pytest.fixture(params=layouts().values(), ids=layouts().keys())
def layout(request):
    return request.param


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request):
    return request.param


def values(k, layout, x, learned=True):
    out = np.empty((layout.row_index.size, layout.col_index.size))
    e = np.empty(layout.n)
    k.penalty_values(learned, layout.row_index, layout.col_index, SCALE, x, e, out)
    return out


def products(k, layout, x, u, v):
    out, total = np.empty_like(x), np.empty(x.size)
    k.penalty_products(layout.row_index, layout.col_index, SCALE, x, u, v, total, out)
    return out


def hypergradient(k, layout, x, Y, alpha, g):
    out, total = np.empty_like(x), np.empty(x.size)
    k.penalty_gradient(
        layout.row_index, layout.col_index, SCALE, x, Y, alpha, NU, total, out, g, layout.C
    )
    return out


def random(layout, dtype, *leading, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, layout.n).astype(dtype)
    size = layout.row_index.size * layout.cols
    return x, rng.standard_normal((*leading, size)).astype(dtype)


@BOTH
def test_values_are_scaled_exponentials_at_their_positions(k, layout, dtype):
    x, _ = random(layout, dtype, 1)
    expected = SCALE * np.exp(x.astype(float))[layout.positions()]
    np.testing.assert_allclose(
        np.broadcast_to(values(k, layout, x), expected.shape), expected, rtol=1e-14
    )
    assert (values(k, layout, x, learned=False) == SCALE).all()


@BOTH
def test_a_fixed_penalty_does_not_read_x(k):
    layout = layouts()["dense one"]
    assert values(k, layout, np.empty(0), learned=False) == SCALE


@BOTH
@pytest.mark.parametrize("n", [1, 7, 8, 19])
@pytest.mark.parametrize("largest", [709.0, 709.5, 710.0])
def test_values_over_the_whole_range_of_exp(k, n, largest, dtype):
    x = np.resize([0.0, -700.0, largest, 1.0, -30.0, np.nan, 30.0, -800.0, 88.0], n).astype(dtype)
    rows = np.arange(n)
    out, e = np.empty((n, 1)), np.empty(n)
    with np.errstate(over="ignore"):
        k.penalty_values(True, rows, np.zeros(1, np.int64), 1.0, x, e, out)
        expected = np.exp(x.astype(float))
    np.testing.assert_allclose(out[:, 0], expected, rtol=1e-14)


@BOTH
def test_value_and_gradient_are_those_of_half_the_weighted_square(k, layout, dtype):
    x, (w, start) = random(layout, dtype, 2)
    e = (SCALE * np.exp(x.astype(float)))[layout.positions()].reshape(-1)
    placed = values(k, layout, x)
    value = np.ones(1)
    k.add_penalty(placed, w, value)
    assert value[0] - 1 == pytest.approx(0.5 * e @ w.astype(float) ** 2, rel=1e-13)
    out = start.copy()
    k.add_penalty_gradient(placed, w, out)
    np.testing.assert_allclose(out, start + e * w, rtol=0, atol=8 * np.finfo(dtype).eps)


@BOTH
def test_products_are_the_derivatives_in_x(k, layout):
    x, (w, v) = random(layout, np.float64, 2)

    def value(x):
        out = np.zeros(1)
        k.add_penalty(values(k, layout, x), w, out)
        return out[0]

    def slope(x):
        out = np.zeros_like(w)
        k.add_penalty_gradient(values(k, layout, x), w, out)
        return out @ v

    h = 1e-5
    for function, got in (
        (value, 0.5 * products(k, layout, x, w, w)),
        (slope, products(k, layout, x, w, v)),
    ):
        numeric = [(function(x + h * e) - function(x - h * e)) / (2 * h) for e in np.eye(x.size)]
        np.testing.assert_allclose(got, numeric, atol=1e-9)


@BOTH
@pytest.mark.parametrize("alpha", [[[-0.5, 0.5]], [[-0.1, 0.6], [-0.6, 0.1]], [[-1.0], [1.0]]])
def test_hypergradient_combines_the_gradients_of_all_offsets(k, layout, dtype, alpha):
    alpha = np.array(alpha)
    n_groups, g = alpha.shape
    x, flat = random(layout, dtype, n_groups * g)
    rows = layout.row_index.size
    iterates = flat.reshape(n_groups, g, rows, layout.cols)
    Y = np.ascontiguousarray(iterates.transpose(0, 2, 1, 3)).reshape(n_groups, -1)
    exact = sum(
        alpha[a, j] * 0.5 * products(reference, layout, x.astype(float), *([w.astype(float)] * 2))
        for a in range(n_groups)
        for j, w in enumerate(iterates[a].reshape(g, -1))
    )
    exact = exact / NU
    got = hypergradient(k, layout, x, Y, alpha, g)
    assert got.dtype == dtype
    scale = np.abs(exact).max()
    np.testing.assert_allclose(got, exact, rtol=0, atol=8 * np.finfo(dtype).eps * scale)


@BOTH
def test_offsets_that_differ_little_do_not_cancel(k):
    """Float32 iterates a few ulps apart: the squares alone would lose every digit."""
    layout = layouts()["sparse feature"]
    rng = np.random.default_rng(3)
    w = rng.uniform(1, 2, (layout.row_index.size, layout.cols)).astype(np.float32)
    step = rng.integers(-3, 4, w.shape) * np.float32(2.0**-23)
    pair = np.stack([w, w + step], axis=1).reshape(1, -1)
    x = np.zeros(layout.n, np.float32)
    a, b = w.astype(float), (w + step).astype(float)
    rows = ((b - a) * (b + a)).sum(axis=1)
    exact = np.empty(layout.n)
    exact[layout.row_index] = SCALE / (2 * NU) * 0.5 * rows
    got = hypergradient(k, layout, x, pair, np.array([[-0.5, 0.5]]), 2)
    np.testing.assert_allclose(got, exact, rtol=1e-6, atol=0)


@BOTH
def test_nan_reaches_its_own_coefficient(k):
    layout = layouts()["sparse feature"]
    x, Y = random(layout, np.float32, 1, seed=4)
    Y = np.concatenate([Y, Y], axis=1)
    Y[0, -1] = np.nan
    got = hypergradient(k, layout, x, Y, np.array([[-0.5, 0.5]]), 2)
    assert np.flatnonzero(np.isnan(got)).tolist() == [layout.row_index[-1]]


def test_cpu_equals_reference_on_read_only_arrays(layout, dtype):
    x, flat = random(layout, dtype, 2)
    for array in (x, flat, layout.row_index, layout.col_index):
        array.flags.writeable = False
    u, v = flat
    tolerance = {"rtol": 8 * np.finfo(dtype).eps, "atol": 8 * np.finfo(dtype).eps}
    np.testing.assert_allclose(values(cpu, layout, x), values(reference, layout, x), rtol=1e-14)
    np.testing.assert_allclose(
        products(cpu, layout, x, u, v), products(reference, layout, x, u, v), **tolerance
    )
