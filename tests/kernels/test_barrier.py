"""The barrier kernel: its laws, on both backends. Parity of all buffers is in `test_parity`."""

from __future__ import annotations

import numpy as np
import pytest

from fastbilevel.kernels.reference.projection import BOX, NONE

SIZES = ((1, 1), (3, 8), (65, 7), (64, 0))


def random(shape, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


class Gradients:
    """Gradients at a point: f_x, f_y, G_x, g_y, and the barrier's part of them in float64."""

    def __init__(self, n_x, n_y, dtype, seed=0):
        self.f_x, self.f_y = random(n_x, dtype, seed), random(n_y, dtype, seed + 1)
        self.G_x, self.g_y = random((2, n_x), dtype, seed + 2), random(n_y, dtype, seed + 3)

    @property
    def df(self):
        return np.concatenate((self.f_x, self.f_y)).astype(float)

    @property
    def dq(self):
        at_theta, at_y = self.G_x.astype(float)
        return np.concatenate((at_y - at_theta, self.g_y))


class Step:
    """One call of `dynamic_barrier` with buffers that are kept."""

    def __init__(self, k, g, *, eta=0.5, values=None, lr=0.1, bounds=None, flag=0):
        dtype = g.f_x.dtype
        self.x, self.y = random(g.f_x.size, dtype, 10), random(g.f_y.size, dtype, 11)
        self.before = np.concatenate((self.x, self.y)).astype(float)
        self.m = np.full(g.f_x.size, np.nan, dtype)
        self.barrier, self.norm = np.full(4, np.nan), np.full(1, np.nan)
        self.flag = np.array([flag])
        kind, domain = (NONE, 2 * [np.empty(0, dtype)]) if bounds is None else (BOX, bounds)
        use_values = int(values is not None)
        k.dynamic_barrier(
            self.x, self.y, self.m, g.f_x, g.f_y, g.G_x, g.g_y,
            np.array(values if use_values else (np.nan, np.nan)), eta, use_values, lr, kind,
            *domain, self.barrier, self.norm, self.flag,
        )  # fmt: skip

    @property
    def moved(self):
        return np.concatenate((self.x, self.y)).astype(float) - self.before


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("eta", [-3.0, 0.1, 0.9])
def test_the_step_is_that_of_the_formula(k, dtype, size, eta):
    g = Gradients(*size, dtype)
    square, product = g.dq @ g.dq, g.df @ g.dq
    for step, phi in (
        (Step(k, g, eta=eta), eta * square),
        (Step(k, g, eta=eta, values=(0.75, 2.0)), eta * 1.25),
    ):
        lam = max((phi - product) / square, 0.0)
        np.testing.assert_allclose(step.barrier, [phi, lam, product, square], rtol=1e-12)
        direction = g.df + lam * g.dq
        assert step.norm[0] == pytest.approx(np.linalg.norm(direction), rel=1e-6)
        scale = np.abs(direction).max() + np.abs(step.before).max()
        atol = 2 * np.finfo(dtype).eps * scale
        np.testing.assert_allclose(step.m, direction[: size[0]], rtol=0, atol=atol)
        np.testing.assert_allclose(step.moved, -0.1 * direction, rtol=0, atol=atol)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("values", [None, (0.5, 0.7), (0.7, 0.5)])
def test_the_direction_descends_the_barrier(k, seed, values):
    # <dq, df + lam dq> >= phi, with equality wherever the barrier acts.
    g = Gradients(9, 7, np.float64, seed)
    step = Step(k, g, values=values)
    phi, lam = step.barrier[:2]
    descent = g.dq @ (g.df + lam * g.dq)
    assert lam >= 0.0
    assert descent >= phi - 1e-12
    if lam > 0.0:
        assert descent == pytest.approx(phi, abs=1e-12)


def test_a_barrier_that_does_not_act_leaves_plain_descent_of_f(k, dtype):
    g = Gradients(9, 7, dtype)
    g.f_x[:], g.f_y[:] = g.G_x[1] - g.G_x[0], g.g_y
    step = Step(k, g, eta=0.9)  # <df, dq> = ||dq||^2 > phi
    assert step.barrier[1] == 0.0
    np.testing.assert_array_equal(step.m, g.f_x)
    np.testing.assert_allclose(step.moved, -0.1 * g.df, rtol=0, atol=1e-6)


def test_no_slope_of_the_lower_level_means_no_multiplier(k, dtype):
    g = Gradients(9, 7, dtype)
    g.G_x[0], g.g_y[:] = g.G_x[1], 0.0
    for values in (None, (0.0, 5.0)):
        step = Step(k, g, values=values)
        np.testing.assert_array_equal(step.barrier[1:], [0.0, 0.0, 0.0])
        np.testing.assert_array_equal(step.m, g.f_x)
        assert step.norm[0] == pytest.approx(np.linalg.norm(g.df), rel=1e-6)
        assert step.flag[0] == 0


def test_inner_products_do_not_overflow_in_float32(k):
    g = Gradients(9, 7, np.float32)
    for array in (g.f_x, g.f_y, g.G_x, g.g_y):
        array *= np.float32(1e25)
    step = Step(k, g)
    assert step.flag[0] == 0
    assert step.barrier[3] == pytest.approx(g.dq @ g.dq, rel=1e-12)


def test_x_stays_in_its_set_and_y_is_free(k, dtype):
    g = Gradients(9, 7, dtype)
    free = Step(k, g, lr=5.0)
    bounds = np.full(9, -0.5, dtype), np.full(9, 0.5, dtype)
    step = Step(k, g, lr=5.0, bounds=bounds)
    np.testing.assert_array_equal(step.x, np.clip(free.x, *bounds))
    np.testing.assert_array_equal(step.y, free.y)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["f_x", "f_y", "G_x", "g_y"])
@pytest.mark.parametrize("values", [None, (1.0, 2.0)])
def test_a_direction_that_is_not_finite_sets_the_flag_and_moves_nothing(
    k, dtype, name, bad, values
):
    g = Gradients(9, 7, dtype)
    getattr(g, name)[..., -1] = bad
    step = Step(k, g, values=values)
    assert step.flag[0] == 1
    assert not np.isfinite(step.norm[0])
    np.testing.assert_array_equal(step.moved, 0.0)


@pytest.mark.parametrize("values", [(0.0, np.nan), (0.0, np.inf)])
def test_a_value_that_is_not_finite_sets_the_flag(k, dtype, values):
    step = Step(k, Gradients(9, 7, dtype), values=values)
    assert step.flag[0] == 1
    np.testing.assert_array_equal(step.moved, 0.0)


def test_a_direction_beyond_float32_sets_the_flag(k):
    # lam dq is about 1e40: finite in float64, so that only the rounded m shows it.
    g = Gradients(9, 7, np.float32)
    g.f_x[:] = 3e38
    g.G_x *= np.float32(1e-3)
    g.g_y *= np.float32(1e-3)
    step = Step(k, g, eta=1.0, values=(0.0, 1e38))
    assert step.flag[0] == 1
    np.testing.assert_array_equal(step.moved, 0.0)


def test_once_set_the_flag_keeps_both(k, dtype):
    g = Gradients(9, 7, dtype)
    step = Step(k, g, flag=1)
    assert step.flag[0] == 1
    np.testing.assert_array_equal(step.moved, 0.0)
    np.testing.assert_allclose(step.m, (g.df + step.barrier[1] * g.dq)[:9], atol=1e-5)
