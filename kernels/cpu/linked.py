"""How compiled functions call each other: compiled once for all callers, when first called.

Numba copies the machine code of all callees into every caller and generates it again, at each
level; compiles whatever a branch names, though it may never be taken; compiles anew for every
constant that an argument happens to be; and gives each function a wrapper that unpacks Python's
objects. Most of the time that a first call took went there.

Here a function has two faces, one for Python and one for compiled callers. The second has no
wrapper, and callers reach it through a cell: a word of memory with its address, which is 0 until
the first call asks Python for the machine code. A function that is compiled for the values of some
arguments has an address for each in its cell, so that its callers are compiled once for all values.
Functions so small that they belong into their callers are copied there as ever; those that return
something are compiled with their callers, which need the type.
"""

from __future__ import annotations

import ctypes
import dis
import gc
import hashlib
from collections.abc import Callable
from types import FunctionType
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba.core import cgutils, errors, types
from numba.core.dispatcher import Dispatcher
from numba.core.imputils import impl_ret_new_ref
from numba.core.registry import CPUDispatcher
from numba.core.typing import templates

from ..compiling import compiling

WORD = ir.IntType(64)
# Values that a cell holds addresses for; what comes later is looked up in Python at every call.
MOST_VERSIONS = 64
# Bits of a value of which there may be three.
VALUE_BITS = 21

# What compiled callers take, by name: code that comes from the disk cache asks for it.
_callees: dict[str, Callee] = {}
_cells: dict[int, Cell] = {}
_errors: list[BaseException] = []


class NotCompiledError(RuntimeError):
    """A function could not be compiled when it was first called; `failure` says why."""


def failure() -> BaseException | None:
    """What went wrong when a function was to be compiled, once."""
    return _errors.pop() if _errors else None


class Cell:
    """Where callers find the addresses of a function: their number, then values and addresses.

    Parameters
    ----------
    callee : Callee
    kinds : tuple of Numba types
        Of its arguments, integers for those whose values it is compiled for.
    """

    def __init__(self, callee: Callee, kinds: tuple[Any, ...]):
        self.callee, self.kinds = callee, kinds
        self._words = np.zeros(1 + 2 * MOST_VERSIONS, np.int64)
        _cells[self._words.ctypes.data] = self
        self.symbol = f"{callee.py_func.__name__}.{callee.digest(kinds)}"
        llvm.add_symbol(self.symbol, self._words.ctypes.data)

    def version(self, key: int) -> int:
        """The address of the machine code for the values `key`, compiled if need be."""
        kinds, constants = list(self.kinds), self.callee.constants
        for place, k in enumerate(constants):
            value = key >> (VALUE_BITS * place) & (2**VALUE_BITS - 1)
            kinds[k] = types.IntegerLiteral(value)
        address = self.callee.address(tuple(kinds))
        known = int(self._words[0])
        if known < MOST_VERSIONS:
            self._words[1 + 2 * known :][:2] = key, address
            # Other threads look at the number first.
            self._words[0] = known + 1
        return address


@ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
def _resolve(cell: int, key: int) -> int:
    """Called by machine code that finds no address in a cell; 0 if there is none to be had."""
    try:
        return _cells[cell].version(key)
    except BaseException as error:  # noqa: BLE001 (machine code cannot raise it)
        _errors.append(error)
        return 0


RESOLVE = "fastbilevel_resolve"
llvm.add_symbol(RESOLVE, ctypes.cast(_resolve, ctypes.c_void_p).value)


class Face(CPUDispatcher):
    """A function that is compiled for the values of some of its arguments."""

    # Their positions.
    constants: tuple[int, ...] = ()

    def compile(self, sig: Any) -> Any:
        wanted = [k for k in self.constants if not isinstance(sig[k], types.Literal)]
        if wanted:
            # Numba answers with the values.
            raise errors.ForceLiteralArg(
                wanted, fold_arguments=lambda *given: self._compiler.fold_argument_types(*given)[1]
            )
        # A tenth of the time went to looking for garbage among what is all still needed.
        collecting = gc.isenabled()
        gc.disable()
        try:
            with compiling():
                return super().compile(tuple(sig))
        finally:
            if collecting:
                gc.enable()


class Callee(Face):
    """The face of a function for compiled callers."""

    inline: bool = False
    returns: bool = False

    @property
    def name(self) -> str:
        return f"{self.py_func.__module__}.{self.py_func.__qualname__}"

    def digest(self, kinds: tuple[Any, ...]) -> str:
        """What tells it, called with these types, from all others in a symbol."""
        return hashlib.sha256(repr([self.name, *map(str, kinds)]).encode()).hexdigest()[:24]

    def get_call_template(self, args: Any, kws: Any) -> Any:
        pysig, given = self._compiler.fold_argument_types(args, kws)
        if self.inline or self.returns:
            kinds = [
                each if k in self.constants else types.unliteral(each)
                for k, each in enumerate(given)
            ]
            return super().get_call_template(kinds, {})
        kinds = tuple(map(types.unliteral, given))
        self.cell(kinds)
        name = f"CallTemplate({self.py_func.__name__})"
        procedure = templates.signature(types.none, *kinds)
        template = templates.make_concrete_template(name, self.name, [procedure])
        return template, pysig, kinds, {}

    def get_overload(self, sig: Any) -> Any:
        key = self.name, tuple(sig)
        return key if key in self.targetctx._defns else super().get_overload(sig)

    def cell(self, kinds: tuple[Any, ...]) -> None:
        """Have a cell for calls with these types."""
        key = self.name, kinds
        if key not in self.targetctx._defns:
            call = _through(Cell(self, kinds), _Wanted(*key))
            self.targetctx.insert_func_defn([(call, key, kinds)])

    def compile(self, sig: Any) -> Any:
        kinds = tuple(sig)
        known = kinds in self.overloads
        entry = super().compile(kinds)
        if not known:
            # Numba forgets it for code from the disk cache, and callers copy that, wants and all.
            compiled = self.overloads[kinds]
            compiled.library._reload_init.update(compiled.reload_init)
        if self.returns and not self.inline and not known:
            compiled = self.overloads[kinds]
            symbol = f"{self.py_func.__name__}.{self.digest(kinds)}"
            llvm.add_symbol(symbol, self.address(kinds))
            self.targetctx.remove_user_function(entry)
            call = _direct(symbol, compiled.fndesc, _Wanted(self.name, kinds))
            self.targetctx.insert_func_defn([(call, entry, compiled.fndesc.argtypes)])
        return entry

    def address(self, kinds: tuple[Any, ...]) -> int:
        """Where the machine code for these types is."""
        self.compile(kinds)
        compiled = self.overloads[kinds]
        if not self.returns and compiled.signature.return_type != types.none:
            raise TypeError(f"{self.name} returns {compiled.signature.return_type} unexpectedly.")
        return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)


class _Wanted:
    """What code that calls a symbol needs before it is loaded from the disk cache."""

    def __init__(self, name: str, kinds: tuple[Any, ...]):
        self.key = name, kinds

    def __call__(self) -> None:
        name, kinds = self.key
        callee = _callees[name]
        if callee.returns:
            callee.compile(kinds)
        else:
            callee.cell(kinds)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, _Wanted) and self.key == other.key


def _direct(symbol: str, description: Any, wanted: _Wanted) -> Callable[..., Any]:
    """Emit a call of machine code that is there."""
    returns, kinds = description.restype, description.argtypes

    def call(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        context.active_code_library._reload_init.add(wanted)
        kind = context.call_conv.get_function_type(returns, kinds)
        function = cgutils.get_or_insert_function(builder.module, kind, symbol)
        return call_at(context, builder, function, returns, kinds, arguments)

    call.libs = ()  # type: ignore[attr-defined]
    return call


def _through(cell: Cell, wanted: _Wanted) -> Callable[..., Any]:
    """Emit a call of the function whose address is, or will be, in a cell."""
    kinds, constants = cell.kinds, cell.callee.constants

    def call(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        context.active_code_library._reload_init.add(wanted)
        words = builder.module.globals.get(cell.symbol) or ir.GlobalVariable(
            builder.module, WORD, cell.symbol
        )
        key = WORD(0)
        for place, k in enumerate(constants):
            value = context.cast(builder, arguments[k], kinds[k], types.int64)
            key = builder.or_(key, builder.shl(value, WORD(VALUE_BITS * place)))
        address = _look_up(builder, words, key)
        with cgutils.if_unlikely(builder, builder.icmp_signed("==", address, WORD(0))):
            said = (f"{cell.callee.py_func.__name__} could not be compiled.",)
            context.call_conv.return_user_exc(builder, NotCompiledError, said)
        kind = context.call_conv.get_function_type(types.none, kinds)
        function = builder.inttoptr(address, kind.as_pointer())
        return call_at(context, builder, function, types.none, kinds, arguments)

    call.libs = ()  # type: ignore[attr-defined]
    return call


def _look_up(builder: Any, words: Any, key: Any) -> Any:
    """The address that belongs to `key` in a cell; what `_resolve` says if there is none."""
    resolve = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(WORD, [WORD, WORD]), RESOLVE
    )
    before = builder.block
    names = ("look", "compare", "next", "missing", "found")
    look, compare, following, missing, found = map(builder.append_basic_block, names)

    def word(k: Any) -> Any:
        return builder.load(builder.gep(words, [k]))

    known = word(WORD(0))
    builder.branch(look)
    builder.position_at_end(look)
    k = builder.phi(WORD)
    k.add_incoming(WORD(0), before)
    builder.cbranch(builder.icmp_signed("<", k, known), compare, missing)
    builder.position_at_end(compare)
    at = builder.add(builder.shl(k, WORD(1)), WORD(1))
    address = word(builder.add(at, WORD(1)))
    builder.cbranch(builder.icmp_signed("==", word(at), key), found, following)
    builder.position_at_end(following)
    k.add_incoming(builder.add(k, WORD(1)), following)
    builder.branch(look)
    builder.position_at_end(missing)
    resolved = builder.call(resolve, [builder.ptrtoint(words, WORD), key])
    builder.branch(found)
    builder.position_at_end(found)
    result = builder.phi(WORD)
    result.add_incoming(address, compare)
    result.add_incoming(resolved, missing)
    return result


def call_at(
    context: Any, builder: Any, function: Any, returns: Any, kinds: Any, arguments: Any
) -> Any:
    """Emit a call of machine code by its address, as Numba does where it has copied the code."""
    status, returned = context.call_conv.call_function(builder, function, returns, kinds, arguments)
    with cgutils.if_unlikely(builder, status.is_error):
        context.call_conv.return_status_propagate(builder, status)
    return impl_ret_new_ref(context, builder, returns, returned)


class Function(Face):
    """The face for Python; compiled callers get the other one."""

    callee: Callee

    def get_call_template(self, args: Any, kws: Any) -> Any:
        return self.callee.get_call_template(args, kws)

    def get_overload(self, sig: Any) -> Any:
        return self.callee.get_overload(sig)


def returns_something(function: Callable[..., Any]) -> bool:
    """Whether `function` has a ``return`` with anything but None."""
    last = None
    for each in dis.get_instructions(function):
        if each.opname == "RETURN_VALUE" and not (last.opname == "LOAD_CONST" and last.argval is None):
            return True
        if each.opname == "RETURN_CONST" and each.argval is not None:
            return True
        last = each
    return False


def faces(
    function: Callable[..., Any],
    options: dict[str, Any],
    constants: tuple[str, ...],
    prepare: Callable[[Dispatcher], None],
) -> Function:
    """`function` compiled on demand for Python, and for compiled callers.

    Parameters
    ----------
    function : callable
        Its module and qualified name must be its own: they are the key.
    options : dict
        Numba's.
    constants : tuple of str
        Arguments whose values it is compiled for, three at most.
    prepare : callable
        Called with the dispatcher of either face.
    """
    outer = Function(function, targetoptions=options)
    named = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    named.__kwdefaults__ = function.__kwdefaults__
    named.__module__, named.__qualname__ = function.__module__, f"{function.__qualname__}_callee"
    bare = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    callee = outer.callee = Callee(named, targetoptions=options | bare)
    names = list(callee._compiler.pysig.parameters)
    outer.constants = callee.constants = tuple(map(names.index, constants))
    callee.inline, callee.returns = options["forceinline"], returns_something(function)
    _callees[callee.name] = callee
    for face in (outer, callee):
        prepare(face)
    return outer
