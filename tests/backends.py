"""The backends that one set of test bodies runs on: reference, cpu, emulated, cuda.

`emulated` is the CUDA backend, host code and CUDA C++ alike, over the double of CuPy in `emulator`;
`cuda` is the same on a real device and is skipped, with the reason, where there is none.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sys
from typing import Any

import numba
import numpy as np
import pytest

from fastbilevel.kernels.reference.projection import BALL, SIMPLEX

BACKENDS = (
    "reference",
    "cpu",
    "emulated",
    pytest.param("cuda", marks=pytest.mark.gpu),
)
# Small tables that the CUDA backend keeps on the host, by the name of the parameter.
HOST_TABLES = ("weights", "alpha", "positive", "offsets", "lr")


def no_device() -> str:
    """Why there is no usable device, or nothing."""
    try:
        import cupy

        if "emu" in cupy.__version__:
            return "the double of CuPy is installed in this process"
        count = cupy.cuda.runtime.getDeviceCount()
        cupy.zeros(1).get()
    except Exception as problem:
        return f"no usable CUDA device: {type(problem).__name__}: {problem}"
    return "" if count else "no CUDA device"


@contextlib.contextmanager
def array_library(backend: str) -> Any:
    """The arrays of a backend, as a module: NumPy, CuPy's double or CuPy."""
    if backend == "cpu":
        yield np
    elif backend == "reference":
        # What NUMBA_DISABLE_JIT does: dispatch then gives NumPy arrays to the reference kernels.
        before, numba.config.DISABLE_JIT = numba.config.DISABLE_JIT, 1
        try:
            yield np
        finally:
            numba.config.DISABLE_JIT = before
    elif backend == "cuda":
        # `conftest` skips these tests where there is no usable device.
        yield importlib.import_module("cupy")
    else:
        from emulator import fake_cupy

        if reason := fake_cupy.unavailable():
            pytest.skip(reason)
        hidden = {n: m for n, m in sys.modules.items() if n.partition(".")[0] in ("cupy", "cupyx")}
        for name in hidden:
            del sys.modules[name]
        try:
            yield fake_cupy.install()
        finally:
            for name in [n for n in sys.modules if n.partition(".")[0] in ("cupy", "cupyx")]:
                del sys.modules[name]
            sys.modules.update(hidden)


def kernels_of(backend: str) -> Any:
    name = "cuda" if backend == "emulated" else backend
    return importlib.import_module(f"fastbilevel.kernels.{name}")


def placed(xp: Any, value: Any) -> Any:
    """`value` with every array in it as one of `xp`."""
    if xp is np:
        return value
    if isinstance(value, tuple):
        return (
            type(value)(*(placed(xp, v) for v in value))
            if hasattr(value, "_fields")
            else tuple(placed(xp, v) for v in value)
        )
    return xp.asarray(value) if isinstance(value, np.ndarray) else value


def fetched(value: Any) -> Any:
    """`value` with every device array in it as one of NumPy."""
    if isinstance(value, tuple):
        return tuple(fetched(v) for v in value)
    return value.get() if hasattr(value, "get") and hasattr(value, "dtype") else value


def on_device(xp: Any, kernel: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of a kernel where its backend wants them: on the device, but for tables.

    The radius of a ball or a simplex stays on the host too.
    """
    names = list(inspect.signature(kernel).parameters)
    given = dict(zip(names, arguments, strict=True))
    radius = given.get("kind") in (BALL, SIMPLEX) and np.size(given.get("b")) == 1
    on_host = (*HOST_TABLES, "b") if radius else HOST_TABLES
    return tuple(value if name in on_host else placed(xp, value) for name, value in given.items())


class HostCalls:
    """A family of CUDA kernels to be called with NumPy arrays, which they change in place.

    So that the tests of a family, written for NumPy, are those of this backend too.
    """

    def __init__(self, xp: Any, family: Any):
        self._xp, self._family = xp, family

    def __getattr__(self, name: str) -> Any:
        kernel = getattr(self._family, name)
        if not callable(kernel):
            return kernel

        def call(*arguments: Any) -> Any:
            device = on_device(self._xp, kernel, arguments)
            returned = fetched(kernel(*device))
            _copy_back(device, arguments)
            return returned

        return call


def _copy_back(device: Any, host: Any) -> None:
    """Give host arrays that can be written what their copies on the device hold."""
    if isinstance(host, tuple):
        for theirs, ours in zip(device, host, strict=True):
            _copy_back(theirs, ours)
    elif isinstance(host, np.ndarray) and host.flags.writeable and device is not host:
        host[...] = device.get()
