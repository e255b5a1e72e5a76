"""The types of records and of compiled functions that are given by address.

Fields are read where they lie, as words: of an array its address, shape and strides; of a number
one word, and so of an `Address` or a `Code`; of a tuple inside a record the words of its elements.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    unbox,
)
from numba.np.arrayobj import make_array, populate_array

from fastbilevel.kernels.cpu.cells import call_at

WORD = ir.IntType(64)


class AnyRecordType(types.Opaque):
    """A record that is passed on, not looked into."""

    def __init__(self) -> None:
        super().__init__("record")


any_record = AnyRecordType()


@functools.cache
def _stamp() -> str:
    """Of the two files that say how a record lies: code from before a change must not be found."""
    files = (Path(__file__).with_name(name) for name in ("record_types.py", "addresses.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _digest(parts: list[Any]) -> str:
    """A short name that is the same in every process."""
    return hashlib.sha256(repr([_stamp(), *parts]).encode()).hexdigest()[:15]


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
            wanted: Any = other
            pairs = zip(self.types, wanted.types, strict=False)
            same = len(self) == len(other) and all(
                a == b or (isinstance(a, RecordType) and a.can_convert_to(typingctx, b))
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

    def generic_resolve(self, record: Any, name: str) -> Any:  # type: ignore[override]
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


@unbox(AnyRecordType)
@unbox(RecordType)
@unbox(CodeType)
def _unbox(kind: Any, value: Any, c: Any) -> Any:
    address = c.pyapi.object_getattr_string(value, "address")
    pointer = c.pyapi.long_as_voidptr(address)
    c.pyapi.decref(address)
    return NativeValue(pointer, is_error=cgutils.is_not_null(c.builder, c.pyapi.err_occurred()))
