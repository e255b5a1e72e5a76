"""Turn one algorithm text into a function that runs on a backend."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any


def _is_numba(k: ModuleType) -> bool:
    return k.__name__.endswith(".kernels.cpu")


@functools.cache
def text(
    make: Callable[..., Callable[..., Any]],
    k: ModuleType,
    *constants: Any,
    compiled: bool = True,
) -> Any:
    """The text `make(k, *constants)`, compiled if `k` are the Numba kernels, plain otherwise.

    A text may use loops over `range`, integer and scalar arithmetic, slices, the oracles it is
    given and `k.<family>.<kernel>`. It may close over modules and plain constants only: a compiled
    function in a closure cell would never be found in Numba's disk cache.

    Parameters
    ----------
    make : callable
        ``make(k, *constants)`` returns the text.
    k : module
        Kernels of a backend.
    *constants : int, float, bool or module
        Compile-time constants.
    compiled : bool
        False leaves the text plain Python, for oracles that cannot be compiled.
    """
    function = make(k, *constants)
    if not (compiled and _is_numba(k)):
        return function
    from fastbilevel.kernels.cpu.jit import build

    return build(function)


@contextlib.contextmanager
def _without_notice() -> Iterator[None]:
    """Numba calls typed function pointers experimental each time; our tests are the notice."""
    from numba.core.errors import NumbaExperimentalFeatureWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumbaExperimentalFeatureWarning)
        yield


class Pointer:
    """A compiled oracle and the type under which another compiled text calls it.

    A loop that took the dispatcher itself would be compiled anew in every process; one that takes
    a typed function pointer is found in the disk cache.

    Parameters
    ----------
    function : Numba dispatcher
    arguments : tuple
        Sample arguments, by which the signature is found.
    """

    def __init__(self, function: Any, arguments: tuple[Any, ...]):
        from numba import types

        self.function = function
        with _without_notice():
            argument_types = tuple(type_of(a) for a in arguments)
            function.compile(argument_types)
        # What interpreted code calls; the dispatcher would look for its types at every call.
        self.entry = function.get_overload(argument_types)
        returned = function.overloads[argument_types].signature.return_type
        with _without_notice():
            self.type = types.FunctionType(returned(*argument_types))


def type_of(value: Any) -> Any:
    """The Numba type of an argument that may hold `Pointer` objects."""
    import numba
    from numba import types

    if isinstance(value, Pointer):
        return value.type
    if isinstance(value, tuple) and any(holds_pointer(v) for v in value):
        return types.Tuple([type_of(v) for v in value])
    return numba.typeof(value)


def holds_pointer(value: Any) -> bool:
    """True if `value` is a `Pointer` or a tuple with one somewhere inside."""
    return isinstance(value, Pointer) or (
        isinstance(value, tuple) and any(holds_pointer(v) for v in value)
    )


def plain(value: Any) -> Any:
    """`value` with every `Pointer` replaced by its function, ready to pass to compiled code."""
    if isinstance(value, Pointer):
        return value.function
    if isinstance(value, tuple):
        return tuple(plain(v) for v in value)
    return value


def pointer(function: Any, arguments: tuple[Any, ...]) -> Any:
    """`function` as a `Pointer` if it is compiled, itself if it is plain Python."""
    return Pointer(function, arguments) if hasattr(function, "overloads") else function


def specialize(function: Any, arguments: tuple[Any, ...]) -> Any:
    """`function` compiled for the types of `arguments`, without the cost of finding them again."""
    if not hasattr(function, "overloads"):
        return function
    with _without_notice():
        signature = tuple(type_of(a) for a in arguments)
        function.compile(signature)
    return function.get_overload(signature)


def call(function: Any, arguments: tuple[Any, ...]) -> None:
    """Call an oracle whose arguments may hold pointers to further oracles."""
    if any(holds_pointer(a) for a in arguments):
        function = specialize(function, arguments)
    function(*plain(arguments))
