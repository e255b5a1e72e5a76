"""Turn one algorithm text into a function that runs on a backend."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any


def is_compiled(k: ModuleType) -> bool:
    """True if texts over the kernels `k` are compiled, False if they run as plain Python."""
    return k.__name__.endswith(".kernels.cpu")


@functools.cache
def text(make: Callable[..., Callable[..., Any]], k: ModuleType, *constants: Any) -> Any:
    """The text `make(k, *constants)`, compiled if `k` are the Numba kernels, plain otherwise.

    A text may use loops over `range`, integer and scalar arithmetic, slices, the oracles it is
    given and `k.<family>.<kernel>`. It may close over modules and plain constants only: a compiled
    function in a closure cell would never be found in Numba's disk cache.
    """
    function = make(k, *constants)
    if not is_compiled(k):
        return function
    from fastbilevel.kernels.cpu.jit import build

    return build(function)
