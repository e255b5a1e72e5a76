"""Kernel speeds are computed from touched bytes, counted operations and this machine's limits."""

from __future__ import annotations

import numpy as np
import pytest

from fastbilevel import kernels
from fastbilevel._rates import measure as rates
from fastbilevel._rates.case import Case
from fastbilevel._rates.data_cases import cases


def test_row_shows_rates_and_shares():
    limits = rates.Limits(copy=4e9, gemm=2e10)
    rate = rates.Rate("csr.forward", "5 rows", seconds=1e-3, touched=2e6, operations=1e7)
    assert rate.row(limits) == ("csr.forward", "5 rows", "1000", "2", "50%", "10", "50%")
    uncounted = rate._replace(operations=0.0)
    assert uncounted.row(limits)[-2:] == ("", "")
    assert len(rate.row(limits)) == len(rates.COLUMNS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_limits_of_a_core_are_those_of_a_computer(dtype):
    limits = rates.measure_limits(dtype, 0.1)
    assert 1e8 < limits.copy < 1e13
    assert 1e7 < limits.gemm < 1e14


def test_time_is_that_of_one_call():
    """A case of five calls that takes t for all of them costs t / 5 each."""
    n = 1_000_000
    x = np.zeros(n, np.float32)
    one = Case("vector.axpy", "", _many_axpy, (1,), (x, x), 12.0 * n)
    five = one._replace(constants=(5,), calls=5)
    alone, each = (rates._rate(case, 0.3).seconds for case in (one, five))
    assert 0.4 < each / alone < 2.5


def _many_axpy(k, calls):
    def many_axpy(repeats, x, y):
        for _ in range(repeats * calls):
            k.vector.axpy(1e-6, x, y)

    return many_axpy


def test_cases_name_kernels_and_count_what_they_touch():
    found = list(cases(np.dtype(np.float32)))
    assert {case.kernel for case in found} <= set(kernels.KERNELS)
    for family in ("vector", "softmax", "csr", "dense", "penalty"):
        assert any(case.kernel.startswith(family) for case in found)
    assert all(case.touched > 0 for case in found)
    wide = list(cases(np.dtype(np.float64)))
    for narrow, double in zip(found, wide, strict=True):
        assert narrow.operations == double.operations
        assert narrow.touched < double.touched <= 2 * narrow.touched
