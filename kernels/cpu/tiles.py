"""Register tiles of the dense products, spelled out as LLVM vectors.

Both products run along the features, the contiguous axis of the data and of the transposed
iterates, so full vectors are used for any number of columns:

* logits: dot products of 4 (or 8) rows of data with a few columns of the iterates at a time, one
  vector of partial sums for every pair;
* gradient: for one slice of features, all (or many) columns at a time, one vector for each, summed
  over the rows of a panel.

Widths are literal integers, the number of features is not. A *slice* is one vector register of
features; the last one is masked, so data need no padding. How many sums fit depends on the CPU:
tiles made for 32 registers are twice as slow on a CPU with 16.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir
from numba.core import cgutils
from numba.core.registry import cpu_target

from . import llvm

# `prefetch` into the second-level cache: the first has too few lines in flight to keep up.
SECOND_LEVEL = 2

_PROBE = """
define <16 x float> @add(<16 x float> %a, <16 x float> %b) {
  %c = fadd <16 x float> %a, %b
  ret <16 x float> %c
}
"""


@functools.cache
def registers() -> tuple[int, int]:
    """Bytes and number of the vector registers that LLVM uses for the CPU Numba compiles for.

    Found by compiling one addition: the CPU can be set by name without a list of its features, and
    some CPUs have wide registers that LLVM leaves alone because they lower the clock.
    """
    triple, cpu, features = cpu_target.target_context.codegen().magic_tuple()
    machine = binding.Target.from_triple(triple).create_target_machine(cpu, features, opt=2)
    assembly = machine.emit_assembly(binding.parse_assembly(_PROBE))
    if "zmm" in assembly:
        return 64, 32
    if "ymm" in assembly:
        return 32, 16
    return 16, 16 if triple.startswith(("x86", "i")) else 32


def sums_at_once() -> int:
    """Vectors of sums in a tile: what the registers hold beside the operands."""
    return 24 if registers()[1] == 32 else 12


def column_tiles(columns: int, widest: int) -> list[tuple[int, int, int]]:
    """Cut `columns` into few tiles of almost equal width: (first, width, count) of each kind.

    >>> column_tiles(20, 6)
    [(0, 5, 4)]
    >>> column_tiles(19, 6)
    [(0, 5, 3), (15, 4, 1)]
    """
    count = -(-columns // widest)
    width, wider = divmod(columns, count)
    kinds = [(0, width + 1, wider), (wider * (width + 1), width, count - wider)]
    return [kind for kind in kinds if kind[2]]


def times(builder: Any, a: Any, b: Any) -> Any:
    """``a b`` as an int64 value; each is an int or an int64 value."""
    a, b = (llvm.int64(k) if isinstance(k, int) else k for k in (a, b))
    return builder.mul(a, b)


def entry(builder: Any, pointer: Any, *products: tuple[Any, Any]) -> Any:
    """``&pointer[sum of the products]``."""
    for a, b in products:
        pointer = llvm.offset(builder, pointer, times(builder, a, b))
    return pointer


class Slices:
    """The features 0..d-1 in slices of one vector register; the last slice is masked."""

    def __init__(self, builder: Any, scalar: Any, d: Any) -> None:
        self.builder, self.scalar = builder, scalar
        self.lanes = registers()[0] // llvm.size_of(scalar)
        lanes = llvm.int64(self.lanes)
        # At least one feature is left for the masked slice.
        self.full = builder.sdiv(builder.sub(d, llvm.int64(1)), lanes)
        rest = builder.sub(d, builder.mul(self.full, lanes))
        numbers = ir.Constant(ir.VectorType(llvm.I64, self.lanes), list(range(self.lanes)))
        self.mask = builder.icmp_signed("<", numbers, llvm.splat(builder, rest, self.lanes))

    def zeros(self, count: int) -> list[Any]:
        """`count` vectors of zeros."""
        return [llvm.constant(self.scalar, self.lanes, 0.0)] * count

    def load(self, pointer: Any, last: bool, scalar: Any = None) -> Any:
        """One slice of an array of `scalar`, by default of the data's dtype."""
        scalar = scalar or self.scalar
        if not last:
            return llvm.load(self.builder, pointer, scalar, self.lanes)
        kind = llvm.vector_type(scalar, self.lanes)
        zeros = llvm.constant(scalar, self.lanes, 0.0)
        return self._masked("load", scalar, kind, pointer, [], [zeros])

    def store(self, vector: Any, pointer: Any, last: bool) -> None:
        """Write one slice; nothing beyond the last feature."""
        if last:
            self._masked("store", self.scalar, ir.VoidType(), pointer, [vector], [])
        else:
            llvm.store(self.builder, vector, pointer, self.scalar)

    def _masked(self, name, scalar, result, pointer, before, after):
        size = llvm.size_of(scalar)
        place = llvm.vector_type(scalar, self.lanes).as_pointer()
        pointer = self.builder.bitcast(pointer, place)
        alignment = ir.Constant(llvm.I32, size)
        arguments = [*before, pointer, alignment, self.mask, *after]
        signature = ir.FunctionType(result, [a.type for a in arguments])
        full_name = f"llvm.masked.{name}.v{self.lanes}f{8 * size}.p0"
        function = cgutils.get_or_insert_function(self.builder.module, signature, full_name)
        return self.builder.call(function, arguments)

    def fold(
        self, state: list[Any], body: Callable[[Any, list[Any], bool], list[Any]]
    ) -> list[Any]:
        """``state = body(slice, state, is_last)`` for all slices."""
        state = llvm.counted_loop(
            self.builder, self.full, state, lambda s, now: body(s, now, False)
        )
        return body(self.full, state, True)

    def visit(
        self, first: Any, stop: Any, body: Callable[[Any, int, bool], None], at_once: int = 1
    ) -> None:
        """``body(slice, number of slices, is_last)`` for features first..stop-1.

        `first` is a multiple of the lanes, and so is `stop` unless it is d. Most slices come
        `at_once`.
        """
        builder, lanes = self.builder, llvm.int64(self.lanes)
        first = builder.sdiv(first, lanes)
        stop = builder.sdiv(builder.add(stop, llvm.int64(self.lanes - 1)), lanes)
        reaches_last = builder.icmp_signed(">", stop, self.full)
        stop_full = builder.select(reaches_last, self.full, stop)
        blocks = builder.sdiv(builder.sub(stop_full, first), llvm.int64(at_once))

        def block(k, _):
            body(builder.add(first, times(builder, k, at_once)), at_once, False)
            return []

        def single(s, _):
            body(s, 1, False)
            return []

        llvm.counted_loop(builder, blocks, [], block)
        if at_once > 1:
            start = builder.add(first, times(builder, blocks, at_once))
            llvm.counted_loop(builder, stop_full, [], single, start)
        with builder.if_then(reaches_last):
            body(self.full, 1, True)


class Samples:
    """Rows of data, row r at the address ``base + numbers[r] row_bytes``."""

    def __init__(self, builder, scalar, numbers, stop, base, row_bytes):
        self.builder, self.kind = builder, scalar.as_pointer()
        self.numbers, self.base, self.row_bytes = numbers, base, row_bytes
        self.last = builder.sub(stop, llvm.int64(1))

    def clamp(self, r: Any) -> Any:
        """r, or the number of the last row if r is beyond."""
        return self.builder.select(self.builder.icmp_signed("<", r, self.last), r, self.last)

    def pointer(self, r: Any) -> Any:
        """Pointer to row r, to the last row if r is beyond."""
        builder = self.builder
        number = builder.load(builder.gep(self.numbers, [self.clamp(r)]))
        address = builder.add(self.base, builder.mul(number, self.row_bytes))
        return builder.inttoptr(address, self.kind)


def lane_sums(builder: Any, vectors: list[Any], lanes: int) -> Any:
    """The sums over the lanes of each vector, as one vector; their number is a power of two.

    Halves are added: the order of every sum is that of one binary tree, whatever the number of
    vectors.
    """
    segment = lanes

    def halves(a, b, joined):
        segments = lanes // segment
        half = segment // 2
        low = [k * segment + i for k in range(segments) for i in range(half)]
        pair = []
        for shift in (0, half):
            picked = [i + shift for i in low]
            if joined:
                picked += [i + shift + lanes for i in low]
            mask = ir.Constant(ir.VectorType(llvm.I32, len(picked)), picked)
            pair.append(builder.shuffle_vector(a, b, mask))
        return builder.fadd(*pair)

    while len(vectors) > 1:
        vectors = [halves(a, b, True) for a, b in zip(vectors[::2], vectors[1::2], strict=True)]
        segment //= 2
    (sums,) = vectors
    while segment > 1:
        sums = halves(sums, ir.Constant(sums.type, ir.Undefined), False)
        lanes //= 2
        segment //= 2
    return sums
