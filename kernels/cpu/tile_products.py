"""Both products of some rows with all columns, tile by tile, whatever the layout of the operands.

A layout is given by strides, ints or int64 values. These functions emit the loops; the intrinsics
that use them are in `panel_products`.
"""

from __future__ import annotations

from . import llvm, tiles

# How many groups of rows ahead of the logits data are asked for.
GROUPS_AHEAD = 2


def emit_logits(builder, slices, samples, first, stop, iterates, strides, columns, finish):
    """Dot products of rows first..stop-1 of `samples` with all columns.

    `strides` of the iterates: from slice to slice, from column to column. ``finish(row, column,
    sums)`` stores the sums of a tile: the lanes of ``sums[k][c]`` belong to row ``row + k`` and
    column ``column + c``.
    """
    by_slice, by_column = strides
    at_once = tiles.sums_at_once()
    kinds = tiles.column_tiles(columns, at_once // 4)
    rows = 8 if 8 * kinds[0][1] <= at_once else 4
    n_tiles = sum(count for _, _, count in kinds)

    def rows_ahead(row, number):
        """Pointers to what tile `number` of columns asks for: its share of a later group.

        Evenly spread, since a CPU that is asked for too much at a time forgets some of it.
        """
        share, following_share = (
            builder.udiv(tiles.times(builder, k, rows), llvm.int64(n_tiles))
            for k in (number, builder.add(number, llvm.int64(1)))
        )
        last = builder.sub(following_share, llvm.int64(1))
        group = builder.add(row, llvm.int64(GROUPS_AHEAD * rows))
        for k in range(-(-rows // n_tiles)):
            wanted = builder.add(share, llvm.int64(k))
            wanted = builder.select(builder.icmp_signed("<", wanted, last), wanted, last)
            yield samples.pointer(builder.add(group, wanted))

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


def sums_of_rows(builder, slices, sums, c):
    """The dot products of column c for all rows of a tile: (first row, vector of rows) pairs."""
    step = min(len(sums), slices.lanes)
    for k in range(0, len(sums), step):
        vectors = [row[c] for row in sums[k : k + step]]
        yield k, tiles.lane_sums(builder, vectors, slices.lanes), step


def emit_gradient(builder, slices, samples, first, stop, features, residuals, target, columns, add):
    """``target[c, k] += sum_r residual[r, c] X[r, k]`` over the rows first..stop-1.

    `features`: the first k and the one after the last. `residuals`: pointer, stride from row to row
    and from column to column. `target`: pointer, stride from slice to slice and from column to
    column. ``add(old, sums)`` gives what is stored.
    """
    residuals, by_row, by_column = residuals
    target, target_by_slice, target_by_column = target
    at_once = tiles.sums_at_once()
    # With 16 registers a product costs a load for its residual, so two slices share it.
    widest = at_once if at_once > 12 else at_once // 2
    for start, width, count in tiles.column_tiles(columns, widest):
        # Few columns take several slices at once: a sum must wait for the one before it.
        slices_at_once = max(1, min(4, at_once // width))

        def column_tile(k, _, start=start, width=width, slices_at_once=slices_at_once):
            column = builder.add(llvm.int64(start), tiles.times(builder, k, width))
            source = tiles.entry(builder, residuals, (column, by_column))
            goal = tiles.entry(builder, target, (column, target_by_column))

            def some_slices(s, number, last):
                feature = tiles.times(builder, s, slices.lanes)
                n_rows = builder.sub(stop, first)

                def add_row(r, sums):
                    data = llvm.offset(builder, samples.pointer(builder.add(first, r)), feature)
                    # Of the panel that comes next.
                    ahead = samples.pointer(builder.add(stop, r))
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

            slices.visit(*features, some_slices, slices_at_once)
            return []

        llvm.counted_loop(builder, llvm.int64(count), [], column_tile)
