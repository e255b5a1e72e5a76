"""How compiled functions call each other: by a symbol, and compiled once for all callers.

Numba copies the machine code of all callees into every caller and generates it again, at each
level; compiles a function anew where an argument happens to be a constant; and gives each a wrapper
that unpacks Python's objects. Most of the time that a first call took went there. Here a function
has two faces, one for Python and one for compiled callers. The second has no wrapper, is compiled
for the type of a constant only where it asks for the constant itself, and is called by a symbol
that is told to LLVM, unless it is so small that it belongs into its callers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from types import FunctionType
from typing import Any

import llvmlite.binding as llvm
from numba.core import cgutils, errors, types
from numba.core.dispatcher import Dispatcher
from numba.core.imputils import impl_ret_new_ref
from numba.core.registry import CPUDispatcher

# What compiled callers take, by name: code that comes from the disk cache asks for it.
_callees: dict[str, Callee] = {}


class Face(CPUDispatcher):
    """A function compiled for the values of some of its arguments, and for the types of all others.

    Numba itself compiles for the value of every argument that happens to be constant.
    """

    # Positions of the arguments whose values it is compiled for.
    constants: tuple[int, ...] = ()

    def get_call_template(self, args: Any, kws: Any) -> Any:
        _, given = self._compiler.fold_argument_types(args, kws)
        kinds = [
            each if k in self.constants else types.unliteral(each) for k, each in enumerate(given)
        ]
        return super().get_call_template(kinds, {})

    def compile(self, sig: Any) -> Any:
        wanted = [k for k in self.constants if not isinstance(sig[k], types.Literal)]
        if wanted:
            raise errors.ForceLiteralArg(
                wanted, fold_arguments=lambda *given: self._compiler.fold_argument_types(*given)[1]
            )
        return super().compile(tuple(sig))


class Callee(Face):
    """The face of a function for compiled callers."""

    symbols: bool = False

    @property
    def name(self) -> str:
        return f"{self.py_func.__module__}.{self.py_func.__qualname__}"

    def compile(self, sig: Any) -> Any:
        known = tuple(sig) in self.overloads
        entry = super().compile(sig)
        if self.symbols and not known:
            self._tell(tuple(sig))
        return entry

    def _tell(self, kinds: tuple[Any, ...]) -> None:
        """Let callers call the machine code for these types by a symbol."""
        compiled = self.overloads[kinds]
        digest = hashlib.sha256(repr([self.name, *map(str, kinds)]).encode()).hexdigest()
        symbol = f"{self.py_func.__name__}.{digest[:24]}"
        address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
        llvm.add_symbol(symbol, address)
        self.targetctx.remove_user_function(compiled.entry_point)
        call = _call(symbol, compiled.fndesc, _Wanted(self.name, kinds))
        self.targetctx.insert_func_defn([(call, compiled.entry_point, compiled.fndesc.argtypes)])


class _Wanted:
    """What code that calls a symbol needs before it is loaded from the disk cache."""

    def __init__(self, name: str, kinds: tuple[Any, ...]):
        self.key = name, kinds

    def __call__(self) -> None:
        name, kinds = self.key
        _callees[name].compile(kinds)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, _Wanted) and self.key == other.key


def _call(symbol: str, description: Any, wanted: _Wanted) -> Callable[..., Any]:
    """Emit a call of `symbol`, as Numba does for a function whose code it copies."""
    returns, kinds = description.restype, description.argtypes

    def call(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        context.active_code_library._reload_init.add(wanted)
        kind = context.call_conv.get_function_type(returns, kinds)
        function = cgutils.get_or_insert_function(builder.module, kind, symbol)
        context.call_conv.decorate_function(function, description.args, kinds)
        status, returned = context.call_conv.call_function(
            builder, function, returns, kinds, arguments
        )
        with cgutils.if_unlikely(builder, status.is_error):
            context.call_conv.return_status_propagate(builder, status)
        return impl_ret_new_ref(context, builder, returns, returned)

    call.libs = ()  # type: ignore[attr-defined]
    return call


class Function(Face):
    """The face for Python; compiled callers get the other one."""

    callee: Callee

    def get_call_template(self, args: Any, kws: Any) -> Any:
        return self.callee.get_call_template(args, kws)

    def get_overload(self, sig: Any) -> Any:
        return self.callee.get_overload(sig)


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
        Arguments whose values it is compiled for.
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
    outer.callee = Callee(named, targetoptions=options | bare)
    outer.callee.symbols = not options["forceinline"]
    _callees[outer.callee.name] = outer.callee
    for face in (outer, outer.callee):
        face.constants = tuple(map(list(face._compiler.pysig.parameters).index, constants))
        prepare(face)
    return outer
