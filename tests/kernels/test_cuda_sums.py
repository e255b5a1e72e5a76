"""CUDA kernels on sizes that need several blocks, pieces or teams.

The same bits come out in whatever order threads and blocks run.
"""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from backends import array_library, kernels_of
from kernel_cases import DTYPES, Case, assert_same, outcome

N, M = 3000, 2500
DEVICES = ["emulated", pytest.param("cuda", marks=pytest.mark.gpu)]
EACH_DTYPE = pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])


def kernel(backend, name):
    family, function = name.split(".")
    home = importlib.import_module(f"{kernels_of(backend).__name__}.{family}")
    return getattr(home, function)


def random(dtype, *shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def repeating_rows():
    """Rows of which most occur more than once, and one very often."""
    rows = np.random.default_rng(1).integers(0, N, M)
    rows[100:200] = 7
    return rows


def vectors(dtype):
    x, y = random(dtype, 2, N)
    yield "powers.add_norm", Case((x, 2.5, 0.3, np.ones(1)), 64)
    yield "quadratic.add_dot", Case((x, y, 0.3, np.ones(1)), 64)
    yield "chain.carmon_value", Case((x, 3.0, 0.8, np.ones(1)), 64)
    yield "chain.path_value", Case((x, 0.5, np.ones(1)), 64)
    yield "chain.tail_value", Case((x[:1], x, np.ones(1)), 64)
    yield "chain.progress", Case((x, 3.0), 0)
    yield "chain.hide_next", Case((x, 3.0, np.arange(M), 0.3, 11, 12, y))


def weights(dtype):
    rows, given = repeating_rows(), np.linspace(0, 2, N).astype(dtype)
    x, terms = random(dtype, N), random(np.float64, M, seed=2)
    for kind in range(4):
        arguments = kind, x, 8.4, given, rows
        yield "weights.shift_of", Case((kind, x, np.ones(1)), 64)
        yield "weights.weighted_sum", Case((*arguments, terms, 0.3, np.ones(1)), 64)
        yield "weights.weight_gradient", Case((*arguments, terms, 0.3, np.ones(N, dtype)), 64)
    for kind in range(3):
        case = Case((kind, x, given, rows, terms, 2.5, 0.3, np.ones(N, dtype)), 64)
        yield "powers.weight_gradient", case


def shifts(dtype):
    """Numbers that are not finite, and shares of a block that are all minus infinity."""
    for bad in (np.nan, np.inf, -np.inf):
        x = random(dtype, N)
        x[N - 2] = bad
        yield "weights.shift_of", Case((3, x, np.ones(1)), 64)
    x = np.full(N, -np.inf, dtype)
    x[N // 2] = 1.5
    yield "weights.shift_of", Case((3, x, np.ones(1)), 64)


def stacks(dtype):
    for members, p, q in ((5, 70, 40), (3, 1, 700), (40, 33, 1), (1, 300, 5)):
        rows = np.random.default_rng(p).integers(0, members, 30)
        A, v, out = random(dtype, members, p, q), random(dtype, q), random(dtype, p)
        yield "quadratic.add_product", Case((A, rows, v, 0.7, out), 64)
        transposed = A.transpose(0, 2, 1).copy()
        yield "quadratic.add_transposed_product", Case((transposed, rows, v, 0.7, out), 64)
    for samples, n in ((1, 33), (40, 3)):
        rows, out = 2**40 + np.arange(samples), np.ones(n, dtype)
        case = Case((rows, 2, 0.5, 11, 12, np.zeros(n), out), 64, None, (5,))
        yield "quadratic.add_noise", case


def maps():
    """Row and column numbers, number of coefficients, sizes of an iterate, see `penalty`."""
    zero = np.zeros(1, np.int64)
    groups = np.random.default_rng(0).integers(0, 5, 2000)
    yield np.zeros(2000, np.int64), np.arange(3), 3, (2000, 3)
    yield groups, zero, 6, (2000, 3)
    yield zero, zero, 1, (1, 7000)
    yield zero, np.tile(np.arange(300), 6), 300, (1, 1800)
    yield np.arange(300)[::-1].copy(), zero, 300, (300, 20)


def penalties(dtype):
    alpha = np.array([[0.5, -0.5, 0.0], [0.25, -0.25, 0.1]])
    for row_index, col_index, n, (rows, cols) in maps():
        x, (u, v) = random(dtype, n), random(dtype, 2, rows * cols)
        outputs = np.empty(n), np.ones(n, dtype)
        arguments = row_index, col_index, 0.3, x
        yield "penalty.penalty_products", Case((*arguments, u, v, *outputs), 64, None, (6,))
        Y = random(dtype, 2, rows * 3 * cols)
        case = Case((*arguments, Y, alpha, 0.1, *outputs, 3, cols), 64, None, (7,))
        yield "penalty.penalty_gradient", case
        penalty = np.abs(random(np.float64, row_index.size, col_index.size))
        yield "penalty.add_penalty", Case((penalty, u, np.ones(1)), 64)


def logits(dtype):
    """Rows longer than a warp, and rows that are not finite."""
    labels, rows, m = np.arange(20, dtype=np.int32) % 3, np.arange(20), 20
    for C in (5, 33, 100):
        Z = 3 * random(dtype, m, C)
        Z[3, 1], Z[4, 0], Z[5], Z[6, -1], Z[7, 0] = np.nan, np.inf, -np.inf, np.inf, -np.inf
        Z, U, c = Z.reshape(-1), random(dtype, m * C, seed=1), random(np.float64, m)
        yield "softmax.residual", Case((Z, labels, rows, c, C), 64)
        yield "softmax.losses", Case((Z, labels, rows, np.ones(m), C), 64, dtype)
        yield "softmax.curvature", Case((Z, U, rows, c, C), 64)
        yield "softmax.derivatives", Case((Z, U, labels, rows, c, np.ones(m), C), 64, dtype)
        yield "weights.row_products", Case((U, U, m, C, np.ones(m)), 64)


EACH = pytest.mark.parametrize(
    "cases", [vectors, weights, shifts, stacks, penalties, logits], ids=lambda f: f.__name__
)


@EACH
@EACH_DTYPE
@pytest.mark.parametrize("backend", DEVICES)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_large_sizes(cases, dtype, backend):
    with array_library(backend) as xp:
        for name, case in cases(dtype):
            theirs = outcome(kernel("reference", name), case, wide=True)
            assert_same(outcome(kernel(backend, name), case, xp=xp), theirs, case)


@EACH
def test_any_order_of_the_threads_gives_the_same_bits(cases):
    with array_library("emulated") as xp:
        from emulator.fake_cupy import config

        for name, case in cases(np.float32):
            results = []
            for config.seed in (1, 2):
                results.append(outcome(kernel("emulated", name), case, xp=xp))
            config.seed = 0
            for ours, theirs in zip(*results, strict=True):
                np.testing.assert_array_equal(ours, theirs, err_msg=name)


def test_inverse_maps_live_as_long_as_the_maps():
    with array_library("emulated") as xp:
        from fastbilevel.kernels.cuda import positions

        row_index, col_index, n, (rows, cols) = next(maps())
        before = len(positions._known)
        maps_on_device = xp.asarray(row_index), xp.asarray(col_index)
        first = positions.positions_of(*maps_on_device, rows * cols, n)
        assert positions.positions_of(*maps_on_device, rows * cols, n) is first
        assert len(positions._known) == before + 1
        del maps_on_device
        assert len(positions._known) == before
