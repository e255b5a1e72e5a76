"""Dense kernels of the CUDA backend on the emulator: launches, sampling, bits, all sizes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from backends import array_library, placed
from dense_cases import FEATURES, SHAPES, SMALL, Case, assert_close
from emulator import fake_cupy

from fastbilevel.kernels import reference
from fastbilevel.kernels.cuda import dense as cuda
from fastbilevel.kernels.cuda import dense_curvature, dense_launches, layout_dense
from fastbilevel.kernels.reference.draw import BLOCKS, EPOCHS, REPLACEMENT
from fastbilevel.kernels.reference.weights import NONE, SIGMOID

dtypes = pytest.mark.parametrize("dtype", SMALL, ids=["float32", "float64"])
modes = pytest.mark.parametrize(
    "mode", [BLOCKS, REPLACEMENT, EPOCHS], ids=["blocks", "replacement", "epochs"]
)
WITH_THREE_OFFSETS = (*SHAPES, (4, 3, np.float32), (3, 3, np.float64))
shapes = pytest.mark.parametrize(
    "shape",
    WITH_THREE_OFFSETS,
    ids=[f"{C}-{g}-{np.dtype(dtype)}" for C, g, dtype in WITH_THREE_OFFSETS],
)
ROWS_OF_SIZES = (1, 3, 4, 5, 33)
KEY = 0xA4093822, 0x299F31D0


@pytest.fixture
def xp():
    with array_library("emulated") as library:
        yield library


@pytest.fixture
def large(monkeypatch):
    """Minibatches of 7 rows are large."""
    for module in (cuda, layout_dense):
        monkeypatch.setattr(module, "MOST_TILED", 6)


def launched():
    """Names of the kernels launched since the last call; nobody has waited for the device."""
    assert fake_cupy.stats.syncs == 0
    names = [launch[0].partition("<")[0] for launch in fake_cupy.stats.launches]
    fake_cupy.stats.reset()
    return names


def on_device(xp, sides):
    return tuple((*placed(xp, side[:3]), ()) for side in sides)


def run(xp, case):
    """Take the steps of a case on the device; the kernels launched for each step."""
    sides = on_device(xp, case.sides)
    x, penalty, V = placed(xp, (case.x, case.penalty, case.V))
    plan = [placed(xp, tuple(level)) for level in case.plan]
    longest = [max(rows.size for rows, _ in level) for level in case.plan]
    work = layout_dense.workspace(case.d, *longest, case.g, case.C, case.dtype)
    names = []
    fake_cupy.stats.reset()
    for (rows_g, block_g), (rows_f, block_f) in zip(*plan, strict=True):
        cuda.descent_step(
            *(sides[0], rows_g, block_g, sides[1], rows_f, block_f, x, case.weights, penalty),
            *(case.lr, V, None, work, case.g, case.C, case.kind, case.shift(), 1),
        )
        names.append(launched())
    case.V = V.get()
    return names


def parity(xp, case):
    wide = case.in_float64()
    wide.run(reference)
    names = run(xp, case)
    assert_close(case.V, wide.V)
    return names


@shapes
def test_a_step_is_two_launches(xp, shape):
    sizes = itertools.cycle(itertools.permutations(ROWS_OF_SIZES, 2))
    for i, (d, (m_g, m_f)) in enumerate(zip(FEATURES, sizes, strict=False)):
        case = Case(*shape, d=d, batch=m_g, val_batch=m_f, kind=i % 4, by_class=i % 3 == 0, seed=i)
        assert parity(xp, case) == [["residuals", "update"]]


@dtypes
def test_a_step_without_validation_rows(xp, dtype):
    case = Case(*SMALL[dtype], val_batch=0)
    parity(xp, case)


@dtypes
@pytest.mark.parametrize("width", [1, 3, 8, 11, 26])
def test_products(xp, dtype, width):
    for d, m in ((1, 1), (7, 5), (33, 4), (300, 3), (17, 600)):
        rng = np.random.default_rng([d, m])
        X, rows = rng.standard_normal((90, d)).astype(dtype), rng.integers(0, 90, m)
        V = rng.standard_normal(width * d).astype(dtype)
        Z = rng.standard_normal(m * width + 5).astype(dtype)
        wide_Z, wide_V = Z.astype(np.float64), V.astype(np.float64)
        device = placed(xp, (X, rows, V, Z))
        cuda.backward(device[:1], device[1], device[3], 0.7, device[2], width)
        reference.dense.backward((X,), rows, wide_Z, 0.7, wide_V, width)
        assert_close(device[2].get(), wide_V)
        cuda.forward(device[:1], device[1], device[2], device[3], width)
        reference.dense.forward((X,), rows, device[2].get().astype(np.float64), wide_Z, width)
        assert_close(device[3].get(), wide_Z)


class Descent:
    """Arguments of `descend` for `steps` steps of several groups, on the case's data."""

    def __init__(self, case, mode, groups, batches, independent, steps=3):
        rng = np.random.default_rng(case.seed)
        self.case, self.steps, self.independent = case, steps, independent
        self.weights = rng.standard_normal((groups, case.g)) * 0.3
        self.lr = rng.uniform(0.1, 0.5, groups)
        size = (groups, case.g * case.C * case.d)
        self.Y = rng.standard_normal(size).astype(case.dtype)
        self.samplers = [
            (order[: n if mode == BLOCKS else 0], np.empty(batch, np.int64), mode, n, batch, stream)
            for stream, (n, batch) in enumerate(zip((case.n, case.n_val), batches, strict=True))
            for order in [rng.permutation(n)]
        ]

    def run(self, k, xp=np, first_step=7):
        """Iterates after the steps; float64 on the host."""
        case = self.case if xp is not np else self.case.in_float64()
        sides = case.sides if xp is np else on_device(xp, case.sides)
        samplers = [(*placed(xp, s[:2]), *s[2:], *KEY) for s in self.samplers]
        x, penalty, Y = placed(xp, (case.x, case.penalty, self.Y.astype(case.dtype)))
        batches = [s[4] for s in self.samplers]
        work = layout_dense.workspace(case.d, *batches, case.g, case.C, case.dtype)
        k.descend(
            *(sides[0], samplers[0], sides[1], samplers[1], x, self.weights, penalty, self.lr, Y),
            *(placed(xp, np.ones(1)), work, case.g, case.C, case.g * case.C, case.kind),
            *(case.shift(), 1, self.steps, first_step, self.independent),
        )
        return Y

    def parity(self, xp):
        expected = self.run(reference.dense)
        fake_cupy.stats.reset()
        Y = self.run(cuda, xp)
        names = launched()
        assert_close(Y.get(), expected)
        return names


@modes
@dtypes
@pytest.mark.parametrize("independent", [0, 1], ids=["shared", "independent"])
def test_all_steps_are_one_launch(xp, mode, dtype, independent):
    """The last block is shorter; an epoch ends within a minibatch."""
    case = Case(*SMALL[dtype], n=23, n_val=18, kind=SIGMOID, by_class=bool(independent))
    for batches in ((7, 5), (9, 0)):
        descent = Descent(case, mode, 3, batches, independent)
        descent.weights[1] = 0.0
        assert descent.parity(xp) == ["descend"]


def test_a_short_block_leaves_a_gap(xp):
    """What stands in for missing samples is not summed, and no upper objective reads no rows.

    The squares of the iterates overflow.
    """
    case = Case(*SMALL[np.float32], n=5, n_val=18)
    for level, factor in enumerate((1e-25, np.nan)):
        case.change_side(level, X=case.sides[level][0][0] * np.float32(factor))
    descent = Descent(case, BLOCKS, 2, (3, 5), 1, steps=4)
    descent.weights[:] = 0.0
    descent.Y *= 1e25
    descent.parity(xp)
    assert np.isfinite(descent.run(cuda, xp).get()).all()


@modes
def test_one_block_waits_for_nobody(xp, mode):
    case = Case(2, 2, np.float32, d=9, n=20, n_val=20)
    descent = Descent(case, mode, 1, (8, 8), 0)
    assert descent.parity(xp) == ["descend"]


@dtypes
def test_crews_of_warps_share_tiles(xp, dtype):
    """Features for all warps of a block, classes for two tiles."""
    case = Case(11, 1, dtype, d=300, n=20, n_val=20, kind=NONE)
    assert dense_launches.crew_size(4, 300) == 8
    assert Descent(case, REPLACEMENT, 2, (6, 5), 1, steps=2).parity(xp) == ["descend"]


def test_many_offsets_are_cut_into_tables(xp, monkeypatch):
    monkeypatch.setattr(cuda, "TABLE_SIZE", 5)
    case = Case(3, 2, np.float64, n=20, n_val=20, d=5)
    assert Descent(case, EPOCHS, 5, (4, 4), 1).parity(xp) == ["descend"] * 3


@modes
@dtypes
def test_large_minibatches_are_multiplied_as_matrices(xp, large, mode, dtype):
    case = Case(*SMALL[dtype], n=23, n_val=18)
    descent = Descent(case, mode, 2, (7, 5), 1, steps=2)
    descent.weights[1] = 0.0
    drawn = ["draw_batch"] * (0 if mode == BLOCKS else 2)
    # Two steps of each group; the second one has no upper objective.
    assert descent.parity(xp) == [
        name
        for levels in (2, 2, 1, 1)
        for name in (*drawn, *["gather"] * levels, "residuals_of_logits", "step")
    ]


@dtypes
def test_all_rows_are_not_copied(xp, large, dtype):
    case = Case(*SMALL[dtype], n=23, n_val=18)
    descent = Descent(case, BLOCKS, 1, (23, 18), 0, steps=2)
    assert descent.parity(xp) == ["residuals_of_logits", "step"] * 2


def test_no_schedule_and_no_grid_changes_a_bit(xp, monkeypatch):
    steps, iterates = [], []
    for seed, device in ((0, 4), (0, 4), (1, 3), (2, 1)):
        monkeypatch.setattr(fake_cupy.config, "seed", seed)
        monkeypatch.setattr(cuda, "_multiprocessors", lambda *_, found=device: found)
        case = Case(5, 2, np.float32, d=70, n=60, n_val=60)
        iterates.append(Descent(case, EPOCHS, 2, (25, 20), 1).run(cuda, xp).get())
        run(xp, case)
        steps.append(case.V)
    for V, Y in zip(steps, iterates, strict=True):
        np.testing.assert_array_equal(V, steps[0])
        np.testing.assert_array_equal(Y, iterates[0])


def test_launches_of_the_curvature_family(xp):
    case = Case(3, 1, np.float32)
    side = on_device(xp, case.sides)[0]
    rng = np.random.default_rng(0)
    width = case.C * case.d
    work = layout_dense.curvature_workspace(case.d, 8, case.C, case.dtype)
    shapes = (2, width), (2, width), width, case.n
    Y, G, out, x = placed(xp, tuple(rng.standard_normal(s).astype(case.dtype) for s in shapes))
    cross, penalty, rows = placed(xp, (np.empty(8), np.ones((1, 1)), np.arange(8)))
    rest = work, case.C, SIGMOID, 0.0
    calls = {
        "gradient": (["residuals", "sums"], (x, Y[0], penalty, out, *rest)),
        "product": (["sweep", "sums"], (x, Y, penalty, out, *rest)),
        "directional": (["sweep"], (Y, cross, work, case.C)),
        "derivatives": (["sweep", "sums"], (x, Y, penalty, G, cross, *rest)),
        "linear_step": (
            ["sweep", "linear_update"],
            (x, Y, penalty, out, out, 0.1, 0, 0, None, (), *rest),
        ),
    }
    for name, (expected, arguments) in calls.items():
        fake_cupy.stats.reset()
        getattr(dense_curvature, name)(side, rows, 0, *arguments)
        assert launched() == expected
