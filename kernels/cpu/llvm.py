"""LLVM building blocks for the intrinsics of the CPU kernels.

Numba does not vectorise the short inner loops of these kernels (20 to 100 columns, known when the
kernel is compiled), so their bodies are spelled out as LLVM vectors. A vector may be wider than the
registers of the CPU: LLVM splits it, so one text serves AVX-512, AVX2, SSE2 and other machines.

Every function here emits instructions through `builder` and returns LLVM values. A vector of one
lane is a plain scalar everywhere. No fast-math flag is ever set; where a product and a sum may be
fused, `multiply_add` says so for that one operation. A kernel that calls an intrinsic must not be
compiled with `fastmath`: Numba would put the flags on these instructions too, and reassociation
deletes the rounding in `vector_exp`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from functools import reduce as fold
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils

I1, I32, I64 = ir.IntType(1), ir.IntType(32), ir.IntType(64)
F32, F64 = ir.FloatType(), ir.DoubleType()
_BYTES = ir.IntType(8).as_pointer()

# Bytes of one cache line, and of the widest registers.
LINE = 64

NEAR, STREAMED = 3, 0  # what `prefetch` expects of the data: used again soon, used only once


def literals(*arguments: Any) -> tuple[Any, ...] | None:
    """The values of Numba literal types, or None if one of the types is not literal.

    An ``@intrinsic(prefer_literal=True)`` that returns None is tried again by Numba.
    """
    if not all(isinstance(t, types.Literal) for t in arguments):
        return None
    return tuple(t.literal_value for t in arguments)


def float_type(dtype: Any) -> Any:
    """LLVM type of Numba's float32 or float64."""
    return F32 if dtype == types.float32 else F64


def size_of(scalar: Any) -> int:
    """Bytes of an LLVM float type."""
    return 4 if scalar == F32 else 8


def lanes_of(scalar: Any) -> int:
    """Floats in `LINE` bytes: 16 for float32, 8 for float64."""
    return LINE // size_of(scalar)


def vector_type(scalar: Any, lanes: int) -> Any:
    """``<lanes x scalar>``, or `scalar` itself for one lane."""
    return ir.VectorType(scalar, lanes) if lanes > 1 else scalar


def constant(scalar: Any, lanes: int, value: float | int) -> Any:
    """`value` in every lane."""
    return ir.Constant(vector_type(scalar, lanes), [value] * lanes if lanes > 1 else value)


def int64(value: int) -> Any:
    """A constant index."""
    return ir.Constant(I64, value)


def pieces(width: int, lanes: int) -> list[tuple[int, int]]:
    """Cut `width` into vectors of at most `lanes` (a power of two): (first, lanes) of each.

    >>> pieces(40, 16)
    [(0, 16), (16, 16), (32, 8)]
    """
    parts, first = [], 0
    while first < width:
        while lanes > width - first:
            lanes //= 2
        parts.append((first, lanes))
        first += lanes
    return parts


def array_pointer(context: Any, builder: Any, array_type: Any, array: Any) -> Any:
    """Pointer to the first entry of a Numba array (read-only arrays too)."""
    return context.make_array(array_type)(context, builder, array).data


def offset(builder: Any, pointer: Any, index: Any) -> Any:
    """``&pointer[index]``; `index` is an int or an int64 value."""
    return builder.gep(pointer, [int64(index) if isinstance(index, int) else index])


def load(builder: Any, pointer: Any, scalar: Any, lanes: int = 1) -> Any:
    """`lanes` neighbouring entries at `pointer`, which needs the alignment of one entry only."""
    target = vector_type(scalar, lanes)
    value = builder.load(builder.bitcast(pointer, target.as_pointer()))
    value.align = size_of(scalar)
    return value


def store(builder: Any, value: Any, pointer: Any, scalar: Any) -> None:
    """Write a vector or scalar to neighbouring entries at `pointer`."""
    place = builder.bitcast(pointer, value.type.as_pointer())
    builder.store(value, place).align = size_of(scalar)


def prefetch(builder: Any, pointer: Any, locality: int = NEAR, write: bool = False) -> None:
    """Ask for the cache line of `pointer`; any address is allowed.

    `STREAMED` data does not push other data out of the cache.
    """
    signature = ir.FunctionType(ir.VoidType(), [_BYTES, I32, I32, I32])
    function = builder.module.declare_intrinsic("llvm.prefetch", [_BYTES], signature)
    flags = [ir.Constant(I32, v) for v in (int(write), locality, 1)]
    builder.call(function, [builder.bitcast(pointer, _BYTES), *flags])


def splat(builder: Any, value: Any, lanes: int) -> Any:
    """`value` in every lane."""
    if lanes == 1:
        return value
    empty = ir.Constant(vector_type(value.type, lanes), ir.Undefined)
    first = builder.insert_element(empty, value, ir.Constant(I32, 0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(I32, lanes), None))


def multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """``a b + c``, rounded once where the CPU has the instruction and twice elsewhere."""
    scalar, prefix = a.type, ""
    if isinstance(a.type, ir.VectorType):
        scalar, prefix = a.type.element, f"v{a.type.count}"
    name = f"llvm.fmuladd.{prefix}f{8 * size_of(scalar)}"
    signature = ir.FunctionType(a.type, [a.type] * 3)
    function = cgutils.get_or_insert_function(builder.module, signature, name)
    return builder.call(function, [a, b, c])


def maximum(builder: Any, a: Any, b: Any) -> Any:
    """The larger of two, lane by lane; `a` where one is NaN."""
    return builder.select(builder.fcmp_ordered("<", a, b), b, a)


def reduce(builder: Any, vector: Any, lanes: int, operation: Callable[[Any, Any, Any], Any]) -> Any:
    """All lanes combined in the fixed order of a binary tree; `lanes` is a power of two.

    `operation` takes (builder, a, b): `add` or `maximum`, for example.
    """
    while lanes > 2:
        half, empty = lanes // 2, ir.Constant(vector.type, ir.Undefined)
        low, high = (
            builder.shuffle_vector(
                vector, empty, ir.Constant(ir.VectorType(I32, half), list(range(k, k + half)))
            )
            for k in (0, half)
        )
        vector, lanes = operation(builder, low, high), half
    if lanes == 1:
        return vector
    return operation(
        builder,
        builder.extract_element(vector, ir.Constant(I32, 0)),
        builder.extract_element(vector, ir.Constant(I32, 1)),
    )


def add(builder: Any, a: Any, b: Any) -> Any:
    """``a + b``."""
    return builder.fadd(a, b)


def to_float64(builder: Any, value: Any, scalar: Any, lanes: int) -> Any:
    """`value`, of LLVM float type `scalar`, in float64."""
    return value if scalar == F64 else builder.fpext(value, vector_type(F64, lanes))


def counted_loop(
    builder: Any,
    stop: Any,
    state: list[Any],
    body: Callable[[Any, list[Any]], list[Any]],
    start: Any = None,
) -> list[Any]:
    """Emit ``for i in range(start, stop): state = body(i, state)`` and return the last state.

    Parameters
    ----------
    builder : IRBuilder
    stop, start : int64 values
        `start` is 0 if None.
    state : list of LLVM values
        What the loop carries along, in registers; may be empty.
    body : callable
        Emits one pass; it may open further blocks, loops included.
    """
    start = int64(0) if start is None else start
    before = builder.block
    loop, after = builder.append_basic_block("loop"), builder.append_basic_block("after")
    builder.cbranch(builder.icmp_signed("<", start, stop), loop, after)

    builder.position_at_end(loop)
    index = builder.phi(I64)
    index.add_incoming(start, before)
    carried = [builder.phi(v.type) for v in state]
    updated = body(index, list(carried))
    following = builder.add(index, int64(1))
    last = builder.block
    index.add_incoming(following, last)
    for phi, first, new in zip(carried, state, updated, strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(new, last)
    builder.cbranch(builder.icmp_signed("<", following, stop), loop, after)

    builder.position_at_end(after)
    results = [builder.phi(v.type) for v in state]
    for phi, first, new in zip(results, state, updated, strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(new, last)
    return results


class _Exp(NamedTuple):
    """Constants of `vector_exp` for one float format."""

    integer: Any
    mantissa_bits: int
    bias: int  # of the exponent
    exact_bits: int  # of the high part of log 2: its products with the exponents are exact
    coefficients: tuple[float, ...]


# Minimax fits of q in exp(r) = 1 + r + r^2 q(r) on |r| <= log(2)/2, highest power first, found with
# the Remez algorithm in 40 digits: off by 0.06 and 0.04 ulp of the result.
# fmt: off
_EXP = {
    F32: _Exp(I32, 23, 127, 15, (
        0.001381454133517454, 0.00836874514526136308, 0.0416683907667345176, 0.166665203986612525,
        0.499999934321703938,
    )),
    F64: _Exp(I64, 52, 1023, 32, (
        2.50000160051707421e-8, 2.76303063497099931e-7, 2.75575868126795639e-6,
        2.48014929493128547e-5, 1.98412695057640309e-4, 1.38888889437603302e-3,
        8.33333333349498182e-3, 0.0416666666665297265, 0.166666666666664115, 0.500000000000001067,
    )),
}
# fmt: on


def _split_log2(exact_bits: int) -> tuple[float, float]:
    """The natural logarithm of 2 as high + low; high has `exact_bits` bits after the point."""
    high = math.floor(math.log(2.0) * 2.0**exact_bits) / 2.0**exact_bits
    with localcontext() as digits:
        digits.prec = 50
        return high, float(Decimal(2).ln() - Decimal(high))


def vector_exp(builder: Any, x: Any, scalar: Any, lanes: int) -> Any:
    """exp(x) to 1.1 ulp for x <= 88 in float32 and x <= 709 in float64; softmax has x <= 0.

    Results below the smallest normal number are 0, exp(-inf) = 0, exp(0) = 1, NaN stays NaN.

    With k = round(x / log 2) and r = x - k log 2, exp(x) = 2^k (1 + r + r^2 q(r)). Adding a number
    so large that its last bit weighs 1 does the rounding, in one addition that every CPU has; its
    low bits also hold k plus the bias of the exponent, ready to be shifted into place.
    """
    format_ = _EXP[scalar]

    def number(value):
        return constant(scalar, lanes, value)

    rounder = 1.5 * 2.0**format_.mantissa_bits + format_.bias
    high, low = _split_log2(format_.exact_bits)
    smallest = (1 - format_.bias) * math.log(2.0)

    # Not fused: a plain sum, so that every CPU rounds the same.
    shifted = builder.fadd(builder.fmul(x, number(1.0 / math.log(2.0))), number(rounder))
    k = builder.fsub(shifted, number(rounder))
    r = multiply_add(builder, k, number(-high), x)
    r = multiply_add(builder, k, number(-low), r)
    q = fold(
        lambda y, c: multiply_add(builder, y, r, number(c)),
        format_.coefficients[1:],
        number(format_.coefficients[0]),
    )
    y = builder.fadd(multiply_add(builder, builder.fmul(q, r), r, r), number(1.0))

    bits = builder.bitcast(shifted, vector_type(format_.integer, lanes))
    bits = builder.shl(bits, constant(format_.integer, lanes, format_.mantissa_bits))
    power = builder.bitcast(bits, y.type)
    small = builder.fcmp_ordered("<", x, number(smallest))
    return builder.select(small, number(0.0), builder.fmul(y, power))
