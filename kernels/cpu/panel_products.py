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

I64 = types.int64

# How many groups of rows ahead of the logits data are asked for.
GROUPS_AHEAD = 2


def _pointer(context, builder, signature, arguments, k, at=None):
    """Pointer to entry `at` of the array argument k."""
    pointer = llvm.array_pointer(context, builder, signature.args[k], arguments[k])
    return pointer if at is None else llvm.offset(builder, pointer, at)


def _scalar(signature, k):
    """LLVM float type of the array argument k."""
    return llvm.float_type(signature.args[k].dtype)


def _emit_logits(builder, slices, samples, first, stop, iterates, strides, columns, finish):
    """Dot products of rows first..stop-1 of `samples` with all columns, tile by tile.

    `strides` of the iterates: from slice to slice, from column to column. ``finish(row, column,
    sums)`` stores the sums of a tile: ``sums[k][c]`` for row ``row + k``, column ``column + c``.
    """
    by_slice, by_column = strides
    at_once = tiles.sums_at_once()
    kinds = tiles.column_tiles(columns, at_once // 4)
    rows = 8 if 8 * kinds[0][1] <= at_once else 4
    n_tiles = sum(count for _, _, count in kinds)

    def rows_ahead(row, number):
        """Pointers to what tile `number` of columns asks for: its share of a later group."""
        start, stop = (
            builder.udiv(tiles.times(builder, k, rows), llvm.int64(n_tiles))
            for k in (number, builder.add(number, llvm.int64(1)))
        )
        last = builder.sub(stop, llvm.int64(1))
        for k in range(-(-rows // n_tiles)):
            wanted = builder.add(start, llvm.int64(k))
            wanted = builder.select(builder.icmp_signed("<", wanted, last), wanted, last)
            yield samples.pointer(
                builder.add(builder.add(row, llvm.int64(GROUPS_AHEAD * rows)), wanted)
            )

    def tile(row, data, column, number, width):
        ahead = list(rows_ahead(row, number))
        iterate = tiles.entry(builder, iterates, (column, by_column))

        def add_slice(s, sums, last):
            feature = tiles.times(builder, s, slices.lanes)
            for pointer in ahead:
                llvm.prefetch(builder, llvm.offset(builder, pointer, feature), tiles.SECOND_LEVEL)
            vectors = [
                slices.load(tiles.entry(builder, iterate, (s, by_slice), (c, by_column)), last)
                for c in range(width)
            ]
            new = []
            for k, pointer in enumerate(data):
                x = slices.load(llvm.offset(builder, pointer, feature), last)
                for c, vector in enumerate(vectors):
                    new.append(llvm.multiply_add(builder, x, vector, sums[k * width + c]))
            return new

        sums = slices.fold(slices.zeros(rows * width), add_slice)
        finish(row, column, [sums[k * width : (k + 1) * width] for k in range(rows)])

    def group(i, _):
        row = builder.add(first, tiles.times(builder, i, rows))
        data = [samples.pointer(builder.add(row, llvm.int64(k))) for k in range(rows)]
        before = 0
        for start, width, count in kinds:

            def column_tile(k, _, start=start, width=width, before=before):
                column = builder.add(llvm.int64(start), tiles.times(builder, k, width))
                tile(row, data, column, builder.add(k, llvm.int64(before)), width)
                return []

            llvm.counted_loop(builder, llvm.int64(count), [], column_tile)
            before += count
        return []

    wanted = builder.add(builder.sub(stop, first), llvm.int64(rows - 1))
    llvm.counted_loop(builder, builder.sdiv(wanted, llvm.int64(rows)), [], group)


def _sums_of_rows(builder, slices, sums, c):
    """The dot products of column c for all rows of a tile: (first row, vector of rows) pairs."""
    step = min(len(sums), slices.lanes)
    for k in range(0, len(sums), step):
        vectors = [row[c] for row in sums[k : k + step]]
        yield k, tiles.lane_sums(builder, vectors, slices.lanes), step


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
                for k, vector, _ in _sums_of_rows(builder, slices, sums, c):
                    llvm.store(builder, vector, llvm.offset(builder, place, k), scalar)

        strides = columns * slices.lanes, slices.lanes
        _emit_logits(builder, slices, samples, first, stop, W, strides, columns, finish)
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
                for k, vector, count in _sums_of_rows(builder, slices, sums, c):
                    for i in range(count):
                        # Rows beyond the last are copies of it.
                        r = samples.clamp(builder.add(row, llvm.int64(k + i)))
                        value = builder.extract_element(vector, ir.Constant(llvm.I32, i))
                        place = tiles.entry(builder, Z, (r, known[0]), (column, 1), (c, 1))
                        builder.store(value, place)

        zero = llvm.int64(0)
        strides = slices.lanes, d
        _emit_logits(builder, slices, samples, zero, stop, V, strides, known[0], finish)
        return context.get_dummy_value()

    return types.void(numbers, I64, I64, I64, I64, V, Z, columns), generate


def _emit_gradient(builder, slices, samples, rows, features, residuals, target, columns, add):
    """``target[c, k] += sum_r residual[r, c] X[r, k]`` for features first..stop-1.

    `rows`: first and stop of the panel, and the row from which the next panel starts, to be asked
    for. `residuals` and `target`: pointer and the strides by row or slice, and by column.
    ``add(old, sums)`` gives what is stored.
    """
    first, stop, following = rows
    residuals, by_row, by_column = residuals
    target, target_by_slice, target_by_column = target
    at_once = tiles.sums_at_once()
    # With 16 registers a product costs a load for its residual, so two slices share it.
    widest = at_once if at_once > 12 else at_once // 2
    for start, width, count in tiles.column_tiles(columns, widest):

        def column_tile(k, _, start=start, width=width):
            column = builder.add(llvm.int64(start), tiles.times(builder, k, width))
            source = tiles.entry(builder, residuals, (column, by_column))
            goal = tiles.entry(builder, target, (column, target_by_column))

            def some_slices(s, number, last):
                feature = tiles.times(builder, s, slices.lanes)
                n_rows = builder.sub(stop, first)

                def add_row(r, sums):
                    data = llvm.offset(builder, samples.pointer(builder.add(first, r)), feature)
                    ahead = samples.pointer(builder.add(following, r))
                    x = []
                    for i in range(number):
                        shift = llvm.int64(i * slices.lanes)
                        x.append(slices.load(llvm.offset(builder, data, shift), last))
                        place = builder.gep(ahead, [builder.add(feature, shift)])
                        llvm.prefetch(builder, place, tiles.SECOND_LEVEL)
                    new = []
                    for c in range(width):
                        place = tiles.entry(builder, source, (r, by_row), (c, by_column))
                        residual = llvm.splat(builder, builder.load(place), slices.lanes)
                        for i in range(number):
                            old = sums[c * number + i]
                            new.append(llvm.multiply_add(builder, residual, x[i], old))
                    return new

                sums = llvm.counted_loop(builder, n_rows, slices.zeros(width * number), add_row)
                for c in range(width):
                    for i in range(number):
                        at = builder.add(s, llvm.int64(i))
                        place = tiles.entry(
                            builder, goal, (at, target_by_slice), (c, target_by_column)
                        )
                        old = slices.load(place, last)
                        slices.store(add(old, sums[c * number + i]), place, last)

            slices.visit(*features, some_slices, max(1, min(4, at_once // width)))
            return []

        llvm.counted_loop(builder, llvm.int64(count), [], column_tile)


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
        _emit_gradient(
            builder,
            slices,
            samples,
            (first, stop, stop),
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
        _emit_gradient(
            builder,
            slices,
            samples,
            (first, stop, stop),
            (llvm.int64(0), d),
            (source, known[0], 1),
            (G, slices.lanes, d),
            known[0],
            lambda old, sums: llvm.multiply_add(builder, factor, sums, old),
        )
        return context.get_dummy_value()

    return types.void(numbers, *[I64] * 6, Z, Z.dtype, G, columns), generate
