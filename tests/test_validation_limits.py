"""Memory, starting points and bounds, by the numbers of the list of faults."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from backends import array_library
from small_data import XV, YV, C, D, M, X, Y, data, problem

import fastbilevel as fb
from fastbilevel._arrays import memory as _memory
from fastbilevel._checks import dense as _validation_dense


def test_fault_28_large_dense_zeros_get_a_hint(monkeypatch):
    monkeypatch.setattr(_validation_dense, "LARGE_BYTES", 100)
    with pytest.warns(UserWarning, match=r"95 % of it are zeros: scipy\.sparse") as caught:
        got = data(X=np.eye(20), y=np.arange(20) % C, Xv=np.ones((M, 20)))
    assert len(caught) == 1
    assert caught[0].filename == data.__code__.co_filename
    np.testing.assert_array_equal(got.X, np.eye(20))


@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
def test_fault_29_too_little_memory(monkeypatch, convert):
    monkeypatch.setattr(_memory, "available_memory", lambda: 100)
    with pytest.raises(MemoryError, match=r"would take about .* MB"):
        problem(convert(X), convert(XV))


def test_fault_29_too_many_lower_iterates(monkeypatch):
    p = problem()
    monkeypatch.setattr(_memory, "available_memory", lambda: 3000)
    with pytest.raises(MemoryError, match="40 lower iterates would take"):
        fb.minimize(p, order=40, lr_y=0.1, batch_size=4, val_batch_size=4)


def test_fault_29_what_the_system_says_is_used():
    available = _memory.available_memory()
    assert available is None or available > 2**20


def test_fault_29_too_little_memory_on_a_device():
    with array_library("emulated") as cp:
        arrays = [cp.asarray(a) for a in (X, Y, XV, YV)]
        free = 100, 1000
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cp.cuda.Device, "mem_info", free)
            with pytest.raises(MemoryError, match="available on the device"):
                fb.problems.LearnToRegularize(*arrays)


def test_fault_30_outputs_never_share_memory_with_inputs():
    buffer = np.zeros(D * C)
    p = problem()
    result = fb.minimize(p, x0=buffer[:D], y0=buffer, maxiter=2, lr_y=0.1)
    assert not buffer.any()
    outputs = (result.x, result.y, result.x_last, result.y_last)
    for i, array in enumerate(outputs):
        assert not np.shares_memory(array, buffer)
        assert not any(np.shares_memory(array, other) for other in outputs[:i])
    assert not np.shares_memory(p.coef(p.y0), p.y0)


def test_fault_31_bounds():
    p = problem()
    with pytest.raises(ValueError, match="lower <= upper"):
        fb.minimize(p, bounds=(1.0, -1.0))
    with pytest.raises(ValueError, match="NaN"):
        fb.minimize(p, bounds=(np.nan, 1.0))
    with pytest.warns(UserWarning, match="projected"):
        result = fb.minimize(p, x0=np.full(D, 5.0), bounds=(-1.0, 1.0), maxiter=1, lr_y=0.1)
    assert np.abs(result.x_last).max() <= 1.0
