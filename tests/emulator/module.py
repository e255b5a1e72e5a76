"""RawModule and RawKernel: the arguments are packed as CuPy packs them, and checked.

CuPy checks no types. A Python float handed to a kernel's `float` parameter, or an array of another
dtype than the pointer's, is read as something else on a device; here it is an error.
"""

from __future__ import annotations

import ctypes
import functools
import re
from typing import Any

import numpy as np

from .arrays import memories_of, ndarray
from .build import build, runtime
from .rules import EmulationError, Launched, config, count_launch
from .streams import Stream, enqueue

MOST_SHARED = 48 * 1024
_KERNEL = re.compile(r"__global__\s+void\s+(?:__launch_bounds__\([^)]*\)\s+)?(\w+)\s*\(")


class _Parameter(ctypes.Structure):
    """As in device/export.h."""

    _fields_ = (("kind", ctypes.c_char), ("pointer", ctypes.c_char), ("size", ctypes.c_uint))


class _Launch(ctypes.Structure):
    """As in runtime/scheduler.h."""

    _fields_ = (
        ("grid", ctypes.c_uint32 * 3),
        ("block", ctypes.c_uint32 * 3),
        ("dynamic_shared_bytes", ctypes.c_uint64),
        ("seed", ctypes.c_uint64),
        ("cooperative", ctypes.c_uint64),
        ("switches", ctypes.c_uint64),
        ("barriers", ctypes.c_uint64),
    )


def _type_of(dtype: np.dtype) -> str:
    kind = dtype.kind if dtype.kind in "fiub" else "V"
    return f"{kind}{dtype.itemsize}"


class _Type:
    """What a parameter wants."""

    def __init__(self, parameter: _Parameter) -> None:
        self.pointer = parameter.pointer != b"\0"
        self.name = f"{parameter.kind.decode()}{parameter.size}"

    def __str__(self) -> str:
        return self.name + "*" * self.pointer


def _packed(value: Any, wanted: _Type) -> bytes:
    """The bytes that a launch copies for `value`, see _pointer in cupy/cuda/function.pyx."""
    if value is None or isinstance(value, ndarray):
        if not wanted.pointer:
            raise EmulationError("an array for a parameter that is no pointer")
        if value is None:
            return bytes(8)
        if wanted.name not in (_type_of(value.dtype), "V0"):
            raise EmulationError(f"an array of dtype {value.dtype}")
        if not value._host.flags.c_contiguous:
            raise EmulationError("an array that is not contiguous")
        return int(value.data.ptr).to_bytes(8, "little")
    if isinstance(value, np.ndarray):
        if value.size != 1:
            raise TypeError(
                f"You are trying to pass a numpy.ndarray of shape {value.shape} as a kernel "
                "parameter. Only numpy.ndarrays of size one can be passed by value."
            )
    elif isinstance(value, (bool, int, float)):
        value = np.asarray(value, {bool: np.bool_, int: np.int64, float: np.float64}[type(value)])
    elif not isinstance(value, np.generic):
        raise TypeError(f"Unsupported type {type(value)}")
    if wanted.pointer or _type_of(value.dtype) != wanted.name:
        raise EmulationError(f"a value of dtype {value.dtype}")
    return value.tobytes()


class RawKernel:
    """A kernel of a module, or of its own source."""

    def __init__(
        self,
        code: str,
        name: str,
        options: tuple[str, ...] = (),
        backend: str = "nvrtc",
        *,
        enable_cooperative_groups: bool = False,
    ) -> None:
        module = RawModule(
            code=code, options=options, enable_cooperative_groups=enable_cooperative_groups
        )
        self._bind(module, name)

    def _bind(self, module: RawModule, name: str) -> RawKernel:
        number = module._kernels.index(name)
        self.name = name
        self.max_dynamic_shared_size_bytes = MOST_SHARED
        self._cooperative = module._cooperative
        self._call = getattr(module._library, f"emulated_call_{number}")
        described = ctypes.POINTER(_Parameter)()
        count = getattr(module._library, f"emulated_parameters_{number}")(ctypes.byref(described))
        self._types = [_Type(described[i]) for i in range(count)]
        return self

    def __call__(
        self,
        grid: tuple[int, ...],
        block: tuple[int, ...],
        args: tuple[Any, ...],
        *,
        shared_mem: int = 0,
        stream: Stream | None = None,
    ) -> None:
        grid, block = (*grid, 1, 1)[:3], (*block, 1, 1)[:3]
        self._check_shape(grid, block, shared_mem)
        packed = self._pack(args)
        launch = _Launch(grid, block, shared_mem, config.seed, self._cooperative)
        run = functools.partial(self._run, launch, packed)
        recorded = enqueue(run, memories_of(*args), stream)
        count_launch(Launched(self.name, grid, block, shared_mem, recorded))

    def _check_shape(self, grid: tuple[int, ...], block: tuple[int, ...], shared: int) -> None:
        threads = block[0] * block[1] * block[2]
        if min(*grid, *block) < 1 or threads > 1024 or block[2] > 64:
            raise EmulationError(f"{self.name}: invalid grid {grid} or block {block}")
        if max(grid[1:]) > 65535 or grid[0] >= 2**31:
            raise EmulationError(f"{self.name}: invalid grid {grid}")
        if shared > self.max_dynamic_shared_size_bytes:
            raise EmulationError(f"{self.name}: {shared} bytes of dynamic shared memory")
        most = config.multiprocessors * config.blocks_per_multiprocessor
        if self._cooperative and grid[0] * grid[1] * grid[2] > most:
            raise EmulationError(f"{self.name}: {grid} blocks cannot all run at the same time")

    def _pack(self, args: tuple[Any, ...]) -> list[bytes]:
        if len(args) != len(self._types):
            wanted = ", ".join(map(str, self._types))
            raise EmulationError(f"{self.name}: {len(args)} arguments for ({wanted})")
        packed = []
        for number, (value, wanted) in enumerate(zip(args, self._types, strict=True)):
            try:
                packed.append(_packed(value, wanted))
            except (EmulationError, TypeError) as problem:
                where = f"{self.name}, parameter {number} of type {wanted}"
                raise type(problem)(f"{where}: got {problem}") from None
        return packed

    def _run(self, launch: _Launch, packed: list[bytes]) -> None:
        buffers = [ctypes.create_string_buffer(value, max(16, len(value))) for value in packed]
        addresses = (ctypes.c_void_p * max(1, len(packed)))(*map(ctypes.addressof, buffers))
        error = ctypes.create_string_buffer(1000)
        if runtime().emulator_launch(
            ctypes.byref(launch), self._call, addresses, error, len(error)
        ):
            raise EmulationError(f"{self.name}: {error.value.decode()}")


class RawModule:
    """CUDA C++ source, compiled when its first kernel is asked for."""

    def __init__(
        self,
        *,
        code: str,
        options: tuple[str, ...] = (),
        backend: str = "nvrtc",
        enable_cooperative_groups: bool = False,
        name_expressions: Any = None,
    ) -> None:
        if not isinstance(options, tuple):
            raise TypeError("Argument 'options' has incorrect type (expected tuple)")
        self._code = code
        self._options = options
        self._cooperative = enable_cooperative_groups
        self._kernels = list(name_expressions or _KERNEL.findall(code))

    @functools.cached_property
    def _library(self) -> ctypes.CDLL:
        return build(self._code, self._options, tuple(self._kernels))

    def compile(self, log_stream: Any = None) -> None:
        assert self._library

    def get_function(self, name: str) -> RawKernel:
        if name not in self._kernels:
            raise EmulationError(f"CUDA_ERROR_NOT_FOUND: named symbol not found: {name}")
        return RawKernel.__new__(RawKernel)._bind(self, name)
