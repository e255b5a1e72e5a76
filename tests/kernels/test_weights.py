"""Row weights: closed forms, derivatives, and Numba against the NumPy text."""

from __future__ import annotations

import math

import numpy as np
import pytest

import fastbilevel.kernels.cpu.weights as cpu
import fastbilevel.kernels.reference.weights as reference

NONE, SIGMOID, CLIP, SOFTMAX = reference.NONE, reference.SIGMOID, reference.CLIP, reference.SOFTMAX
KINDS = (NONE, SIGMOID, CLIP, SOFTMAX)
ROWS = np.array([3, 0, 3, 11, 7], np.int64)
SCALE = 0.37


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def case(request):
    """x, given weights and losses, read-only as problems hold them."""
    rng = np.random.default_rng(5)
    x = np.array([*rng.uniform(-0.5, 1.5, 9), 0.0, 1.0, -2.0]).astype(request.param)
    given = rng.uniform(0.0, 2.0, x.size).astype(request.param)
    given[7] = 0.0
    losses = rng.uniform(0.0, 3.0, ROWS.size)
    for array in (x, given, losses):
        array.flags.writeable = False
    return x, given, losses


def shift_of(k, kind, x):
    out = np.full(1, np.nan)
    k.shift_of(kind, x, out)
    return out[0]


def total(k, kind, x, given, losses):
    out = np.zeros(1)
    k.weighted_sum(kind, x, shift_of(k, kind, x), given, ROWS, losses, SCALE, out)
    return out[0]


def gradient(k, kind, x, given, losses):
    out = np.zeros(x.size, x.dtype)
    k.weight_gradient(kind, x, shift_of(k, kind, x), given, ROWS, losses, SCALE, out)
    return out


@pytest.mark.parametrize("k", [reference, cpu], ids=["reference", "cpu"])
def test_weights_are_the_stated_functions(k):
    x = np.array([-1.5, 0.0, 0.25, 3.0])
    shift = shift_of(k, SOFTMAX, x)
    expected = {
        NONE: np.ones(4),
        SIGMOID: 1 / (1 + np.exp(-x)),
        CLIP: [0.0, 0.0, 0.25, 1.0],
        SOFTMAX: 4 * np.exp(x) / np.exp(x).sum(),
    }
    for kind, values in expected.items():
        got = [k.row_weight(kind, v, shift, 4) for v in x]
        np.testing.assert_allclose(got, values, rtol=1e-15)


@pytest.mark.parametrize("k", [reference, cpu], ids=["reference", "cpu"])
def test_softmax_weights_have_mean_one_for_huge_x(k):
    x = np.array([1e4, 1e4 - 1.0, -1e4])
    shift = shift_of(k, SOFTMAX, x)
    assert math.isclose(sum(k.row_weight(SOFTMAX, v, shift, 3) for v in x), 3.0, rel_tol=1e-11)


@pytest.mark.parametrize("k", [reference, cpu], ids=["reference", "cpu"])
def test_sigmoid_does_not_overflow(k):
    assert k.row_weight(SIGMOID, 1e4, 0.0, 1) == 1.0
    assert k.row_weight(SIGMOID, -1e4, 0.0, 1) == 0.0
    # s(1 - s) would be 0 here: 1 - s cancels.
    assert k.row_slope(SIGMOID, 50.0) == pytest.approx(math.exp(-50.0), rel=1e-14)


@pytest.mark.parametrize("k", [reference, cpu], ids=["reference", "cpu"])
def test_clip_can_leave_both_ends(k):
    slopes = [k.row_slope(CLIP, v) for v in (-1e-9, 0.0, 0.5, 1.0, 1.0 + 1e-9)]
    assert slopes == [0.0, 1.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize("k", [reference, cpu], ids=["reference", "cpu"])
@pytest.mark.parametrize("kind", [SIGMOID, CLIP, SOFTMAX])
def test_nan_stays_nan(k, kind):
    x = np.array([0.5, np.nan, 0.25])
    assert math.isnan(k.row_weight(kind, x[1], shift_of(k, kind, x), 3))
    out = np.zeros(3)
    k.weight_gradient(
        kind, x, shift_of(k, kind, x), np.ones(3), ROWS[1:2] + 1, np.ones(1), 1.0, out
    )
    assert math.isnan(out[1])


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_equals_central_differences(kind):
    rng = np.random.default_rng(1)
    x, given = rng.uniform(0.1, 0.9, 12), rng.uniform(0.0, 2.0, 12)
    losses, h = rng.uniform(0.0, 3.0, ROWS.size), 1e-6
    numeric = [
        (total(cpu, kind, x + h * e, given, losses) - total(cpu, kind, x - h * e, given, losses))
        / (2 * h)
        for e in np.eye(x.size)
    ]
    np.testing.assert_allclose(gradient(cpu, kind, x, given, losses), numeric, atol=2e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_weighted_sum_is_the_sum_of_coefficients_times_losses(kind, case):
    x, given, losses = case
    coefficients = np.empty(ROWS.size)
    cpu.row_coefficients(kind, x, shift_of(cpu, kind, x), given, ROWS, SCALE, coefficients)
    assert total(cpu, kind, x, given, losses) == pytest.approx(coefficients @ losses, rel=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_cpu_equals_reference(kind, case):
    x, given, losses = case
    tight = 1e-13
    assert shift_of(cpu, kind, x) == pytest.approx(shift_of(reference, kind, x), rel=tight)
    assert total(cpu, kind, x, given, losses) == pytest.approx(
        total(reference, kind, x, given, losses), rel=tight
    )
    eps = np.finfo(x.dtype).eps
    got, expected = (gradient(k, kind, x, given, losses) for k in (cpu, reference))
    assert got.dtype == x.dtype
    np.testing.assert_allclose(got, expected, rtol=4 * eps, atol=4 * eps)

    coefficients = [np.full(ROWS.size + 2, -1.0, x.dtype) for _ in range(2)]
    for k, out in zip((cpu, reference), coefficients, strict=True):
        k.row_coefficients(kind, x, shift_of(k, kind, x), given, ROWS, SCALE, out)
        assert (out[ROWS.size :] == -1.0).all()
    np.testing.assert_allclose(*coefficients, rtol=2 * eps)


def test_without_weighting_x_is_not_read(case):
    _, given, losses = case
    nothing = np.empty(0, given.dtype)
    assert total(cpu, NONE, nothing, given, losses) == pytest.approx(
        SCALE * float(given[ROWS].astype(float) @ losses), rel=1e-14
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("m", "C"), [(1, 1), (7, 2), (5, 20)])
def test_row_products_equal_einsum(dtype, m, C):
    rng = np.random.default_rng(m)
    Z, U = rng.standard_normal((2, m * C + 3)).astype(dtype)
    expected = np.einsum("rc,rc->r", *(a[: m * C].astype(float).reshape(m, C) for a in (Z, U)))
    for k in (cpu, reference):
        out = np.full(m + 1, -1.0)
        k.row_products(Z, U, m, C, out)
        np.testing.assert_allclose(out[:m], expected, rtol=1e-13, atol=1e-14)
        assert out[m] == -1.0
