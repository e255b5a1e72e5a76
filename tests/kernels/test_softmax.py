"""Softmax kernels: closed forms, derivatives, and Numba against the float64 reference."""

from __future__ import annotations

import numpy as np
import pytest

from fastbilevel._texts.compile import compile_text
from fastbilevel.kernels import cpu, reference

CLASSES = [2, 3, 4, 5, 7, 8, 16, 17, 20, 26, 33]
M, SPARE = 5, 3
ROWS = np.array([6, 2, 2, 0, 9], np.int64)

dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
backends = pytest.mark.parametrize("k", [reference, cpu], ids=["reference", "cpu"])


def make_residual(k, C):
    def residual(Z, labels, rows, coefficients):
        k.softmax.residual(Z, labels, rows, coefficients, C)

    return residual


def make_losses(k, C):
    def losses(Z, labels, rows, out):
        k.softmax.losses(Z, labels, rows, out, C)

    return losses


def make_curvature(k, C):
    def curvature(Z, U, rows, coefficients):
        k.softmax.curvature(Z, U, rows, coefficients, C)

    return curvature


def make_combine_losses(k, g, C):
    def combine_losses(Z, labels, rows, alpha, accumulator):
        k.softmax.combine_losses(Z, labels, rows, alpha, accumulator, g, C)

    return combine_losses


def frozen(array):
    array.flags.writeable = False
    return array


class Batch:
    """Logits, directions and weights of a minibatch of five samples, a repeated one among them."""

    def __init__(self, C, dtype, width=None, size=1.0):
        rng = np.random.default_rng(C)
        self.C, self.dtype = C, dtype
        self.Z = (size * rng.standard_normal(M * (width or C) + SPARE)).astype(dtype)
        self.U = rng.standard_normal(self.Z.size).astype(dtype)
        self.labels = frozen(rng.integers(0, C, 10).astype(np.int32))
        self.labels_of_rows = self.labels[ROWS]
        self.coefficients = frozen(rng.uniform(-0.5, 2.0, M).astype(dtype))

    def logits(self):
        return self.Z[: M * self.C].reshape(M, self.C).astype(np.float64)


def tolerance(dtype):
    return {np.float32: 1e-6, np.float64: 1e-14}[dtype]


def assert_parity(got, wide, dtype):
    np.testing.assert_array_equal(np.isnan(got), np.isnan(wide))
    largest = np.nanmax(np.abs(wide), initial=0.0)
    np.testing.assert_allclose(got, wide, rtol=0, atol=tolerance(dtype) * largest)


@dtypes
@pytest.mark.parametrize("C", CLASSES)
def test_residual_parity(C, dtype):
    batch = Batch(C, dtype)
    wide, before = batch.Z.astype(np.float64), batch.Z.copy()
    arguments = batch.labels, ROWS, batch.coefficients
    compile_text(make_residual, cpu, C)(batch.Z, *arguments)
    reference.softmax.residual(wide, *arguments, C)
    assert_parity(batch.Z, wide, dtype)
    np.testing.assert_array_equal(batch.Z[-SPARE:], before[-SPARE:])


@dtypes
@pytest.mark.parametrize("C", CLASSES)
def test_losses_parity(C, dtype):
    batch = Batch(C, dtype, size=3.0)
    got, wide = np.full(M + SPARE, 7.0), np.full(M + SPARE, 7.0)
    compile_text(make_losses, cpu, C)(frozen(batch.Z), batch.labels, ROWS, got)
    reference.softmax.losses(batch.Z.astype(np.float64), batch.labels, ROWS, wide, C)
    np.testing.assert_allclose(got, wide, rtol=tolerance(dtype))


@dtypes
@pytest.mark.parametrize("C", CLASSES)
def test_curvature_parity(C, dtype):
    batch = Batch(C, dtype)
    wide = batch.U.astype(np.float64)
    compile_text(make_curvature, cpu, C)(frozen(batch.Z), batch.U, ROWS, batch.coefficients)
    reference.softmax.curvature(batch.Z.astype(np.float64), wide, ROWS, batch.coefficients, C)
    assert_parity(batch.U, wide, dtype)
    np.testing.assert_array_equal(batch.U[-SPARE:], wide[-SPARE:])


@dtypes
@pytest.mark.parametrize(("g", "C"), [(1, 2), (2, 3), (2, 20), (3, 17)])
def test_combined_losses_parity(g, C, dtype):
    batch = Batch(C, dtype, width=g * C)
    alpha = frozen(np.array([-1.5, 2.0, 0.25])[:g])
    got = np.linspace(-1.0, 1.0, M + SPARE)
    wide = got.copy()
    compile_text(make_combine_losses, cpu, g, C)(frozen(batch.Z), batch.labels, ROWS, alpha, got)
    reference.softmax.combine_losses(
        batch.Z.astype(np.float64), batch.labels, ROWS, alpha, wide, g, C
    )
    np.testing.assert_allclose(got, wide, rtol=tolerance(dtype), atol=tolerance(dtype))


@backends
def test_residual_of_equal_logits(k):
    Z, labels = np.full(4, 3.0), np.array([2], np.int32)
    compile_text(make_residual, k, 4)(Z, labels, np.zeros(1, np.int64), np.array([2.0]))
    np.testing.assert_allclose(Z, [0.5, 0.5, -1.5, 0.5], rtol=1e-15)


@backends
def test_residual_is_the_derivative_of_the_losses(k):
    batch, step = Batch(5, np.float64), 1e-6
    residuals = batch.Z.copy()
    compile_text(make_residual, k, 5)(residuals, batch.labels, ROWS, np.ones(M))
    for c in range(5):
        sides = []
        for sign in (1, -1):
            Z, out = batch.Z.copy(), np.empty(M)
            Z[: M * 5].reshape(M, 5)[:, c] += sign * step
            compile_text(make_losses, k, 5)(Z, batch.labels, ROWS, out)
            sides.append(out)
        slope = (sides[0] - sides[1]) / (2 * step)
        np.testing.assert_allclose(residuals[c : M * 5 : 5], slope, atol=1e-9)


@backends
def test_curvature_is_the_derivative_of_the_residual(k):
    batch, step = Batch(5, np.float64), 1e-6
    product = batch.U.copy()
    compile_text(make_curvature, k, 5)(batch.Z, product, ROWS, batch.coefficients)
    sides = []
    for sign in (1, -1):
        Z = batch.Z + sign * step * batch.U
        compile_text(make_residual, k, 5)(Z, batch.labels, ROWS, batch.coefficients)
        sides.append(Z[: M * 5])
    np.testing.assert_allclose(product[: M * 5], (sides[0] - sides[1]) / (2 * step), atol=1e-9)


@dtypes
@backends
def test_combined_losses_of_one_offset_are_the_losses(k, dtype):
    batch = Batch(3, dtype)
    plain, combined = np.empty(M), np.zeros(M)
    compile_text(make_losses, k, 3)(batch.Z, batch.labels, ROWS, plain)
    compile_text(make_combine_losses, k, 1, 3)(
        batch.Z, batch.labels, ROWS, np.array([-2.0]), combined
    )
    np.testing.assert_allclose(combined, -2.0 * plain, rtol=1e-15)


@dtypes
@backends
def test_huge_logits_stay_finite(k, dtype):
    C, rows = 3, np.arange(2)
    Z = np.array([1e4, -1e4, 0.0, -1e4, 1e4, -1e4], dtype)
    labels = np.array([0, 2], np.int32)
    out = np.empty(2)
    compile_text(make_losses, k, C)(Z, labels, rows, out)
    np.testing.assert_array_equal(out, [0.0, 2e4])
    compile_text(make_residual, k, C)(Z, labels, rows, np.ones(2, dtype))
    np.testing.assert_array_equal(Z, [0.0, 0.0, 0.0, 0.0, 1.0, -1.0])


@dtypes
def test_small_losses_keep_their_digits(dtype):
    """A sure prediction: log(1 + exp(-z)), where a sum in float32 would be 1 from z = 17 on."""
    gap = np.array([10.0, 15.0, 20.0])
    Z = np.stack([np.zeros(3), -gap], axis=1).astype(dtype).reshape(-1)
    out = np.empty(3)
    compile_text(make_losses, cpu, 2)(Z, np.zeros(3, np.int32), np.arange(3), out)
    exact = np.log1p(np.exp(-gap))
    np.testing.assert_allclose(out, exact, rtol=tolerance(dtype), atol=4 * np.finfo(float).eps)
    assert np.log(np.float32(1) + np.exp(np.float32(-20))) == 0


@dtypes
@backends
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_not_finite_spoils_its_row_alone(value, k, dtype):
    C, rows = 20, np.arange(3)
    Z = np.linspace(-1.0, 1.0, 3 * C).astype(dtype)
    labels = np.zeros(3, np.int32)
    for place in (0, 7, 19):
        logits, out = Z.copy(), np.empty(3)
        logits[C + place] = value
        compile_text(make_losses, k, C)(logits, labels, rows, out)
        assert np.isfinite(out[[0, 2]]).all()
        # exp(-inf) = 0: no harm, except that the label itself becomes impossible.
        spoiled = value != -np.inf
        assert np.isnan(out[1]) if spoiled else out[1] > 0
        assert np.isinf(out[1]) == (not spoiled and place == 0)
        compile_text(make_residual, k, C)(logits, labels, rows, np.ones(3, dtype))
        expected = np.repeat([False, spoiled, False], C)
        np.testing.assert_array_equal(np.isnan(logits), expected)
