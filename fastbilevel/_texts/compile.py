"""Turn one algorithm text into a function that runs on a backend."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from fastbilevel.kernels import reference
from fastbilevel.kernels.compiling import interrupts_held

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
def _saying_why() -> Iterator[None]:
    """Raise what went wrong where compiled code can only say that something did."""
    from fastbilevel.kernels.cpu.cells import NotCompiledError, failure

    try:
        yield
    except NotCompiledError:
        raise failure() from None


def _compile_for(function: Any, types: tuple[Any, ...]) -> Any:
    """The machine code of a dispatcher for these types; a sentence if it does not fit them."""
    with _in_a_sentence(function):
        return function.compile(types)


def pointer_to(function: Any, arguments: tuple[Any, ...], by_value: bool = False) -> Any:
    """`function`, if it is compiled, as another compiled text can call it; itself if it is plain.

    A loop that took the dispatcher itself would be compiled anew in every process; one that takes
    an address is found in the disk cache.

    Parameters
    ----------
    function : callable
    arguments : tuple
        Sample arguments, by which the signature is found.
    by_value : bool
        It takes records as they are, not by address.
    """
    if not is_compiled(function):
        return function
    from numba import typeof

    from fastbilevel._texts.addresses import Code, types_of

    kinds = tuple(map(typeof, arguments)) if by_value else types_of(arguments)
    with _in_a_sentence(function):
        return Code(function, kinds)


def passed_on(record: Any) -> Any:
    """`record` for a text that passes it on without reading its fields."""
    from fastbilevel._texts.addresses import Address

    return Address(record, known=False)


def is_passed_on(value: Any) -> bool:
    """True for what `passed_on` returns."""
    return hasattr(value, "address")


def is_compiled(function: Any) -> bool:
    """True for Numba's functions."""
    return hasattr(function, "overloads")


def specialize(function: Any, arguments: tuple[Any, ...]) -> Any:
    """`function` compiled for the types of `arguments`, without the cost of finding them again.

    Raises
    ------
    TypeError
        If the text reads a field, or makes a call, that does not fit its arguments.
    """
    if not is_compiled(function):
        return function
    from fastbilevel._texts.addresses import by_address, types_of

    entry = _compile_for(function, types_of(arguments))

    def run(*given: Any) -> None:
        with interrupts_held(), _saying_why():
            entry(*by_address(given))

    return run


def call_oracle(function: Any, arguments: tuple[Any, ...]) -> None:
    """Call an oracle."""
    if not is_compiled(function):
        function(*arguments)
        return
    specialize(function, arguments)(*arguments)
