"""What gradient, curvature and linear steps must satisfy, on CSR and dense data, both backends."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from compiled_calls import CompiledCalls
from kernel_cases import laid_out
from kernel_cases.curvature import penalties
from kernel_cases.regression import BATCH, ORDER, C, D, N, csr, dense, random, side

from fastbilevel.kernels import cpu, layout_csr, layout_dense, reference
from fastbilevel.kernels.reference.csr_curvature import POWERS, SOLVE, SUM
from fastbilevel.kernels.reference.weights import SIGMOID

TIGHT = {"rtol": 1e-11, "atol": 1e-12}
# Blocks of the steps: met again, and the shorter last one.
PLAN = (1, 0, 1, 2, 2, 0, 1)


class Setting(NamedTuple):
    """A design family and one level of data for it."""

    k: object
    plain: object
    layout: object
    side: tuple

    @property
    def design(self):
        return self.layout.__name__.rpartition("_")[2]

    @property
    def family(self):
        return CompiledCalls(getattr(self.k, f"{self.design}_curvature"))

    def work(self):
        return self.layout.curvature_workspace(D, 2 * BATCH, C, np.float64)

    def call(self, name, block, *arguments, rows=None, kind=SIGMOID):
        """A kernel on a block, on its rows where they are, or on any rows."""
        rows = ORDER[BATCH * block : BATCH * (block + 1)] if rows is None else rows
        x = random(np.float64, N, seed=2)
        weights = () if name == "directional" else (kind, 0.0)
        upper = () if name == "directional" else (x,)
        call = getattr(self.family, name)
        call(self.side, rows, block, *upper, *arguments, self.work(), C, *weights)

    def product(self, block, Y, penalty, rows=None):
        out = np.empty(D * C)
        self.call("product", block, Y, penalty, out, rows=rows)
        return out


@pytest.fixture(params=["csr", "dense"])
def design(request):
    return request.param


@pytest.fixture(params=[reference, cpu], ids=["reference", "cpu"])
def setting(request, design):
    make, layout = {"csr": (csr, layout_csr), "dense": (dense, layout_dense)}[design]
    data = laid_out(side(make(np.float64, 5), design, np.float64, 5))
    return Setting(request.param, getattr(reference, design), layout, data)


@pytest.fixture
def Y():
    return random(np.float64, 2, D * C)


def test_the_product_is_the_derivative_of_the_gradient(setting, Y):
    step = 1e-6
    for penalty in penalties(setting.design):
        sides = np.empty((2, D * C))
        for out, sign in zip(sides, (1, -1), strict=True):
            setting.call("gradient", 1, Y[0] + sign * step * Y[1], penalty, out)
        slope = (sides[0] - sides[1]) / (2 * step)
        np.testing.assert_allclose(setting.product(1, Y, penalty), slope, atol=1e-8)


def test_slopes_are_the_derivatives_of_the_losses_along_v(setting, Y):
    rows, step = ORDER[BATCH : 2 * BATCH], 1e-6
    sides = np.empty((2, BATCH))
    for out, sign in zip(sides, (1, -1), strict=True):
        Z = np.empty(BATCH * C)
        setting.plain.forward(setting.side[0], rows, Y[0] + sign * step * Y[1], Z, C)
        reference.softmax.losses(Z, setting.side[1], rows, out, C)
    slopes = np.empty(BATCH)
    setting.call("directional", 1, Y, slopes)
    np.testing.assert_allclose(slopes, (sides[0] - sides[1]) / (2 * step), atol=1e-8)


def test_one_pass_gives_what_three_give(setting, Y):
    for penalty in penalties(setting.design):
        G, cross = np.empty((2, D * C)), np.empty(BATCH)
        setting.call("derivatives", 1, Y, penalty, G, cross)
        gradient, slopes = np.empty(D * C), np.empty(BATCH)
        setting.call("gradient", 1, Y[0], penalty, gradient)
        setting.call("directional", 1, Y, slopes)
        np.testing.assert_allclose(G, [gradient, setting.product(1, Y, penalty)], **TIGHT)
        np.testing.assert_allclose(cross, slopes, **TIGHT)


def test_the_curvature_is_symmetric_and_not_negative(setting, Y):
    V = random(np.float64, 3, D * C, seed=7)
    penalty = next(iter(penalties(setting.design)))
    H = np.array([[u @ setting.product(2, np.stack([Y[0], v]), penalty) for v in V] for u in V])
    np.testing.assert_allclose(H, H.T, **TIGHT)
    assert (np.linalg.eigvalsh(H) > 0).all()


def test_a_block_is_its_rows_in_any_order_read_elsewhere(setting, Y):
    rows = ORDER[BATCH : 2 * BATCH]
    for penalty in penalties(setting.design):
        expected = setting.product(1, Y, penalty)
        for listed in (rows, rows[::-1].copy(), np.tile(rows, 2)):
            got = setting.product(-1, Y, penalty, listed)
            np.testing.assert_allclose(got, expected, **TIGHT)


def test_without_penalty_only_the_data_count(setting, Y):
    without, with_one = np.empty((2, D * C))
    for penalty in penalties(setting.design):
        setting.call("gradient", 1, Y[0], penalty[:0], without)
        setting.call("gradient", 1, Y[0], penalty, with_one)
        product = (penalty * Y[0].reshape(penalty.shape[0], -1)).reshape(-1)
        np.testing.assert_allclose(with_one - without, product, **TIGHT)


def steps(setting, Y, penalty, b, total, lr, mode, plan, listed=None, blocks=3):
    """Linear steps in place; on rows with numbers of their own if `listed`."""
    x = random(np.float64, N, seed=2)
    memory = setting.layout.linear_memory(D, blocks, BATCH, C, np.float64)
    done = np.zeros(D, np.int32)
    for s, block in enumerate(plan):
        rows = ORDER[BATCH * block : BATCH * (block + 1)] if listed is None else listed[s]
        setting.family.linear_step(
            *(setting.side, rows, block if listed is None else -1, x, Y, penalty, b, total),
            *(lr, mode, s, done, memory, setting.work(), C, SIGMOID, 0.0),
        )
    setting.family.finish(Y, penalty, b, total, lr, mode, len(plan), done, memory, C)
    assert not done.any()


def plain_steps(setting, Y, penalty, b, total, lr, mode, plan, listed=None):
    """The same by one product after the other."""
    Y, total = Y.copy(), total.copy()
    for s, block in enumerate(plan):
        rows = None if listed is None else listed[s]
        block = block if listed is None else -1
        H = setting.product(block, Y, penalty, rows)
        Y[1] -= lr * (H - b if mode == SOLVE else H)
        if mode == SUM:
            total += Y[1]
    return Y, total


# The penalties are up to 1: factors that shrink, vanish almost, and change sign.
@pytest.mark.parametrize("lr", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("mode", [POWERS, SUM, SOLVE])
def test_linear_steps_are_products_one_after_the_other(setting, Y, mode, lr):
    b, total = random(np.float64, 2, D * C, seed=1)
    rng = np.random.default_rng(8)
    listed = [rng.integers(0, N, BATCH) for _ in PLAN]
    for penalty in penalties(setting.design):
        for rows in (None, listed):
            V, T = Y.copy(), total.copy()
            expected = plain_steps(setting, V, penalty, b, T, lr, mode, PLAN, rows)
            steps(setting, V, penalty, b, T, lr, mode, PLAN, rows)
            size = max(1.0, *(np.abs(a).max() for a in expected))
            np.testing.assert_allclose(V, expected[0], rtol=0, atol=1e-12 * size)
            np.testing.assert_allclose(T, expected[1], rtol=0, atol=1e-12 * size)


def test_what_is_remembered_of_a_block_changes_no_bit(setting, Y):
    penalty, total = next(iter(penalties(setting.design))), np.zeros(D * C)
    found = []
    for blocks in (3, layout_dense.MOST_BLOCKS + 1):
        V = Y.copy()
        steps(setting, V, penalty, total, total, 0.3, POWERS, PLAN, blocks=blocks)
        found.append(V)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("mode", [POWERS, SUM, SOLVE])
def test_no_step_changes_nothing(setting, Y, mode):
    b, total = random(np.float64, 2, D * C, seed=1)
    penalty = next(iter(penalties(setting.design)))
    V, T = Y.copy(), total.copy()
    steps(setting, V, penalty, b, T, 0.3, mode, ())
    np.testing.assert_array_equal(V, Y)
    np.testing.assert_array_equal(T, total)


def test_probabilities_are_forgotten_when_y_changes(setting, Y):
    penalty = next(iter(penalties(setting.design)))
    b = total = np.zeros(D * C)
    memory = setting.layout.linear_memory(D, 3, BATCH, C, np.float64)
    done, x = np.zeros(D, np.int32), random(np.float64, N, seed=2)
    for y in (Y[0], -Y[0]):
        V = np.stack([y, Y[1]])
        expected, _ = plain_steps(setting, V, penalty, b, total, 0.3, POWERS, (1,))
        rows = ORDER[BATCH : 2 * BATCH]
        setting.family.linear_step(
            *(setting.side, rows, 1, x, V, penalty, b, total, 0.3, POWERS, 0, done, memory),
            *(setting.work(), C, SIGMOID, 0.0),
        )
        setting.family.finish(V, penalty, b, total, 0.3, POWERS, 1, done, memory, C)
        np.testing.assert_allclose(V, expected, **TIGHT)
