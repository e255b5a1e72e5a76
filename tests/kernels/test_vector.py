"""Vector kernels: their laws, on both backends. Parity of all buffers is in `test_parity`."""

from __future__ import annotations

import numpy as np
import pytest

from fastbilevel import finite_difference_coefficients
from fastbilevel.kernels.reference.projection import BOX, NONE

SIZES = (1, 2, 3, 7, 8, 63, 64, 65, 1000)


def random(shape, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


class Update:
    """One call of `normalized_momentum` with buffers that are kept."""

    def __init__(self, k, x, m, phi, *, lr=0.1, momentum=0.0, normalize=1, bounds=None, flag=0):
        self.before, self.x, self.m = x, x.copy(), m.copy()
        self.norm, self.flag = np.full(1, np.nan), np.array([flag])
        kind, domain = (NONE, 2 * [np.empty(0, x.dtype)]) if bounds is None else (BOX, bounds)
        k.normalized_momentum(
            self.x, self.m, phi, lr, momentum, normalize, kind, *domain, self.norm, self.flag
        )


# -- the outer update -------------------------------------------------------------------------


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("size", [1e-15, 1.0, 1e15])
def test_a_normalized_step_has_exactly_its_length(k, dtype, n, momentum, size):
    lr = 0.37
    x, m = np.zeros(n, dtype), (size * random(n, dtype)).astype(dtype)
    update = Update(k, x, m, (size * random(n, dtype, 1)).astype(dtype), lr=lr, momentum=momentum)
    length = np.linalg.norm(update.x.astype(float))
    assert length == pytest.approx(lr, rel=2 * float(np.finfo(dtype).eps))
    assert update.norm[0] == pytest.approx(np.linalg.norm(update.m.astype(float)), rel=1e-14)


def test_the_direction_is_the_moving_average(k, dtype):
    x, m, phi = random((3, 65), dtype)
    update = Update(k, x, m, phi, momentum=0.75)
    average = 0.75 * m.astype(float) + 0.25 * phi
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(update.m, average, rtol=eps, atol=eps)
    step = x - 0.1 * average / np.linalg.norm(average)
    np.testing.assert_allclose(update.x, step, rtol=4 * eps, atol=4 * eps)


def test_without_momentum_the_past_does_not_count(k, dtype):
    x, m, phi = random((3, 9), dtype)
    update = Update(k, x, m, phi)
    np.testing.assert_array_equal(update.m, phi)


def test_a_plain_step_is_the_learning_rate_times_the_direction(k, dtype):
    x, m, phi = random((3, 9), dtype)
    update = Update(k, x, m, phi, lr=0.5, normalize=0)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(update.x, x - 0.5 * phi.astype(float), rtol=4 * eps, atol=eps)


@pytest.mark.parametrize("n", [0, 5])
@pytest.mark.parametrize("normalize", [0, 1])
def test_a_zero_direction_stays_where_it_is(k, dtype, n, normalize):
    x, zero = random(n, dtype), np.zeros(n, dtype)
    update = Update(k, x, zero, zero, normalize=normalize)
    np.testing.assert_array_equal(update.x, x)
    assert update.norm[0] == 0.0
    assert update.flag[0] == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("position", [0, 7, 64])
@pytest.mark.parametrize("normalize", [0, 1])
def test_a_direction_that_is_not_finite_sets_the_flag_and_leaves_x(
    k, dtype, bad, position, normalize
):
    x, phi = random((2, 65), dtype)
    phi[position] = bad
    update = Update(k, x, np.zeros_like(x), phi, normalize=normalize)
    assert update.flag[0] == 1
    assert not np.isfinite(update.norm[0])
    np.testing.assert_array_equal(update.x, x)


def test_once_set_the_flag_keeps_x(k, dtype):
    x, phi = random((2, 9), dtype)
    update = Update(k, x, np.zeros_like(x), phi, flag=1)
    np.testing.assert_array_equal(update.x, x)
    assert update.flag[0] == 1
    assert update.norm[0] == pytest.approx(np.linalg.norm(phi.astype(float)))


def test_the_norm_does_not_overflow_in_float32(k):
    x, phi = np.zeros(4, np.float32), np.full(4, 1e30, np.float32)
    update = Update(k, x, x, phi)
    assert update.flag[0] == 0
    assert update.norm[0] == pytest.approx(2e30, rel=1e-6)
    np.testing.assert_allclose(update.x, -0.05, rtol=1e-6)


def test_the_step_ends_inside_the_bounds(k, dtype):
    x = random(65, dtype)
    lower, upper = (x - 0.01).astype(dtype), (x + 0.02).astype(dtype)
    update = Update(k, x, x, random(65, dtype, 2), lr=5.0, bounds=(lower, upper))
    assert (update.x >= lower).all()
    assert (update.x <= upper).all()
    assert {*np.sign(update.x - x)} == {-1.0, 1.0}
    np.testing.assert_array_equal(np.where(update.x > x, upper, lower), update.x)


def test_only_one_side_may_be_bounded(k, dtype):
    x, phi = np.zeros(3, dtype), np.array([1.0, -1.0, 0.0], dtype)
    bounds = np.full(3, -np.inf, dtype), np.full(3, 0.25, dtype)
    update = Update(k, x, x, phi, lr=1.0, normalize=0, bounds=bounds)
    np.testing.assert_array_equal(update.x, [-1.0, 0.25, 0.0])


# -- norm, steps --------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, *SIZES])
def test_the_norm_is_summed_in_float64(k, dtype, n):
    x, out = random(n, dtype), np.empty(1)
    k.norm(x, out)
    assert out[0] == pytest.approx(np.linalg.norm(x.astype(float)), rel=1e-14)


def test_the_norm_of_many_small_numbers(k):
    # In float32 the sum of squares would stop growing at 2**24 terms of one size.
    x, out = np.full(2**21, 1e-3, np.float32), np.empty(1)
    k.norm(x, out)
    assert out[0] == pytest.approx(np.sqrt(2**21) * float(np.float32(1e-3)), rel=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_norm_of_what_is_not_finite_is_not_finite(k, dtype, bad):
    x, out = random(65, dtype), np.empty(1)
    x[33] = bad
    k.norm(x, out)
    assert not np.isfinite(out[0])


def test_a_step_of_weight_zero_does_not_read_the_upper_gradient(k, dtype):
    y, g = random((2, 9), dtype)
    expected = y - 0.1 * g.astype(float)
    k.perturbed_step(y, g, np.full(9, np.nan, dtype), 0.0, 0.1)
    np.testing.assert_allclose(y, expected, rtol=4 * np.finfo(dtype).eps, atol=1e-7)


# -- the combination of offsets ---------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 3, 6, 10])
def test_combination_is_the_sum_of_the_formula(k, dtype, order):
    offsets, alpha = finite_difference_coefficients(order)
    nu = 0.25
    F, G = random((2, offsets.size, 17), dtype)
    out = np.empty(17, dtype)
    k.combine_offsets(F, G, offsets * nu, alpha, nu, out)
    expected = sum(
        a * (j * f.astype(float) + g.astype(float) / nu)
        for a, j, f, g in zip(alpha, offsets, F, G, strict=True)
    )
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(out, expected, rtol=4 * eps, atol=16 * eps)


@pytest.mark.parametrize("order", [2, 3, 10])
def test_what_all_lower_gradients_share_cancels_exactly(k, dtype, order):
    offsets, alpha = finite_difference_coefficients(order)
    nu, q = 1e-6, offsets.size
    common = np.tile(1e6 * random(9, dtype), (q, 1))
    out = np.full(9, np.nan, dtype)
    k.combine_offsets(np.zeros_like(common), common, offsets * nu, alpha, nu, out)
    np.testing.assert_array_equal(out, 0.0)


@pytest.mark.parametrize("order", [2, 3, 10])
def test_combination_of_float32_gradients_is_rounded_once(k, order):
    # In some of so many columns the terms cancel to a thousandth of their size or less.
    offsets, alpha = finite_difference_coefficients(order)
    nu = 0.01
    F, G = random((2, offsets.size, 20_000), np.float32)
    out = np.empty(20_000, np.float32)
    k.combine_offsets(F, G, offsets * nu, alpha, nu, out)
    expected = (alpha * offsets) @ F.astype(float) + alpha @ G.astype(float) / nu
    assert np.abs(expected).min() < 1e-3 * np.abs(expected).mean()
    np.testing.assert_allclose(out, expected, rtol=2.0**-23, atol=1e-12 / nu)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_one_bad_gradient_spoils_its_coordinate_alone(k, dtype, bad):
    F, G = random((2, 2, 5), dtype)
    G[1, 3] = bad
    out = np.empty(5, dtype)
    k.combine_offsets(F, G, np.array([-0.1, 0.1]), np.array([-0.5, 0.5]), 0.1, out)
    np.testing.assert_array_equal(np.isfinite(out), [True, True, True, False, True])


# -- stacked iterates -------------------------------------------------------------------------


def stacked(dtype, n_groups=3, rows=4, g=2, cols=3, seed=0):
    return random((n_groups, rows * g * cols), dtype, seed), (rows, g, cols)


def test_recentring_keeps_the_mean_of_each_side_and_removes_the_rest(k, dtype):
    Y, shape = stacked(dtype)
    positive = np.array([[1, 0], [1, 0], [0, 0]])
    before = Y.reshape(3, *shape).astype(float).copy()
    k.recenter(Y, positive, *shape)
    after = Y.reshape(3, *shape)
    for sign in (0, 1):
        members = list(zip(*np.nonzero(positive == sign), strict=True))
        mean = np.mean([before[a, :, j] for a, j in members], axis=0)
        for a, j in members:
            np.testing.assert_allclose(after[a, :, j], mean, rtol=1e-6, atol=1e-6)
    copy = Y.copy()
    k.recenter(Y, positive, *shape)
    np.testing.assert_allclose(Y, copy, rtol=1e-6)


def test_recentring_with_one_sign_only(k, dtype):
    Y, shape = stacked(dtype)
    mean = Y.reshape(3, *shape).astype(float).mean(axis=(0, 2))
    k.recenter(Y, np.zeros((3, 2), np.int64), *shape)
    for a in range(3):
        for j in range(2):
            np.testing.assert_allclose(Y.reshape(3, *shape)[a, :, j], mean, rtol=1e-6, atol=1e-6)


def test_an_average_does_not_read_iterates_of_weight_zero(k, dtype):
    Y, shape = stacked(dtype)
    Y[1] = np.nan
    weights = np.array([[0.5, 0.0], [0.0, 0.0], [0.0, 0.5]])
    out = np.empty(12, dtype)
    k.average_offsets(Y, weights, *shape, out)
    views = Y.reshape(3, *shape).astype(float)
    expected = (views[0, :, 0] + views[2, :, 1]).reshape(-1) / 2
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-7)
