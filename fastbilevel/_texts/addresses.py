"""Records and compiled functions as compiled code is given them: one address each.

A record by value is a structure of all its arrays, and every function that it passes through is
compiled for its type: another layout, another number of classes, another problem, and the loop is
compiled anew. Here a record is an array of words that lies still, and what passes it on need not
know what it holds. Only the text that reads a field is compiled for the type of the record.

The words of an array are its address, shape and strides; a number is one word, and so is an
`Address` or a `Code`; a tuple inside a record is the words of its elements.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import typeof_impl

from fastbilevel._arrays.tuples import is_record
from fastbilevel._texts.record_types import AnyRecordType, CodeType, RecordType, any_record
from fastbilevel.kernels.compiling import compiling


def _words(value: Any) -> Iterator[int]:
    """The words of a field."""
    if isinstance(value, np.ndarray):
        yield value.__array_interface__["data"][0]
        yield from value.shape
        yield from value.strides
    elif isinstance(value, Address | Code):
        yield value.address
    elif isinstance(value, tuple):
        for each in value:
            yield from _words(each)
    elif isinstance(value, float | np.floating):
        yield int(np.float64(value).view(np.int64))
    elif value is not None:
        # Unsigned numbers as the signed ones with the same bits.
        yield (int(value) + 2**63) % 2**64 - 2**63


def _mark(value: Any) -> Any:
    """What the type of a field depends on, found in less time than the type."""
    if isinstance(value, np.ndarray):
        flags = value.flags
        order = flags.c_contiguous, flags.f_contiguous
        return value.dtype, value.ndim, order, flags.writeable, flags.aligned
    if isinstance(value, tuple):
        return type(value), *map(_mark, value)
    return value.type if isinstance(value, Address | Code) else type(value)


# The types of fields and arguments seen so far, by their marks.
_types: dict[Any, Any] = {}


def type_of(value: Any, by_value: bool = False) -> Any:
    """The Numba type of an argument or a field, a record where it lies.

    Parameters
    ----------
    value : object
    by_value : bool
        True for an argument that is no record: tuples are themselves.
    """
    mark = by_value, _mark(value)
    if mark not in _types:
        _types[mark] = _find_type(value, by_value)
    return _types[mark]


def _find_type(value: Any, by_value: bool) -> Any:
    if isinstance(value, tuple) and not by_value:
        names = getattr(value, "_fields", map(str, range(len(value))))
        fields = zip(names, map(type_of, value), strict=True)
        return RecordType(type(value).__name__, tuple(fields))
    kind = numba.typeof(value)
    if not by_value and not isinstance(kind, _KINDS):
        raise TypeError(
            f"Compiled functions take arrays, real numbers and tuples of them as data; got {kind}."
        )
    return kind


_KINDS = (
    types.Array,
    types.NoneType,
    types.Boolean,
    types.Float,
    types.Integer,
    AnyRecordType,
    CodeType,
)


class Address:
    """A record by address.

    Parameters
    ----------
    record : tuple
        Kept as long as the address is.
    known : bool
        False for one that compiled code passes on only.
    """

    def __init__(self, record: tuple[Any, ...], known: bool = True):
        kind = type_of(record)
        self.record, self.type = record, kind if known else any_record
        self._words = np.array([*_words(record)], np.int64)
        self.address = self._words.__array_interface__["data"][0]


class Code:
    """A compiled function by address.

    Parameters
    ----------
    function : Numba dispatcher
    kinds : tuple of Numba types
        Of its arguments.
    """

    def __init__(self, function: Any, kinds: tuple[Any, ...]):
        self._function, self._kinds = function, kinds
        face = getattr(function, "callee", function)
        with compiling():
            face.compile(kinds)
        compiled = face.overloads[kinds]
        # The machine code lives as long as this.
        self._library = compiled.library
        self.address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
        hidden = tuple(any_record if isinstance(kind, RecordType) else kind for kind in kinds)
        self.type = CodeType(hidden, compiled.signature.return_type)

    @functools.cached_property
    def _entry(self) -> Any:
        return self._function.compile(self._kinds)

    def __call__(self, *arguments: Any) -> Any:
        """From interpreted code."""
        return self._entry(*by_address(arguments))


def by_address(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """`arguments` with every record by address."""
    return tuple(Address(each) if is_record(each) else each for each in arguments)


def types_of(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The Numba types of `arguments`, records by address."""
    return tuple(type_of(a, by_value=not is_record(a)) for a in arguments)


@typeof_impl.register(Address)
@typeof_impl.register(Code)
def _typeof(value: Any, c: Any) -> Any:
    return value.type
