"""Where arrays live: tuples of them, copies on a device, what memory allows."""

from __future__ import annotations

import sys
from collections import namedtuple
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp
from backends import array_library

from fastbilevel._arrays import memory
from fastbilevel._arrays.dispatch import backend_of, require_device
from fastbilevel._arrays.placement import (
    Mirror,
    fetch,
    is_device_array,
    is_sparse,
    library_of,
    place,
)
from fastbilevel._arrays.tuples import map_tuple, read_only, with_floats
from fastbilevel.kernels import cpu, cuda, reference

Pair = namedtuple("Pair", "first second")


# -- tuples ------------------------------------------------------------------------------------


def test_a_record_stays_a_record_and_a_tuple_a_tuple():
    assert map_tuple(lambda n: n + 1, (1, 2)) == (2, 3)
    found = map_tuple(lambda n: n + 1, Pair(1, 2))
    assert isinstance(found, Pair)
    assert found == Pair(2, 3)


def test_a_read_only_view_shares_the_numbers_and_leaves_the_array_as_it_is():
    array = np.arange(3.0)
    view = read_only(array)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1.0
    assert np.shares_memory(array, view)
    assert array.flags.writeable


def test_floats_are_cast_and_all_else_stays_itself():
    floats, whole, flag = np.array([0.1]), np.arange(2), np.array([True])
    found = with_floats(np.dtype(np.float32), Pair((floats, whole), (flag, "a", 2.5, None)))
    cast = found.first[0]
    assert cast.dtype == np.float32
    assert not cast.flags.writeable
    assert cast[0] == np.float32(0.1)
    assert found.first[1] is whole
    assert found.second[0] is flag
    assert found.second[1:] == ("a", 2.5, None)
    # Also where there is nothing to convert.
    assert not with_floats(np.dtype(np.float64), floats).flags.writeable


# -- hosts and devices -------------------------------------------------------------------------


def test_on_the_host_nothing_is_moved():
    value = Pair(np.zeros(2), (np.ones(1), 3))
    for kernels in (cpu, reference):
        assert place(kernels, value) is value
        assert Mirror().place(kernels, value) is value
        assert library_of(kernels) is np
    assert fetch(value.first) is value.first
    assert not is_device_array(value.first)
    assert not is_sparse(sp.csr_matrix((1, 1)))


def test_arrays_in_tuples_go_to_the_device_and_come_back():
    host = np.arange(3.0)
    with array_library("emulated") as cp:
        assert library_of(cuda) is cp
        placed = place(cuda, Pair(host, (2, "a", host)))
        assert isinstance(placed, Pair)
        assert placed.second[:2] == (2, "a")
        for array in (placed.first, placed.second[2]):
            assert is_device_array(array)
            assert not is_sparse(array)
            assert isinstance(fetch(array), np.ndarray)
            np.testing.assert_array_equal(fetch(array), host)
        sparse = sys.modules["cupyx.scipy.sparse"].csr_matrix(sp.csr_matrix(np.eye(2)))
        assert is_device_array(sparse)
        assert is_sparse(sparse)


def test_a_mirror_makes_one_copy_of_each_array():
    one, other = np.zeros(2), np.ones(2)
    with array_library("emulated"):
        mirror = Mirror()
        first = mirror.place(cuda, Pair(one, (other, 2)))
        again = mirror.place(cuda, (other, one, "a"))
        assert isinstance(first, Pair)
        assert again[1] is first.first
        assert again[0] is first.second[0]
        assert first.first is not first.second[0]
        assert (first.second[1], again[2]) == (2, "a")
        np.testing.assert_array_equal(fetch(again[0]), other)
        # Of another array with the same numbers too: the copies are found by identity.
        assert mirror.place(cuda, np.zeros(2)) is not first.first


class Works:
    """CuPy on a device on which a kernel leaves `value`."""

    def __init__(self, value: float):
        self.value = value

    def zeros(self, n):
        return self

    def __add__(self, number):
        assert number == 1.0
        return self

    def get(self):
        return np.array([self.value, np.nan])


def test_a_device_that_computes_wrongly_is_refused():
    require_device(Works(1.0))
    with pytest.raises(RuntimeError, match="a kernel gave a wrong result"):
        require_device(Works(0.0))


def test_foreign_arrays_are_named_with_advice_for_each():
    def array_of(library):
        return type("Array", (), {"__module__": f"{library}.core", "shape": (1,)})()

    with pytest.raises(TypeError, match=r"^Got arrays of JAX\. .*silently: for JAX, convert"):
        backend_of(array_of("jax"))
    with pytest.raises(
        TypeError, match=r"^Got a mixture of arrays of JAX and PyTorch\. .*: for JAX, .*; for PyTo"
    ):
        backend_of(array_of("torch"), array_of("jax"))
    # What has no shape is no array.
    assert backend_of(type("Text", (), {"__module__": "torch"})()) in (cpu, reference)


# -- memory ------------------------------------------------------------------------------------


def test_what_just_fits_is_allowed(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 3 << 20)
    memory.check_memory(3 << 20, "The data", cpu)
    with pytest.raises(MemoryError, match=r"^The data would take about 3 MB; 3 MB are available\."):
        memory.check_memory((3 << 20) + 1, "The data", cpu)
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    memory.check_memory(1 << 80, "The data", cpu)


def test_on_a_device_its_own_memory_counts(monkeypatch):
    device = SimpleNamespace(mem_info=(2 << 20, 8 << 20))
    cupy = SimpleNamespace(cuda=SimpleNamespace(Device=lambda: device))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setattr(memory, "available_memory", lambda: 1)
    memory.check_memory(2 << 20, "The data", cuda)
    with pytest.raises(MemoryError, match=r"5 MB; 2 MB are available on the device\."):
        memory.check_memory(5 << 20, "The data", cuda)


def test_available_memory_is_read_in_bytes(monkeypatch, tmp_path):
    told = tmp_path / "meminfo"
    told.write_text("MemTotal: 9 kB\nMemFree: 8 kB\nMemAvailable:    7 kB\nBuffers: 6 kB\n")
    opened = open

    def in_place_of_the_system(path, *rest):
        return opened(told if path == "/proc/meminfo" else path, *rest)

    monkeypatch.setattr("builtins.open", in_place_of_the_system)
    assert memory.available_memory() == 7 * 1024
    told.write_text("MemTotal: 9 kB\n")
    assert memory.available_memory() is None
    told.unlink()
    assert memory.available_memory() is None
