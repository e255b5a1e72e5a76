"""CSR kernels of the CUDA backend on the emulator: launches, bits, and sizes of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from backends import array_library, placed
from csr_cases import SMALL, Case, assert_close, frozen, make_rows
from emulator import fake_cupy
from kernel_cases import laid_out
from kernel_cases.curvature import penalties
from kernel_cases.regression import BATCH, ORDER, ROWS, C, D, N, csr, random, side

from fastbilevel.kernels import layout_csr, reference
from fastbilevel.kernels.cuda import csr as cuda
from fastbilevel.kernels.cuda import csr_arguments, csr_curvature
from fastbilevel.kernels.cuda.layout_csr import (
    build_blocks,
    curvature_workspace,
    linear_memory,
    workspace,
)
from fastbilevel.kernels.reference.csr_curvature import POWERS, SOLVE, SUM

dtypes = pytest.mark.parametrize("dtype", SMALL, ids=["float32", "float64"])
both_ways = pytest.mark.parametrize("fixed", [True, False], ids=["blocks", "rows"])
WIDE = 20, 11, np.float32, np.int32


@pytest.fixture
def xp():
    with array_library("emulated") as library:
        yield library


def run(xp, case):
    """Take the steps of a case on the device; the launches of each step."""
    sides = tuple(
        (*placed(xp, (X, labels, given)), build_blocks(X, order, case.batch, True))
        for (X, labels, given, _), order in zip(case.sides, case.orders, strict=True)
    )
    longest = max(case.batch, *(order.size for order in case.orders))
    work = workspace(case.d, longest, longest, case.g, case.C, case.dtype)
    orders, x, penalty, V, scale = placed(
        xp, (case.orders, case.x, case.penalty, case.V, case.scale)
    )
    launches = []
    for plan in case.plan:
        rows_g, rows_f = (
            order[b * case.batch : (b + 1) * case.batch]
            for order, b in zip(orders, plan, strict=True)
        )
        if not case.upper:
            rows_f = rows_f[:0]
        b, c = (int(b) if case.fixed else -1 for b in plan)
        fake_cupy.stats.reset()
        cuda.descent_step(
            *(sides[0], rows_g, b, sides[1], rows_f, c, x, case.weights, penalty, case.lr),
            *(V, scale, work, case.g, case.C, case.kind, case.shift(), 1),
        )
        assert fake_cupy.stats.syncs == 0
        launches.append(len(fake_cupy.stats.launches))
    case.V, case.scale = V.get(), scale.get()
    return launches


def parity(xp, case):
    wide = case.in_float64()
    wide.run(reference)
    launches = run(xp, case)
    assert_close(case.V, wide.V)
    np.testing.assert_allclose(case.scale, wide.scale, rtol=1e-14)
    return launches


@dtypes
@both_ways
@pytest.mark.parametrize("by_class", [False, True], ids=["lazy", "eager"])
def test_a_step_is_two_launches_or_three(xp, dtype, fixed, by_class):
    case = Case(*SMALL[dtype], steps=3, fixed=fixed, by_class=by_class, kind=1)
    assert parity(xp, case) == ([2, 2, 2] if fixed else [3, 3, 3])


@both_ways
def test_many_offsets_and_classes(xp, fixed):
    """More columns than a block that owns a row has groups for; 220 of them."""
    parity(xp, Case(*WIDE, steps=2, fixed=fixed))


@dtypes
@both_ways
def test_more_columns_than_threads(xp, dtype, fixed):
    parity(xp, Case(60, 10, dtype, np.int32, n=5, n_val=4, d=7, batch=3, fixed=fixed))


@pytest.mark.parametrize("shape", [(2, 1), (4, 2), (5, 3), (20, 11)], ids=["2", "8", "15", "220"])
@both_ways
def test_long_rows_and_frequent_features(xp, shape, fixed):
    """Rows longer than what is staged at a time, features that all threads share."""
    case = Case(*shape, np.float64, np.int64, n=45, n_val=45, d=450, batch=40, fixed=fixed)
    rng = np.random.default_rng(1)
    sides = []
    for (_, labels, given, _), order in zip(case.sides, case.orders, strict=True):
        X = make_rows(rng, 45, 450, np.float64, np.int64, density=20.0)
        assert np.diff(X[0]).max() > 256
        blocks = tuple(frozen(a) for a in layout_csr.build_blocks(X, order, 40, True))
        sides.append((X, labels, given, blocks))
    case.sides = tuple(sides)
    parity(xp, case)


@dtypes
@both_ways
def test_scales_that_are_taken_over(xp, dtype, fixed):
    """1 - lr e zero, negative, below -1, tiny: the row of V takes the scale over."""
    factors = np.array([0.0, -0.5, -3.0, 1e-9, 2.0**-20, 0.5, 1.0])
    case = Case(*SMALL[dtype], steps=3, fixed=fixed)
    case.penalty = frozen(np.resize((1 - factors) / case.lr, (case.d, 1)))
    parity(xp, case)
    assert (case.scale > 2.0**-20).all()


@dtypes
@both_ways
def test_rows_that_are_empty_or_missing(xp, dtype, fixed):
    case = Case(*SMALL[dtype], steps=2, fixed=fixed, upper=False)
    case.orders = tuple(frozen(np.roll(o, -int(np.flatnonzero(o == 1)[0]))) for o in case.orders)
    case.plan = np.zeros((2, 2), np.int64)
    case.sides = tuple(
        (X, labels, given, layout_csr.build_blocks(X, order, case.batch, True))
        for (X, labels, given, _), order in zip(case.sides, case.orders, strict=True)
    )
    wide = case.in_float64()
    wide.upper, wide.weights = True, np.zeros(case.g)
    wide.run(reference)
    assert run(xp, case) == ([2, 2] if fixed else [3, 3])
    assert_close(case.V, wide.V)


@both_ways
@pytest.mark.parametrize("by_class", [False, True], ids=["lazy", "eager"])
def test_no_grid_and_no_schedule_changes_a_bit(xp, monkeypatch, fixed, by_class):
    found = []
    for seed, features in ((0, 256), (0, 256), (1, 5), (2, 1)):
        monkeypatch.setattr(fake_cupy.config, "seed", seed)
        monkeypatch.setattr(csr_arguments, "FEATURES", features)
        monkeypatch.setattr(csr_arguments, "SEARCHED", features)
        case = Case(*SMALL[np.float32], steps=3, n=60, batch=40, fixed=fixed, by_class=by_class)
        run(xp, case)
        found.append((case.V, case.scale))
    for V, scale in found[1:]:
        np.testing.assert_array_equal(V, found[0][0])
        np.testing.assert_array_equal(scale, found[0][1])


def test_repeated_rows_add_up(xp):
    case = Case(*SMALL[np.float64], fixed=False, batch=12)
    case.orders = tuple(frozen(np.array([3, 5, 3, 3, 5, 0, 1, 3, 2, 9, 5, 3])) for _ in range(2))
    case.plan = np.zeros((1, 2), np.int64)
    parity(xp, case)


@pytest.mark.parametrize("index", [np.int32, np.int64], ids=["int32", "int64"])
def test_blocks_hold_every_feature_in_rising_order(xp, index):
    rng = np.random.default_rng(0)
    X, order = make_rows(rng, 21, 15, np.float64, index), rng.permutation(21)
    matrix = np.zeros((21, 15))
    matrix[np.repeat(np.arange(21), np.diff(X[0])), X[1]] = X[2]
    starts, features, pointer, local_row, values = (
        a.get() for a in build_blocks(X, order, 6, True)
    )
    assert features.dtype == index
    for b in range(4):
        rebuilt = np.zeros((order[b * 6 : (b + 1) * 6].size, 15))
        assert (np.diff(features[starts[b] : starts[b + 1]]) > 0).all()
        for c in range(starts[b], starts[b + 1]):
            entries = slice(pointer[c], pointer[c + 1])
            rebuilt[local_row[entries], features[c]] = values[entries]
        np.testing.assert_array_equal(rebuilt, matrix[order[b * 6 : (b + 1) * 6]])


def test_flush_over_several_blocks(xp):
    rng = np.random.default_rng(0)
    d, width = 600, 3
    V, scale = rng.standard_normal(d * width), rng.uniform(0.1, 1.0, d)
    expected = (V.reshape(d, width) * scale[:, None]).reshape(-1)
    V, scale = placed(xp, (V, scale))
    cuda.flush(V, scale, width)
    np.testing.assert_array_equal(V.get(), expected)
    np.testing.assert_array_equal(scale.get(), 1.0)


@dtypes
@pytest.mark.parametrize("mode", [POWERS, SUM, SOLVE])
def test_linear_steps_catch_up_and_finish(xp, monkeypatch, dtype, mode):
    """Steps on blocks and on rows in turns, some features met again and some never."""
    monkeypatch.setattr(csr_arguments, "FEATURES", 4)
    monkeypatch.setattr(csr_arguments, "SEARCHED", 4)
    data = side(csr(dtype, 5), "csr", dtype, 5)
    ours = laid_out(data[-1], xp)
    x, (b, start) = random(dtype, N, seed=2), random(dtype, 2, D * C, seed=1)
    for penalty in penalties("csr"):
        Y, total, done = random(dtype, 2, D * C), start.copy(), np.zeros(D, np.int32)
        wide = [a.astype(np.float64) for a in (x, Y, b, total)] + [done.copy()]
        device = [xp.asarray(a.copy()) for a in (x, Y, b, total, done)]
        e = xp.asarray(penalty)
        work = curvature_workspace(D, BATCH, C, dtype)
        memory = linear_memory(D, 3, BATCH, C, dtype)
        for step, block in enumerate((1, -1, 0, -1, -1, 1)):
            rows = ROWS if block < 0 else ORDER[BATCH * block : BATCH * (block + 1)]
            settings = 0.3, mode, step
            reference.csr_curvature.linear_step(
                *(data, rows, block, wide[0], wide[1], penalty, *wide[2:4], *settings),
                *(wide[4], None, None, C, 1, 0.0),
            )
            fake_cupy.stats.reset()
            csr_curvature.linear_step(
                *((*placed(xp, data[:3]), ours), xp.asarray(rows), block, device[0], device[1]),
                *(e, *device[2:4], *settings, device[4], memory, work, C, 1, 0.0),
            )
            assert len(fake_cupy.stats.launches) == (4 if block < 0 else 3)
            np.testing.assert_array_equal(device[4].get(), wide[4])
        reference.csr_curvature.finish(wide[1], penalty, *wide[2:4], 0.3, mode, 6, wide[4], None, C)
        csr_curvature.finish(device[1], e, *device[2:4], 0.3, mode, 6, device[4], memory, C)
        for got, expected in zip(device[1:], wide[1:], strict=True):
            assert_close(got.get(), expected, dtype)


def test_launches_of_the_curvature_family(xp):
    data = side(csr(np.float32, 5), "csr", np.float32, 5)
    device = (*placed(xp, data[:3]), laid_out(data[-1], xp))
    work = curvature_workspace(D, BATCH, C, np.float32)
    Y, out, G = placed(xp, tuple(random(np.float32, s, D * C) for s in (2, 1, 2)))
    x, cross = placed(xp, (random(np.float32, N), np.empty(BATCH)))
    penalty, rows = placed(xp, (np.ones((D, 1)), ORDER[:BATCH]))
    minibatch = device, rows, 0
    calls = {
        "gradient": (2, (x, Y[0], penalty, out[0], work, C, 0, 0.0)),
        "product": (2, (x, Y, penalty, out[0], work, C, 0, 0.0)),
        "directional": (1, (Y, cross, work, C)),
        "derivatives": (2, (x, Y, penalty, G, cross, work, C, 0, 0.0)),
    }
    for name, (launches, arguments) in calls.items():
        fake_cupy.stats.reset()
        getattr(csr_curvature, name)(*minibatch, *arguments)
        assert len(fake_cupy.stats.launches) == launches, name
        assert fake_cupy.stats.syncs == 0
