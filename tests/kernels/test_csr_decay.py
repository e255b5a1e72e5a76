"""The lazy decay of the CSR step is exact, and what a float32 factor would do is caught."""

from __future__ import annotations

import numpy as np
import pytest
from csr_cases import SMALL, Case, assert_close, frozen

from fastbilevel.kernels import reference

dtypes = pytest.mark.parametrize("dtype", SMALL, ids=["float32", "float64"])


def lazy_and_dense(shape, penalty, **options):
    """The same case with one penalty per feature, and with that penalty for every class."""
    lazy, dense = (Case(*shape, **options) for _ in range(2))
    lazy.penalty = frozen(np.asarray(penalty, np.float64).reshape(-1, 1))
    dense.penalty = frozen(np.repeat(lazy.penalty, dense.C, axis=1))
    for case in (lazy, dense):
        case.scale[:] = 1.0
    return lazy, dense


@dtypes
def test_a_thousand_lazy_steps_are_a_thousand_dense_steps(dtype):
    d = 19
    # From no decay to one that goes through the smallest scale every few steps.
    penalty = np.concatenate([[0.0], np.geomspace(1e-6, 1.4, d - 1)])
    lazy, dense = lazy_and_dense(SMALL[dtype], penalty, steps=1000, lr=0.7, d=d)
    lazy.run()
    dense.run()
    assert (lazy.scale > 2.0**-20).all()
    assert (1000 * np.log1p(-0.7 * penalty) < -20 * np.log(2.0)).sum() >= 5
    np.testing.assert_array_equal(dense.scale, 1.0)
    W, expected = lazy.iterates(), dense.iterates().astype(np.float64)
    # Each step rounds a few times, with either sign: a random walk of a thousand steps.
    tolerance = 4 * np.sqrt(1000) * np.finfo(dtype).eps
    np.testing.assert_allclose(W, expected, rtol=0, atol=tolerance * abs(W).max())


@dtypes
@pytest.mark.parametrize("fixed", [True, False], ids=["blocks", "rows"])
def test_factors_that_the_scale_cannot_hold(dtype, fixed):
    """1 - lr e zero, negative, below -1, tiny, one ulp below one: all in one step, then three."""
    factors = np.array([0.0, -0.5, -3.0, 1e-9, 2.0**-20, np.nextafter(2.0**-20, 1), 1 - 2.0**-53])
    for steps in (1, 3):
        case, _ = lazy_and_dense(
            SMALL[dtype], np.resize((1 - factors) / 0.7, 19), steps=steps, fixed=fixed
        )
        wide = case.in_float64()
        case.run()
        wide.run(reference)
        assert_close(case.V, wide.V)
        np.testing.assert_allclose(case.scale, wide.scale, rtol=1e-15)
        assert (case.scale > 2.0**-20).all()
        assert_close(case.iterates(), wide.iterates(), dtype)


@dtypes
def test_nan_penalty_spoils_its_feature_alone(dtype):
    case, _ = lazy_and_dense(SMALL[dtype], np.full(19, 0.1))
    penalty = case.penalty.copy()
    penalty[5] = np.nan
    case.penalty = frozen(penalty)
    case.run()
    spoiled = np.isnan(case.V.reshape(19, -1))
    np.testing.assert_array_equal(spoiled.all(axis=1), np.arange(19) == 5)
    assert not spoiled[np.arange(19) != 5].any()
    assert np.isfinite(case.scale).all()


@dtypes
def test_weak_decay_over_many_steps_is_unbiased(dtype):
    """Decay alone (no data): W = (1 - lr e)^n W_0, where a float32 factor is wrong every time."""
    n, lr = 4000, 0.5
    # Halfway between two float32 numbers, so that rounding is worst.
    strength = np.array([0.75, 1.25, 2.5, 3.5]) * 2.0**-24
    case = Case(*SMALL[dtype], steps=n, lr=lr)
    case.sides = tuple(without_entries(side) for side in case.sides)
    case.penalty = frozen(np.resize(strength / lr, (case.d, 1)))
    case.scale[:] = 1.0
    start = case.V.reshape(case.d, -1).astype(np.float64)
    case.run()
    got = case.iterates().reshape(case.d, -1) / start
    exact = np.exp(n * np.log1p(-np.resize(strength, case.d)))[:, None]
    tolerance = 4 * np.finfo(np.float32).eps
    np.testing.assert_allclose(got, np.broadcast_to(exact, got.shape), rtol=tolerance)

    rounded = np.float32(1) - np.resize(strength, case.d).astype(np.float32)
    wrong = rounded.astype(np.float64)[:, None] ** n
    assert (abs(wrong / exact - 1) > 50 * tolerance).all()


def without_entries(side):
    """The side with all values zero."""

    def zeroed(arrays):
        return tuple(frozen(0 * a) if a.dtype.kind == "f" else a for a in arrays)

    X, labels, given, blocks = side
    return zeroed(X), labels, given, zeroed(blocks)
