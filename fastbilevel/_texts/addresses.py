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
import hashlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, errors
from numba.core.datamodel import models
from numba.core.imputils import impl_ret_borrowed, lower_cast
from numba.core.typeconv import Conversion
from numba.core.typing.templates import AttributeTemplate, signature
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_builtin,
    lower_getattr_generic,
    register_model,
    typeof_impl,
    unbox,
)
from numba.np.arrayobj import make_array, populate_array

from fastbilevel._arrays.tuples import is_record
from fastbilevel.kernels.compiling import compiling
from fastbilevel.kernels.cpu.linked import call_at

WORD = ir.IntType(64)


class AnyRecordType(types.Opaque):
    """A record that is passed on, not looked into."""

    def __init__(self) -> None:
        super().__init__("record")


any_record = AnyRecordType()


def _digest(parts: list[Any]) -> str:
    """A short name that is the same in every process."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:15]


class RecordType(types.BaseTuple):
    """A record or tuple whose fields are read, where they lie.

    Parameters
    ----------
    label : str
        Name of its class.
    fields : tuple of (str, Numba type)
        In order.
    """

    def __init__(self, label: str, fields: tuple[tuple[str, Any], ...]):
        self.label, self.fields = label, fields
        self.types = tuple(kind for _, kind in fields)
        self.digest = _digest([(name, str(kind)) for name, kind in fields])
        super().__init__(f"{label}_{self.digest}")

    def __hash__(self) -> int:
        return int(self.digest, 16)

    @property
    def key(self) -> Any:
        return self.label, self.fields

    def __len__(self) -> int:
        return len(self.fields)

    @property
    def count(self) -> int:
        return len(self.fields)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.types)

    def can_convert_to(self, typingctx: Any, other: Any) -> Any:
        if other is any_record:
            return Conversion.safe
        # By value, as functions of the caller's own want them.
        if isinstance(other, types.BaseTuple) and not isinstance(other, RecordType):
            pairs = zip(self.types, other, strict=False)
            same = len(self) == len(other) and all(
                a == b or isinstance(a, RecordType) and a.can_convert_to(typingctx, b)
                for a, b in pairs
            )
            return Conversion.safe if same else None
        return None

    @functools.cached_property
    def places(self) -> dict[str, int]:
        """The number of every field."""
        return {name: k for k, (name, _) in enumerate(self.fields)}

    @functools.cached_property
    def starts(self) -> list[int]:
        """The first word of every field."""
        return [0, *itertools.accumulate(map(_words_of, self.types))][:-1]


class CodeType(types.Callable, types.Opaque):
    """A compiled function by address; records among its arguments are of any type."""

    def __init__(self, arguments: tuple[Any, ...], returns: Any):
        self.arguments, self.returns = arguments, returns
        self.digest = _digest([*map(str, arguments), str(returns)])
        super().__init__(f"code_{self.digest}")

    @property
    def key(self) -> Any:
        return self.arguments, self.returns

    def __hash__(self) -> int:
        return int(self.digest, 16)

    def get_call_type(self, context: Any, args: tuple[Any, ...], kws: Any) -> Any:
        fits = not kws and len(args) == len(self.arguments)
        if not fits or any(
            context.can_convert(given, wanted) is None
            for given, wanted in zip(args, self.arguments, strict=True)
        ):
            raise errors.TypingError(
                f"No implementation of an oracle but for ({', '.join(map(str, self.arguments))})"
            )
        return signature(self.returns, *self.arguments, recvr=self)

    def get_call_signatures(self) -> Any:
        return [signature(self.returns, *self.arguments)], False

    def get_impl_key(self, sig: Any) -> Any:
        return CodeType


for _each in (AnyRecordType, RecordType, CodeType):
    register_model(_each)(models.OpaqueModel)


def _words_of(kind: Any) -> int:
    """How many words a field of this type takes."""
    if isinstance(kind, types.Array):
        return 1 + 2 * kind.ndim
    if isinstance(kind, RecordType):
        return sum(map(_words_of, kind.types))
    return 0 if kind is types.none else 1


@lower_cast(RecordType, AnyRecordType)
def _forget_fields(context: Any, builder: Any, fromty: Any, toty: Any, value: Any) -> Any:
    return value


@lower_cast(RecordType, types.BaseTuple)
def _by_value(context: Any, builder: Any, fromty: Any, toty: Any, value: Any) -> Any:
    fields = [
        context.cast(builder, _field(context, builder, fromty, value, k), fromty.types[k], kind)
        for k, kind in enumerate(toty)
    ]
    return context.make_tuple(builder, toty, fields)


@infer_getattr
class _Fields(AttributeTemplate):
    key = RecordType

    def generic_resolve(self, record: Any, name: str) -> Any:
        k = record.places.get(name)
        return None if k is None else record.types[k]


@lower_getattr_generic(RecordType)
def _read_field(context: Any, builder: Any, record: Any, value: Any, name: str) -> Any:
    return _field(context, builder, record, value, record.places[name])


@lower_builtin("static_getitem", RecordType, types.IntegerLiteral)
def _read_element(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    record = sig.args[0]
    return _field(context, builder, record, args[0], args[1] % len(record))


@lower_builtin("static_getitem", RecordType, types.SliceLiteral)
def _read_elements(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    record = sig.args[0]
    chosen = range(len(record))[args[1]]
    fields = [_field(context, builder, record, args[0], k) for k in chosen]
    return context.make_tuple(builder, sig.return_type, fields)


def _field(context: Any, builder: Any, record: Any, value: Any, k: int) -> Any:
    """Field k of the record that lies at `value`."""
    words = builder.bitcast(value, WORD.as_pointer())
    kind = record.types[k]
    found = _load(context, builder, words, record.starts[k], kind)
    return impl_ret_borrowed(context, builder, kind, found)


def _load(context: Any, builder: Any, words: Any, at: int, kind: Any) -> Any:
    """The value of this type that begins at word `at`; of a record, where that is."""

    def word(k: int) -> Any:
        return builder.load(cgutils.gep(builder, words, at + k))

    if isinstance(kind, RecordType):
        return builder.bitcast(cgutils.gep(builder, words, at), cgutils.voidptr_t)
    if isinstance(kind, types.Array):
        array = make_array(kind)(context, builder)
        item = context.get_data_type(kind.dtype)
        populate_array(
            array,
            data=builder.inttoptr(word(0), item.as_pointer()),
            shape=[word(1 + k) for k in range(kind.ndim)],
            strides=[word(1 + kind.ndim + k) for k in range(kind.ndim)],
            itemsize=context.get_abi_sizeof(item),
            meminfo=None,
        )
        return array._getvalue()
    if kind is types.none:
        return context.get_dummy_value()
    if isinstance(kind, types.Boolean):
        return builder.icmp_signed("!=", word(0), WORD(0))
    if isinstance(kind, types.Float):
        number = builder.bitcast(word(0), ir.DoubleType())
        return context.cast(builder, number, types.float64, kind)
    if isinstance(kind, types.Integer):
        return context.cast(builder, word(0), types.int64, kind)
    return builder.inttoptr(word(0), cgutils.voidptr_t)


@lower_builtin(CodeType, CodeType, types.VarArg(types.Any))
def _call_code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    code, *given = args
    kind = sig.args[0]
    function_type = context.call_conv.get_function_type(kind.returns, kind.arguments)
    function = builder.bitcast(code, function_type.as_pointer())
    return call_at(context, builder, function, kind.returns, kind.arguments, given)


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
        yield int(value)


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
            f"Compiled functions take arrays, numbers and tuples of them as data; got {kind}."
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
        self.record = record
        self._words = np.array([*_words(record)], np.int64)
        self.address = self._words.__array_interface__["data"][0]
        self.type = type_of(record) if known else any_record


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


@unbox(AnyRecordType)
@unbox(RecordType)
@unbox(CodeType)
def _unbox(kind: Any, value: Any, c: Any) -> Any:
    address = c.pyapi.object_getattr_string(value, "address")
    pointer = c.pyapi.long_as_voidptr(address)
    c.pyapi.decref(address)
    return NativeValue(pointer, is_error=cgutils.is_not_null(c.builder, c.pyapi.err_occurred()))
