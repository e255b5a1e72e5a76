"""The double of CuPy as modules, one object each for the whole process."""

from __future__ import annotations

import functools
import sys
import types
from typing import Any

from . import functions, sparse, streams
from .build import unavailable
from .module import RawKernel, RawModule
from .rules import CUDARuntimeError, config, counting, stats

__all__ = ["config", "counting", "install", "stats", "unavailable"]
VERSION = "14.2.0+emulated"


def _module(name: str, members: dict[str, Any]) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__path__ = []
    vars(module).update(members)
    return module


@functools.cache
def modules() -> dict[str, types.ModuleType]:
    """cupy and cupyx with their parts, by full name."""
    runtime = _module(
        "cupy.cuda.runtime",
        {
            "CUDARuntimeError": CUDARuntimeError,
            "getDevice": lambda: 0,
            "getDeviceCount": lambda: 1,
            "getDeviceProperties": lambda device: {"name": b"a device that the CPU plays"},
            "deviceSynchronize": streams.Device().synchronize,
            "driverGetVersion": lambda: 13000,
            "runtimeGetVersion": lambda: 13000,
        },
    )
    cuda = _module(
        "cupy.cuda",
        {
            "Device": streams.Device,
            "Event": streams.Event,
            "Graph": streams.Graph,
            "Stream": streams.Stream,
            "get_current_stream": streams.get_current_stream,
            "get_elapsed_time": streams.get_elapsed_time,
            "is_available": lambda: True,
            "runtime": runtime,
        },
    )
    cupy = _module("cupy", {**functions.members(), "RawKernel": RawKernel, "RawModule": RawModule})
    cupy.__version__ = VERSION
    cupy.cuda = cuda

    def get_array_module(*values: Any) -> Any:
        if any(isinstance(v, functions.ndarray) or sparse.issparse(v) for v in values):
            return cupy
        return functions.np

    def missing(name: str) -> Any:
        raise AttributeError(f"the double of cupy has no attribute {name!r}, see tests/emulator")

    cupy.get_array_module = get_array_module
    cupy.__getattr__ = missing
    kinds = ("coo_matrix", "csc_matrix", "csr_matrix", "issparse", "isspmatrix_csr")
    matrices = _module("cupyx.scipy.sparse", {name: getattr(sparse, name) for name in kinds})
    scipy = _module("cupyx.scipy", {"sparse": matrices})
    cupyx = _module("cupyx", {"scipy": scipy})
    made = (cupy, cuda, runtime, cupyx, scipy, matrices)
    return {module.__name__: module for module in made}


def install() -> types.ModuleType:
    """Put the double where `import cupy` and `import cupyx` find it."""
    sys.modules.update(modules())
    return modules()["cupy"]
