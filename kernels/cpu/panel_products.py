"""Intrinsics: products of some rows of dense data with iterates and with residuals.

`numbers` (int64) lists the rows: row r lies at the address ``base + numbers[r] row_bytes``. It is
the row number within an array, or, with base 0 and row_bytes 1, the address itself. Beyond the
list the last row counts, so that tiles are always full.

Within a step iterates and gradients are kept slice by slice, ``(slice, column, lane)``: what a tile
reads is contiguous, and the padding of the last slice is zero. Logits and residuals of a panel are
kept as ``(column, PANEL)``, samples next to each other.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..layout_dense import PANEL
from . import llvm, tiles
from .tile_products import emit_gradient, emit_logits, sums_of_rows

I64 = types.int64


def _pointer(context, builder, signature, arguments, k, at=None):
    """Pointer to entry `at` of the array argument k."""
    pointer = llvm.array_pointer(context, builder, signature.args[k], arguments[k])
    return pointer if at is None else llvm.offset(builder, pointer, at)


def _scalar(signature, k):
    """LLVM float type of the array argument k."""
    return llvm.float_type(signature.args[k].dtype)


@intrinsic(prefer_literal=True)
def panel_logits(typing, numbers, first, stop, end, d, iterates, Z, at, g, C):
    """``Z[at + c PANEL + r] <- sum_k X[first + r, k] iterate_c[k]`` for rows first..stop-1.

    `numbers` are addresses, `end` of them; `iterates` has ``g (C - 1)`` columns, kept slice by
    slice. Up to 7 entries beyond the last row are written.
    """
    known = llvm.literals(g, C)
    if known is None:
        return None

    def generate(context, builder, signature, arguments):
        columns = known[0] * (known[1] - 1)
        _, first, stop, end, d, _, _, at, _, _ = arguments
        scalar = _scalar(signature, 5)
        slices = tiles.Slices(builder, scalar, d)
        listed = _pointer(context, builder, signature, arguments, 0)
        one, zero = llvm.int64(1), llvm.int64(0)
        samples = tiles.Samples(builder, scalar, listed, end, zero, one)
        W = _pointer(context, builder, signature, arguments, 5)
        target = _pointer(context, builder, signature, arguments, 6, at)

        def finish(row, column, sums):
            row = builder.sub(row, first)
            for c in range(len(sums[0])):
                place = tiles.entry(builder, target, (column, PANEL), (row, 1), (c, PANEL))
                for k, vector, _ in sums_of_rows(builder, slices, sums, c):
                    llvm.store(builder, vector, llvm.offset(builder, place, k), scalar)

        strides = columns * slices.lanes, slices.lanes
        emit_logits(builder, slices, samples, first, stop, W, strides, columns, finish)
        return context.get_dummy_value()

    return types.void(numbers, I64, I64, I64, I64, iterates, Z, I64, g, C), generate


@intrinsic(prefer_literal=True)
def logits_by_rows(typing, numbers, stop, base, row_bytes, d, V, Z, columns):
    """``Z[r columns + c] <- sum_k X[r, k] V[c d + k]`` for the rows 0..stop-1."""
    known = llvm.literals(columns)
    if known is None:
        return None

    def generate(context, builder, signature, arguments):
        _, stop, base, row_bytes, d, _, _, _ = arguments
        scalar = _scalar(signature, 5)
        slices = tiles.Slices(builder, scalar, d)
        listed = _pointer(context, builder, signature, arguments, 0)
        samples = tiles.Samples(builder, scalar, listed, stop, base, row_bytes)
        V, Z = (_pointer(context, builder, signature, arguments, k) for k in (5, 6))

        def finish(row, column, sums):
            for c in range(len(sums[0])):
                for k, vector, count in sums_of_rows(builder, slices, sums, c):
                    for i in range(count):
                        # Rows beyond the last are copies of it.
                        r = samples.clamp(builder.add(row, llvm.int64(k + i)))
                        value = builder.extract_element(vector, ir.Constant(llvm.I32, i))
                        place = tiles.entry(builder, Z, (r, known[0]), (column, 1), (c, 1))
                        builder.store(value, place)

        zero = llvm.int64(0)
        strides = slices.lanes, d
        emit_logits(builder, slices, samples, zero, stop, V, strides, known[0], finish)
        return context.get_dummy_value()

    return types.void(numbers, I64, I64, I64, I64, V, Z, columns), generate


@intrinsic(prefer_literal=True)
def panel_gradient(typing, numbers, first, stop, end, feature, features, d, Z, at, G, g, C):
    """``gradient_c[k] += sum_r Z[at + c PANEL + r] X[first + r, k]`` for rows first..stop-1.

    k runs from `feature` to ``features - 1``. `numbers` are addresses, `end` of them; `G` has
    ``g (C - 1)`` columns, kept slice by slice.
    """
    known = llvm.literals(g, C)
    if known is None:
        return None

    def generate(context, builder, signature, arguments):
        columns = known[0] * (known[1] - 1)
        _, first, stop, end, feature, features, d, _, at, _, _, _ = arguments
        scalar = _scalar(signature, 7)
        slices = tiles.Slices(builder, scalar, d)
        listed = _pointer(context, builder, signature, arguments, 0)
        one, zero = llvm.int64(1), llvm.int64(0)
        samples = tiles.Samples(builder, scalar, listed, end, zero, one)
        source = _pointer(context, builder, signature, arguments, 7, at)
        G = _pointer(context, builder, signature, arguments, 9)
        emit_gradient(
            builder,
            slices,
            samples,
            first,
            stop,
            (feature, features),
            (source, 1, PANEL),
            (G, columns * slices.lanes, slices.lanes),
            columns,
            builder.fadd,
        )
        return context.get_dummy_value()

    return types.void(numbers, *[I64] * 6, Z, I64, G, g, C), generate


@intrinsic(prefer_literal=True)
def add_gradient(typing, numbers, first, stop, end, base, row_bytes, d, Z, scale, G, columns):
    """``G[c d + k] += scale sum_r Z[r columns + c] X[r, k]`` over the rows first..stop-1."""
    known = llvm.literals(columns)
    if known is None:
        return None

    def generate(context, builder, signature, arguments):
        _, first, stop, end, base, row_bytes, d, _, scale, _, _ = arguments
        scalar = _scalar(signature, 7)
        slices = tiles.Slices(builder, scalar, d)
        listed = _pointer(context, builder, signature, arguments, 0)
        samples = tiles.Samples(builder, scalar, listed, end, base, row_bytes)
        source = _pointer(context, builder, signature, arguments, 7)
        source = tiles.entry(builder, source, (first, known[0]))
        G = _pointer(context, builder, signature, arguments, 9)
        factor = llvm.splat(builder, scale, slices.lanes)
        emit_gradient(
            builder,
            slices,
            samples,
            first,
            stop,
            (llvm.int64(0), d),
            (source, known[0], 1),
            (G, slices.lanes, d),
            known[0],
            lambda old, sums: llvm.multiply_add(builder, factor, sums, old),
        )
        return context.get_dummy_value()

    return types.void(numbers, *[I64] * 6, Z, Z.dtype, G, columns), generate
