"""CPU kernels called from Python, without looking for their machine code in every call.

Kernels that take a number which must be known when they are compiled, as that of the classes, are
found by Numba after it has failed without it: a tenth of a second to a second, every time.
"""

from __future__ import annotations

from typing import Any

import numba
from numba import types
from numba.core.registry import CPUDispatcher


class CompiledCalls:
    """A family of CPU kernels; the first call of a kernel with given types compiles it."""

    def __init__(self, family: Any):
        self._family = family

    def __getattr__(self, name: str) -> Any:
        return compiled(getattr(self._family, name))


def compiled(kernel: Any) -> Any:
    """`kernel` itself unless it is compiled."""
    if not isinstance(kernel, CPUDispatcher):
        return kernel

    def call(*arguments: Any) -> Any:
        given = tuple(map(numba.typeof, arguments))
        for signature, code in kernel.overloads.items():
            if len(signature) == len(given) and all(map(_fits, signature, given, arguments)):
                return code.entry_point(*arguments)
        return kernel(*arguments)

    return call


def _fits(kind: Any, given: Any, value: Any) -> bool:
    """Whether an argument has the type of a signature, or is the literal it was compiled for."""
    if isinstance(kind, types.Literal):
        return kind.literal_type == given and kind.literal_value == value
    return kind == given
