"""Cells with the addresses of compiled functions, and the calls that go through them."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import impl_ret_new_ref

WORD = ir.IntType(64)
# Values that a cell holds addresses for; what comes later is looked up in Python at every call.
MOST_VERSIONS = 256

# What compiled callers take, by name: code that comes from the disk cache asks for it.
callees: dict[str, Any] = {}
_cells: dict[int, Cell] = {}
_errors: list[BaseException] = []
_writing = threading.Lock()


class NotCompiledError(RuntimeError):
    """A function could not be compiled when it was first called; `failure` says why."""


def failure() -> BaseException:
    """What went wrong when a function was to be compiled, once; an interrupt if nothing else."""
    error = _errors[-1] if _errors else KeyboardInterrupt()
    _errors.clear()
    return error


class Cell:
    """Where callers find the addresses of a function: their number, then values and addresses.

    Parameters
    ----------
    callee : kernels.cpu.linked.Callee
    kinds : tuple of Numba types
        Of its arguments, integers for those whose values it is compiled for.
    """

    def __init__(self, callee: Any, kinds: tuple[Any, ...]):
        self.callee, self.kinds = callee, kinds
        self._known: dict[int, int] = {}
        self._words = np.zeros(1 + 2 * MOST_VERSIONS, np.int64)
        _cells[self._words.ctypes.data] = self
        self.symbol = f"{callee.py_func.__name__}.{callee.digest(kinds)}"
        llvm.add_symbol(self.symbol, self._words.ctypes.data)

    @property
    def bits(self) -> int:
        """Bits of each value in a key, which is one word."""
        return 63 // max(1, len(self.callee.constants))

    def version(self, key: int) -> int:
        """The address of the machine code for the values `key`, compiled if need be."""
        if key in self._known:
            return self._known[key]
        asked = key
        kinds, constants = list(self.kinds), self.callee.constants
        for k in constants:
            key, kinds[k] = key >> self.bits, types.IntegerLiteral(key & ((1 << self.bits) - 1))
        address = self.callee.address(tuple(kinds))
        with _writing:
            known = int(self._words[0])
            new = asked not in self._known
            self._known[asked] = address
            if known < MOST_VERSIONS and new:
                self._words[1 + 2 * known :][:2] = asked, address
                # Other threads, which hold no lock, look at the number first.
                self._words[0] = known + 1
        return address


@ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
def _resolve(cell: int, key: int, answer: int) -> None:
    """Called by machine code that finds no address in a cell: write it to `answer`, which is 0.

    What is raised outside of the `try`, an interrupt, leaves the 0.
    """
    try:
        ctypes.c_int64.from_address(answer).value = _cells[cell].version(key)
    except BaseException as error:  # Machine code cannot raise it.
        _errors.append(error)


RESOLVE = "fastbilevel_resolve"
llvm.add_symbol(RESOLVE, ctypes.cast(_resolve, ctypes.c_void_p).value)


class Wanted:
    """What code that calls a symbol needs before it is loaded from the disk cache."""

    def __init__(self, name: str, kinds: tuple[Any, ...]):
        self.key = name, kinds

    def __call__(self) -> None:
        name, kinds = self.key
        callee = callees[name]
        if callee.returns:
            callee.compile(kinds)
        else:
            callee.cell(kinds)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Wanted) and self.key == other.key


def direct_call(symbol: str, description: Any, wanted: Wanted) -> Callable[..., Any]:
    """Emit a call of machine code that is there."""
    returns, kinds = description.restype, description.argtypes

    def call(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        context.active_code_library._reload_init.add(wanted)
        kind = context.call_conv.get_function_type(returns, kinds)
        function = cgutils.get_or_insert_function(builder.module, kind, symbol)
        return call_at(context, builder, function, returns, kinds, arguments)

    call.libs = ()  # type: ignore[attr-defined]
    return call


def call_through(cell: Cell, wanted: Wanted) -> Callable[..., Any]:
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
            key = builder.or_(key, builder.shl(value, WORD(cell.bits * place)))
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
        builder.module, ir.FunctionType(ir.VoidType(), [WORD, WORD, WORD]), RESOLVE
    )
    answer = cgutils.alloca_once(builder, WORD)
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
    # What another processor has not written entirely yet is not there.
    there = builder.icmp_signed("!=", address, WORD(0))
    fits = builder.and_(there, builder.icmp_signed("==", word(at), key))
    builder.cbranch(fits, found, following)
    builder.position_at_end(following)
    k.add_incoming(builder.add(k, WORD(1)), following)
    builder.branch(look)
    builder.position_at_end(missing)
    builder.store(WORD(0), answer)
    builder.call(resolve, [builder.ptrtoint(words, WORD), key, builder.ptrtoint(answer, WORD)])
    resolved = builder.load(answer)
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
