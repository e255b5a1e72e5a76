"""Intrinsics on the rows of a (d, width) matrix: weighted sums, additions, prefetches.

`width`, given as its two factors `g` and `C`, is a literal integer. Rows are packed, so a row needs
the alignment of one entry only. Sums run in the order of the entries, so results are reproducible.
"""

from __future__ import annotations

from numba import types
from numba.extending import intrinsic

from . import llvm

# Distance at which `gather` asks for rows. Measured: 8 to 32 are alike, none is 3 % slower.
ENTRIES_AHEAD = 16


def _index(context, builder, signature, arguments, k):
    """Argument k as int64."""
    return context.cast(builder, arguments[k], signature.args[k], types.int64)


def _pointer(context, builder, signature, arguments, k):
    """Pointer to the data of the array argument k."""
    return llvm.array_pointer(context, builder, signature.args[k], arguments[k])


def _load_index(builder, pointer, index, dtype):
    """Entry `index` of an array of integers of the Numba type `dtype`, as int64."""
    value = builder.load(llvm.offset(builder, pointer, index))
    return value if dtype.bitwidth == 64 else builder.sext(value, llvm.I64)


def _prefetch_row(builder, row, scalar, width, write):
    """Ask for every cache line of a row."""
    for first in [*range(0, width, llvm.lanes_of(scalar)), width - 1]:
        llvm.prefetch(builder, llvm.offset(builder, row, first), write=write)


def _row(builder, pointer, index, width):
    """Pointer to row `index` of a matrix of `width` columns."""
    return llvm.offset(builder, pointer, builder.mul(index, llvm.int64(width)))


def _weighted_sum(builder, scalar, width, start, stop, weight_and_row):
    """``sum_k weight_k row_k`` over k = start .. stop-1, as one vector for each piece of a row."""
    parts = llvm.pieces(width, llvm.lanes_of(scalar))

    def add_row(k, sums):
        weight, row = weight_and_row(k)
        return [
            llvm.multiply_add(
                builder,
                llvm.splat(builder, weight, lanes),
                llvm.load(builder, llvm.offset(builder, row, first), scalar, lanes),
                total,
            )
            for total, (first, lanes) in zip(sums, parts, strict=True)
        ]

    zeros = [llvm.constant(scalar, lanes, 0.0) for _, lanes in parts]
    return parts, llvm.counted_loop(builder, stop, zeros, add_row, start)


@intrinsic(prefer_literal=True)
def gather(typing, indices, values, factors, matrix, start, stop, last, target, at, g, C, scaled):
    """``target[at:at+width] <- sum_k values[k] factors[i_k] matrix[i_k, :]``, ``i_k = indices[k]``.

    k runs from `start` to `stop`. `factors` are not read if the literal `scaled` is 0. Rows of
    `matrix` are asked for `ENTRIES_AHEAD` entries ahead, up to entry `last`, so that those of the
    following row of data are on their way.
    """
    known = llvm.literals(g, C, scaled)
    if known is None:
        return None
    width, with_factors = known[0] * known[1], known[2]

    def generate(context, builder, signature, arguments):
        scalar = llvm.float_type(signature.args[1].dtype)
        index_of, value_of, factor_of, rows, out = (
            _pointer(context, builder, signature, arguments, k) for k in (0, 1, 2, 3, 7)
        )
        start, stop, last, at = (
            _index(context, builder, signature, arguments, k) for k in (4, 5, 6, 8)
        )

        def row_of(k):
            i = _load_index(builder, index_of, k, signature.args[0].dtype)
            return i, _row(builder, rows, i, width)

        def weight_and_row(k):
            ahead = builder.add(k, llvm.int64(ENTRIES_AHEAD))
            ahead = builder.select(builder.icmp_signed("<", ahead, last), ahead, last)
            _prefetch_row(builder, row_of(ahead)[1], scalar, width, write=False)
            i, row = row_of(k)
            weight = builder.load(llvm.offset(builder, value_of, k))
            if with_factors:
                weight = builder.fmul(weight, builder.load(llvm.offset(builder, factor_of, i)))
            return weight, row

        parts, sums = _weighted_sum(builder, scalar, width, start, stop, weight_and_row)
        for total, (first, _) in zip(sums, parts, strict=True):
            place = llvm.offset(builder, llvm.offset(builder, out, at), first)
            llvm.store(builder, total, place, scalar)
        return context.get_dummy_value()

    return types.void(
        indices, values, factors, matrix, start, stop, last, target, at, g, C, scaled
    ), generate


@intrinsic(prefer_literal=True)
def accumulate(typing, local, values, matrix, start, stop, target, i, coefficient, g, C):
    """``target[i, :] += coefficient sum_k values[k] matrix[local[k], :]``, k from start to stop."""
    known = llvm.literals(g, C)
    if known is None:
        return None
    width = known[0] * known[1]

    def generate(context, builder, signature, arguments):
        scalar = llvm.float_type(signature.args[1].dtype)
        local_of, value_of, rows, out = (
            _pointer(context, builder, signature, arguments, k) for k in (0, 1, 2, 5)
        )
        start, stop, i = (_index(context, builder, signature, arguments, k) for k in (3, 4, 6))

        def weight_and_row(k):
            row = _load_index(builder, local_of, k, signature.args[0].dtype)
            return builder.load(llvm.offset(builder, value_of, k)), _row(builder, rows, row, width)

        parts, sums = _weighted_sum(builder, scalar, width, start, stop, weight_and_row)
        changed = _row(builder, out, i, width)
        for total, (first, lanes) in zip(sums, parts, strict=True):
            place = llvm.offset(builder, changed, first)
            factor = llvm.splat(builder, arguments[7], lanes)
            old = llvm.load(builder, place, scalar, lanes)
            llvm.store(builder, llvm.multiply_add(builder, factor, total, old), place, scalar)
        return context.get_dummy_value()

    return types.void(local, values, matrix, start, stop, target, i, coefficient, g, C), generate


@intrinsic(prefer_literal=True)
def scatter(
    typing, indices, values, factors, source, at, start, stop, target, coefficient, g, C, scaled
):
    """``target[i_k, :] += coefficient values[k] factors[i_k] source[at:at+width]`` for every k.

    ``i_k = indices[k]``, k from `start` to `stop`. `factors` are not read if the literal `scaled`
    is 0.
    """
    known = llvm.literals(g, C, scaled)
    if known is None:
        return None
    width, with_factors = known[0] * known[1], known[2]

    def generate(context, builder, signature, arguments):
        scalar = llvm.float_type(signature.args[1].dtype)
        index_of, value_of, factor_of, added, out = (
            _pointer(context, builder, signature, arguments, k) for k in (0, 1, 2, 3, 7)
        )
        at, start, stop = (_index(context, builder, signature, arguments, k) for k in (4, 5, 6))
        parts = llvm.pieces(width, llvm.lanes_of(scalar))
        place = llvm.offset(builder, added, at)
        row = [llvm.load(builder, llvm.offset(builder, place, o), scalar, n) for o, n in parts]

        def add_row(k, _):
            i = _load_index(builder, index_of, k, signature.args[0].dtype)
            weight = builder.fmul(arguments[8], builder.load(llvm.offset(builder, value_of, k)))
            if with_factors:
                weight = builder.fmul(weight, builder.load(llvm.offset(builder, factor_of, i)))
            changed = _row(builder, out, i, width)
            for vector, (first, lanes) in zip(row, parts, strict=True):
                place = llvm.offset(builder, changed, first)
                factor = llvm.splat(builder, weight, lanes)
                old = llvm.load(builder, place, scalar, lanes)
                llvm.store(builder, llvm.multiply_add(builder, factor, vector, old), place, scalar)
            return []

        llvm.counted_loop(builder, stop, [], add_row, start)
        return context.get_dummy_value()

    return types.void(
        indices, values, factors, source, at, start, stop, target, coefficient, g, C, scaled
    ), generate


@intrinsic(prefer_literal=True)
def multiply_row(typing, matrix, i, factor, g, C):
    """``matrix[i, :] *= factor``, the product taken in float64 and rounded once."""
    known = llvm.literals(g, C)
    if known is None:
        return None
    width = known[0] * known[1]

    def generate(context, builder, signature, arguments):
        scalar = llvm.float_type(signature.args[0].dtype)
        pointer = _pointer(context, builder, signature, arguments, 0)
        row = _row(builder, pointer, _index(context, builder, signature, arguments, 1), width)
        for first, lanes in llvm.pieces(width, llvm.lanes_of(llvm.F64)):
            place = llvm.offset(builder, row, first)
            vector = llvm.load(builder, place, scalar, lanes)
            wide = llvm.to_float64(builder, vector, scalar, lanes)
            wide = builder.fmul(wide, llvm.splat(builder, arguments[2], lanes))
            if scalar == llvm.F32:
                wide = builder.fptrunc(wide, vector.type)
            llvm.store(builder, wide, place, scalar)
        return context.get_dummy_value()

    return types.void(matrix, i, types.float64, g, C), generate


@intrinsic(prefer_literal=True)
def prefetch_row(typing, matrix, i, g, C):
    """Ask for row i of the matrix, to be written soon."""
    known = llvm.literals(g, C)
    if known is None:
        return None
    width = known[0] * known[1]

    def generate(context, builder, signature, arguments):
        scalar = llvm.float_type(signature.args[0].dtype)
        pointer = _pointer(context, builder, signature, arguments, 0)
        row = _row(builder, pointer, _index(context, builder, signature, arguments, 1), width)
        _prefetch_row(builder, row, scalar, width, write=True)
        return context.get_dummy_value()

    return types.void(matrix, i, g, C), generate


@intrinsic
def prefetch_stream(typing, array, start, stop):
    """Ask for ``array[start:stop]``, to be read once: it displaces nothing else in the cache."""

    def generate(context, builder, signature, arguments):
        pointer = _pointer(context, builder, signature, arguments, 0)
        start, stop = (_index(context, builder, signature, arguments, k) for k in (1, 2))
        line = llvm.LINE * 8 // signature.args[0].dtype.bitwidth
        lines = builder.sdiv(
            builder.add(builder.sub(stop, start), llvm.int64(line - 1)), llvm.int64(line)
        )

        def ask(n, _):
            at = builder.add(start, builder.mul(n, llvm.int64(line)))
            llvm.prefetch(builder, llvm.offset(builder, pointer, at), llvm.STREAMED)
            return []

        llvm.counted_loop(builder, lines, [], ask)
        return context.get_dummy_value()

    return types.void(array, start, stop), generate
