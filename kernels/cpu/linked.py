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

import dis
import gc
import hashlib
from collections.abc import Callable
from types import FunctionType
from typing import Any

import llvmlite.binding as llvm
from numba.core import errors, types
from numba.core.dispatcher import Dispatcher
from numba.core.registry import CPUDispatcher
from numba.core.typing import templates

from ..compiling import compiling
from .cells import Cell, Wanted, call_through, callees, direct_call

# Numba's class has no types that a checker understands.
_Dispatcher: Any = CPUDispatcher


class Face(_Dispatcher):
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
        kinds = [*map(types.unliteral, given)]
        self.cell(tuple(kinds))
        name = f"CallTemplate({self.py_func.__name__})"
        procedure = templates.signature(types.none, *kinds)
        template = templates.make_concrete_template(name, self.name, [procedure])
        return template, pysig, tuple(kinds), {}

    def get_overload(self, sig: Any) -> Any:
        key = self.name, tuple(sig)
        return key if key in self.targetctx._defns else super().get_overload(sig)

    def cell(self, kinds: tuple[Any, ...]) -> None:
        """Have a cell for calls with these types."""
        key = self.name, kinds
        if key not in self.targetctx._defns:
            call = call_through(Cell(self, kinds), Wanted(*key))
            self.targetctx.insert_func_defn([(call, key, kinds)])

    def compile(self, sig: Any) -> Any:
        kinds = tuple(sig)
        known = kinds in self.overloads
        entry = super().compile(kinds)
        compiled = self.overloads[kinds]
        if not known:
            # Numba forgets it for code from the disk cache, and callers copy that, wants and all.
            compiled.library._reload_init.update(compiled.reload_init)
        if self.returns and not self.inline and not known:
            symbol = f"{self.py_func.__name__}.{self.digest(kinds)}"
            llvm.add_symbol(symbol, self.address(kinds))
            self.targetctx.remove_user_function(entry)
            call = direct_call(symbol, compiled.fndesc, Wanted(self.name, kinds))
            self.targetctx.insert_func_defn([(call, entry, compiled.fndesc.argtypes)])
        return entry

    def address(self, kinds: tuple[Any, ...]) -> int:
        """Where the machine code for these types is."""
        self.compile(kinds)
        compiled = self.overloads[kinds]
        if not self.returns and compiled.signature.return_type != types.none:
            raise TypeError(f"{self.name} returns {compiled.signature.return_type} unexpectedly.")
        return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)


class Function(Face):
    """The face for Python; compiled callers get the other one."""

    callee: Any

    def get_call_template(self, args: Any, kws: Any) -> Any:
        return self.callee.get_call_template(args, kws)

    def get_overload(self, sig: Any) -> Any:
        return self.callee.get_overload(sig)


LOAD_CONST, RETURN_VALUE = dis.opmap["LOAD_CONST"], dis.opmap["RETURN_VALUE"]
# From Python 3.12 on.
RETURN_CONST = dis.opmap.get("RETURN_CONST")


def returns_something(function: Callable[..., Any]) -> bool:
    """Whether `function` has a ``return`` with anything but None."""
    # An instruction is two bytes; `dis` would take longer than the import of everything else.
    instructions, constants = function.__code__.co_code, function.__code__.co_consts
    for at in range(0, len(instructions), 2):
        code, argument = instructions[at : at + 2]
        if code == RETURN_CONST and constants[argument] is not None:
            return True
        if code == RETURN_VALUE:
            before, constant = instructions[at - 2 : at]
            if before != LOAD_CONST or constants[constant] is not None:
                return True
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
        Arguments whose values it is compiled for: not negative, and together one word.
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
    callees[callee.name] = callee
    for face in (outer, callee):
        prepare(face)
    return outer
