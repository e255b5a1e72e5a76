"""How every CUDA kernel is compiled and launched: the only place that talks to CuPy's compiler."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import numpy as np

from .constants import MOST_THREADS, TABLE_SIZE, THREADS, WARP, definitions

SOURCES = Path(__file__).parent
OPTIONS = ("--std=c++17",)
# Most blocks of a kernel that strides over its elements.
MOST_BLOCKS = 1024
# Most elements for which a block that works alone spares a reduction launches.
MOST_ALONE = 16 * MOST_THREADS
_TABLE = np.dtype([("v", np.float64, TABLE_SIZE)])
_C_NAMES = {
    np.dtype(np.float32): "float",
    np.dtype(np.float64): "double",
    np.dtype(np.int32): "int",
    np.dtype(np.int64): "long long",
}
_INCLUDE = re.compile(r'^#include "(\w+\.cuh)"$', re.MULTILINE)
_KERNEL = re.compile(
    r"template <([\w ,]+)>\s*__global__ void (?:__launch_bounds__\([\w, ]+\)\s+)?(\w+)\(",
    re.MULTILINE,
)


def source_of(family: str) -> str:
    """The CUDA C++ text of a family, its headers put in, behind the numbers it has from Python.

    CuPy's disk cache looks at this text alone: with headers in files of their own, or numbers among
    the options, it would go on using machine code for which they have changed.
    """
    found: set[str] = set()

    def expand(name: str) -> str:
        if name in found:
            return ""
        found.add(name)
        text = (SOURCES / name).read_text()

        def put_in(match: re.Match[str]) -> str:
            # Messages of the compiler name the file and the line that was written.
            line = text.count("\n", 0, match.end()) + 2
            return f'{expand(match[1])}\n#line {line} "{name}"'

        return f'#line 1 "{name}"\n{_INCLUDE.sub(put_in, text)}'

    source = expand(f"{family}.cu")
    return f'#line 1 "constants"\n{definitions(source)}{source}'


def kernels_of(family: str) -> dict[str, tuple[str, ...]]:
    """Names of the kernels of a family, and the template parameters of each."""
    text = (SOURCES / f"{family}.cu").read_text()
    return {
        match[2]: tuple(part.split()[-1] for part in match[1].split(","))
        for match in _KERNEL.finditer(text)
    }


def choices_of(parameter: str) -> tuple[str, ...]:
    """The types that a template parameter stands for: integers for I, floats for all others."""
    return ("int", "long long") if parameter == "I" else ("float", "double")


def expressions_of(family: str, types: tuple[str, ...]) -> tuple[str, ...]:
    """Instantiations, for `types`, of the kernels whose template parameters can be these."""
    return tuple(
        f"{name}<{', '.join(types)}>"
        for name, names in kernels_of(family).items()
        if len(names) == len(types)
        and all(kind in choices_of(n) for n, kind in zip(names, types, strict=True))
    )


@functools.cache
def _module(cupy: Any, family: str, types: tuple[str, ...], cooperative: bool) -> Any:
    return cupy.RawModule(
        code=source_of(family),
        options=OPTIONS,
        name_expressions=expressions_of(family, types),
        enable_cooperative_groups=cooperative,
    )


@functools.cache
def _function(cupy: Any, family: str, name: str, dtypes: tuple[Any, ...], cooperative: bool) -> Any:
    types = tuple(_C_NAMES[np.dtype(dtype)] for dtype in dtypes)
    module = _module(cupy, family, types, cooperative)
    return module.get_function(f"{name}<{', '.join(types)}>")


def launch(
    kernel: str,
    dtypes: tuple[Any, ...],
    blocks: int | tuple[int, ...],
    threads: int,
    *arguments: Any,
    shared: int = 0,
    cooperative: bool = False,
) -> None:
    """Launch a kernel on the current stream.

    Parameters
    ----------
    kernel : str
        ``family.name``: the kernel `name` in ``family.cu``.
    dtypes : tuple of dtype
        One for each template parameter.
    blocks : int or tuple of int
        Blocks of the grid; nothing is launched if there are none.
    threads : int
        Threads of a block.
    *arguments
        Device arrays, Python ints (``long long``), floats (``double``), tables (``Table``).
    shared : int
        Bytes of dynamic shared memory.
    cooperative : bool
        The kernel waits for all blocks; all kernels of its file are launched in this way.
    """
    grid = blocks if isinstance(blocks, tuple) else (blocks,)
    if 0 in grid:
        return
    import cupy

    family, name = kernel.split(".")
    function = _function(cupy, family, name, dtypes, cooperative)
    function(grid, (threads,), arguments, shared_mem=shared)


def launch_over(n: int, kernel: str, dtypes: tuple[Any, ...], *arguments: Any) -> None:
    """Launch a kernel that strides over n elements."""
    launch(kernel, dtypes, min(-(-n // THREADS), MOST_BLOCKS), THREADS, *arguments)


def launch_teams(m: int, C: int, kernel: str, dtypes: tuple[Any, ...], *arguments: Any) -> None:
    """Launch a kernel that gives each of m rows of C numbers to a team of threads.

    It gets m, C and the size of a team behind its other arguments, see ``team.cuh``.
    """
    width = min(WARP, 1 << (C - 1).bit_length())
    blocks = min(-(-m * width // THREADS), MOST_BLOCKS)
    launch(kernel, dtypes, blocks, THREADS, *arguments, m, C, width)


def launch_alone(n: int, kernel: str, dtypes: tuple[Any, ...], *arguments: Any) -> None:
    """Launch one block that strides over n elements, even if there are none."""
    threads = min(MOST_THREADS, max(WARP, -(-n // WARP) * WARP))
    launch(kernel, dtypes, 1, threads, *arguments)


def table(values: Any) -> np.ndarray:
    """A small host array as an argument that travels with the launch, ``Table`` in the kernel.

    Weights and coefficients of the offsets live on the host: texts read them, and a copy to the
    device would be a transfer in every iteration.
    """
    flat = np.asarray(values, np.float64).reshape(-1)
    out = np.zeros(1, _TABLE)
    out["v"][0, : flat.size] = flat
    return out


def shift_arguments(shift: Any) -> tuple[Any, float]:
    """What two kernel parameters ``const double* shift, double shift_value`` get.

    Texts hand over an element of a device array, which CuPy leaves on the device, or a number.
    """
    if hasattr(shift, "get"):
        return shift, 0.0
    return None, float(shift)


@functools.cache
def _scratch(cupy: Any, device: int, stream: int, size: int) -> Any:
    return cupy.empty(size, np.float64)


def scratch(size: int) -> Any:
    """float64 scratch of the current stream, (>= size,): the partial sums of a reduction.

    Allocated once, so that launches can be captured in a graph after a first run.
    """
    import cupy

    capacity = max(MOST_BLOCKS, 1 << (size - 1).bit_length())
    return _scratch(cupy, cupy.cuda.Device().id, cupy.cuda.get_current_stream().ptr, capacity)


def launch_sums(
    n: int, kernel: str, dtypes: tuple[Any, ...], *arguments: Any, sums: int = 1
) -> tuple[Any, int]:
    """Launch a kernel that writes partial sums of n elements, `sums` a block, into scratch.

    It gets the scratch and n behind its other arguments. Returns the scratch and the blocks.
    """
    blocks = min(max(1, -(-n // THREADS)), MOST_BLOCKS)
    parts = scratch(sums * blocks)
    launch(kernel, dtypes, blocks, THREADS, *arguments, parts, n)
    return parts, blocks
