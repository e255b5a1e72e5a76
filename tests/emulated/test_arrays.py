"""Arrays of the double: what CuPy refuses is refused, what it counts is counted."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from emulator.fake_cupy import counting

HOST = np.arange(6.0)


def test_arrays_know_where_they_come_from(cupy):
    assert (cupy.ndarray.__module__, cupy.ndarray.__name__) == ("cupy", "ndarray")
    assert cupy.get_array_module(cupy.zeros(1)) is cupy
    assert cupy.get_array_module(HOST) is np


@pytest.mark.parametrize(
    "mix",
    [
        np.asarray,
        lambda a: a + HOST,
        lambda a: HOST + a,
        lambda a: a.__iadd__(HOST),
        lambda a: np.add(a, a, out=HOST.copy()),
        lambda a: a + [1.0] * 6,
    ],
)
def test_host_and_device_do_not_mix(cupy, mix):
    with pytest.raises(TypeError):
        mix(cupy.asarray(HOST))


@pytest.mark.parametrize("value", [HOST, HOST[:1], [1.0] * 6])
def test_values_of_the_host_are_not_assigned(cupy, value):
    with pytest.raises(ValueError, match="non-scalar"):
        cupy.zeros(6)[:] = value


def test_what_cupy_lacks_does_not_exist(cupy):
    with pytest.raises(AttributeError):
        cupy.nanmedian_of_everything  # noqa: B018
    with pytest.raises(AttributeError):
        cupy.zeros(1).byteswap  # noqa: B018
    with pytest.raises(TypeError):
        range(cupy.asarray(3))


def test_slices_share_memory_and_elements_stay_on_the_device(cupy):
    with counting() as seen:
        a = cupy.asarray(HOST)
        a[1:3][:] = 0
        a[0] = 1.5
        a[4] = a[0]
        a[5:] = a[:1]
        element = a[4]
        a[3] = 7
        assert isinstance(element, cupy.ndarray)
    assert (seen.syncs, seen.allocations, seen.transfers, seen.copies) == (0, 1, 1, 5)
    np.testing.assert_array_equal(a.get(), [1.5, 0, 0, 7, 1.5, 1.5])
    assert element.shape == ()


def test_new_memory_is_not_zero(cupy):
    assert cupy.isnan(cupy.empty(3)).all()
    assert (cupy.empty(3, np.int32) == np.iinfo(np.int32).max).all()


@pytest.mark.parametrize("wait", [float, int, bool, repr, lambda a: a.item(), lambda a: a.get()])
def test_reading_a_value_waits_for_the_device(cupy, wait):
    a = cupy.ones(())
    with counting() as seen:
        wait(a)
    assert seen.syncs == 1


def test_a_selection_by_values_waits_for_the_device(cupy):
    a = cupy.asarray(HOST)
    with counting() as seen:
        a[a > 2]
        cupy.unique(a)
        cupy.argwhere(a)
        cupy.where(a)
    assert seen.syncs == 4


def test_arithmetic_allocates_and_arithmetic_in_place_does_not(cupy):
    a = cupy.asarray(HOST)
    with counting() as seen:
        a += 2 * a
        cupy.exp(a, out=a)
    assert (seen.allocations, seen.copies) == (1, 2)


def test_copies_are_copies(cupy):
    a = cupy.asarray(HOST)
    for other in (copy.copy(a), copy.deepcopy(a), pickle.loads(pickle.dumps(a)), a.copy()):
        other[:] = 0
        assert isinstance(other, cupy.ndarray)
    np.testing.assert_array_equal(a.get(), HOST)
    b = cupy.zeros(6)
    b.set(HOST)
    np.testing.assert_array_equal(cupy.asnumpy(b), HOST)
    with pytest.raises(TypeError):
        b.set(HOST.astype(np.float32))


def test_sparse_matrices_are_three_arrays(cupy):
    import cupyx.scipy.sparse as cxs

    host = sp.random(5, 7, 0.5, "csr", random_state=0)
    matrix = cxs.csr_matrix(host)
    assert type(matrix).__module__.startswith("cupyx")
    assert (matrix.shape, matrix.nnz, matrix.dtype) == ((5, 7), host.nnz, host.dtype)
    again = cxs.csr_matrix((matrix.data, matrix.indices, matrix.indptr), shape=(5, 7))
    for made in (matrix, again, cxs.csc_matrix(host).tocsr(), cxs.coo_matrix(host).tocsr()):
        np.testing.assert_array_equal(made.get().toarray(), host.toarray())
    with pytest.raises(ValueError, match="Only bool"):
        cxs.csr_matrix(host.astype(np.int32))
    with pytest.raises(ValueError, match="1-D cupy arrays"):
        cxs.csr_matrix((host.data, host.indices, host.indptr), shape=(5, 7))
