"""Turn one algorithm text into a function that runs on a backend."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from fastbilevel._arrays.tuples import map_tuple
from fastbilevel.kernels import reference

# What makes a text, and the constants it closes over: the arguments of `compile_text` but `k`.
Text = tuple[Any, ...]


class Part(NamedTuple):
    """Makes one of the texts that a maker returns by their names."""

    make: Any
    name: str

    def __call__(self, k: ModuleType, *constants: Any) -> Any:
        return self.make(k, *constants)[self.name]


@functools.cache
def texts_of(make: Callable[..., dict[str, Any]], *constants: Any) -> dict[str, Text]:
    """The texts of a maker that ends in ``return locals()``, by the names of its functions."""
    found = make(reference, *constants)
    return {
        name: (Part(make, name), *constants)
        for name, each in found.items()
        if isinstance(each, FunctionType)
    }


@functools.cache
def compile_text(
    make: Callable[..., Callable[..., Any]],
    k: ModuleType,
    *constants: Any,
    compiled: bool = True,
) -> Any:
    """The text `make(k, *constants)`, compiled if the kernels `k` are, plain otherwise.

    A text may use loops over `range`, integer and scalar arithmetic, slices, fields of the records
    it is given, oracles and `k.<family>.<kernel>`. It may close over modules and plain constants
    only: a compiled function in a closure cell would never be found in Numba's disk cache.

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
    if not (compiled and k.COMPILED):
        return function
    from fastbilevel.kernels.cpu.jit import build

    return build(function)


@contextlib.contextmanager
def _in_a_sentence(function: Any) -> Iterator[None]:
    """Say which text does not fit what it is given, instead of Numba's pages."""
    from numba.core.errors import NumbaError

    try:
        yield
    except (NumbaError, AttributeError, TypeError, ValueError) as error:
        said = [line.strip() for line in str(error).splitlines() if line.strip()]
        named = [line for line in said if line.startswith(("Unknown", "No impl", "File"))][:3]
        raise TypeError(
            f"The text {function.py_func.__name__} of {function.py_func.__module__} does not fit "
            f"what it is given: a field or a kernel it names is not there, or is called with other "
            f"arguments. Numba says: {'; '.join(named or said[:2])}"
        ) from None


@contextlib.contextmanager
def _without_notice() -> Iterator[None]:
    """Numba calls typed function pointers experimental each time; our tests are the notice."""
    from numba.core.errors import NumbaExperimentalFeatureWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumbaExperimentalFeatureWarning)
        yield


def _compile_for(function: Any, types: tuple[Any, ...]) -> Any:
    """The machine code of a dispatcher for these types; a sentence if it does not fit them."""
    with _in_a_sentence(function), _without_notice():
        function.compile(types)
    return function.get_overload(types)


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
        argument_types = tuple(type_of(a) for a in arguments)
        # What interpreted code calls; the dispatcher would look for its types at every call.
        self.entry = _compile_for(function, argument_types)
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
        return types.BaseTuple.from_types([type_of(v) for v in value], type(value))
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
    return map_tuple(plain, value) if isinstance(value, tuple) else value


def entries(value: Any) -> Any:
    """`value` with every `Pointer` replaced by its machine code, ready for interpreted code."""
    if isinstance(value, Pointer):
        return value.entry
    return map_tuple(entries, value) if isinstance(value, tuple) else value


def pointer_to(function: Any, arguments: tuple[Any, ...]) -> Any:
    """`function` as a `Pointer` if it is compiled, itself if it is plain Python."""
    return Pointer(function, arguments) if hasattr(function, "overloads") else function


def specialize(function: Any, arguments: tuple[Any, ...]) -> Any:
    """`function` compiled for the types of `arguments`, without the cost of finding them again.

    Raises
    ------
    TypeError
        If the text reads a field, or makes a call, that does not fit its arguments.
    """
    if not hasattr(function, "overloads"):
        return function
    return _compile_for(function, tuple(type_of(a) for a in arguments))


def call_oracle(function: Any, arguments: tuple[Any, ...]) -> None:
    """Call an oracle whose arguments may hold pointers to further oracles."""
    if not hasattr(function, "overloads"):
        function(*arguments)
        return
    with _in_a_sentence(function):
        if any(holds_pointer(a) for a in arguments):
            function = specialize(function, arguments)
        function(*plain(arguments))
