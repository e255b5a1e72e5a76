"""The vector exp: its stated error, the ends of its range, and what fastmath would do to it."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from numba import types
from numba.extending import intrinsic

from fastbilevel.kernels.cpu import llvm
from fastbilevel.kernels.cpu.jit import SAFE_FASTMATH

STATED_ULP = 1.1
LANES = {np.float32: 16, np.float64: 8}
# Domain: the upper end is stated, the lower one is the logarithm of the smallest normal number.
LOW = {dtype: float(np.log(np.finfo(dtype).tiny)) for dtype in LANES}
HIGH = {np.float32: 88.0, np.float64: 709.0}

pytestmark = pytest.mark.parametrize("dtype", LANES, ids=["float32", "float64"])


@intrinsic(prefer_literal=True)
def exp_in_place(typing, x, at, lanes):
    """``x[at:at+lanes] <- exp(x[at:at+lanes])``."""
    known = llvm.literals(lanes)
    if known is None:
        return None

    def generate(context, builder, signature, arguments):
        scalar = llvm.float_type(signature.args[0].dtype)
        pointer = llvm.array_pointer(context, builder, signature.args[0], arguments[0])
        place = llvm.offset(builder, pointer, arguments[1])
        value = llvm.vector_exp(
            builder, llvm.load(builder, place, scalar, known[0]), scalar, known[0]
        )
        llvm.store(builder, value, place, scalar)
        return context.get_dummy_value()

    return types.void(x, types.int64, lanes), generate


def compiled(lanes, fastmath=False):
    """A function that replaces every entry by its exp, `lanes` at a time."""

    @numba.njit(error_model="numpy", fastmath=fastmath)
    def run(x):
        for at in range(0, x.size - lanes + 1, lanes):
            exp_in_place(x, at, lanes)

    return run


def exp_of(values, dtype, lanes=None, fastmath=False):
    """exp of the values, filled up to a whole number of vectors."""
    lanes = lanes or LANES[dtype]
    x = np.zeros(-(-len(values) // lanes) * lanes, dtype)
    x[: len(values)] = values
    compiled(lanes, set(SAFE_FASTMATH) if fastmath else False)(x)
    return x[: len(values)]


def largest_ulp(x, got):
    """Largest error in units of the last place of the exact result."""
    exact = np.exp(x.astype(np.longdouble))
    ulp = np.spacing(exact.astype(x.dtype)).astype(np.longdouble)
    return float(np.max(np.abs(got - exact) / ulp))


@pytest.mark.skipif(
    np.finfo(np.longdouble).eps > 1e-18, reason="no exact exp to compare with on this machine"
)
@pytest.mark.parametrize("span", ["whole", "around zero", "first period"])
def test_error_is_as_stated_on_a_dense_grid(dtype, span):
    low, high = {
        "whole": (LOW[dtype], HIGH[dtype]),
        "around zero": (-1e-3, 1e-3),
        "first period": (-1.04, 1.04),
    }[span]
    x = np.linspace(low, high, 1 << 20).astype(dtype)
    x = x[(x >= low) & (x <= high)]
    assert largest_ulp(x, exp_of(x, dtype)) <= STATED_ULP


@pytest.mark.parametrize("lanes", [1, 2, 4, 32])
def test_every_number_of_lanes_gives_the_same_bits(dtype, lanes):
    x = np.linspace(LOW[dtype], HIGH[dtype], 4096).astype(dtype)
    np.testing.assert_array_equal(exp_of(x, dtype, lanes), exp_of(x, dtype))


def test_ends_of_the_range(dtype):
    below = np.nextafter(dtype(LOW[dtype]), dtype(-np.inf)) * dtype(1 + 1e-6)
    x = np.array([0.0, -0.0, LOW[dtype] + 1e-4, HIGH[dtype], below, -1e4, -1e30, -np.inf], dtype)
    got = exp_of(x, dtype)
    np.testing.assert_array_equal(got[:2], 1.0)
    np.testing.assert_allclose(got[2:4], np.exp(x[2:4]), rtol=4 * np.finfo(dtype).eps)
    assert got[2] >= np.finfo(dtype).tiny
    np.testing.assert_array_equal(got[4:], 0.0)


def test_nan_stays_nan_whatever_its_payload(dtype):
    integer = np.uint32 if dtype is np.float32 else np.uint64
    quiet = np.array([np.nan], dtype).view(integer)
    # Payload bits end up in the exponent of the power of two that exp builds.
    x = np.concatenate([quiet, quiet + integer(1), quiet + integer(0x1FF)]).view(dtype)
    assert np.isnan(exp_of(x, dtype)).all()


def test_results_do_not_fall(dtype):
    x = np.linspace(-4.0, 4.0, 1 << 14).astype(dtype)
    steps = np.diff(exp_of(x, dtype))
    assert (steps > 0).all()


def test_fastmath_would_be_caught(dtype):
    """Reassociation deletes the rounding: the error bound above sees it at once."""
    x = np.linspace(-10.0, 0.0, 4096).astype(dtype)
    wrong = exp_of(x, dtype, fastmath=True)
    assert np.max(np.abs(wrong / np.exp(x) - 1)) > 1e-2
    assert largest_ulp(x, wrong) > 1000 * STATED_ULP
    np.testing.assert_allclose(exp_of(x, dtype), np.exp(x), rtol=4 * np.finfo(dtype).eps)
