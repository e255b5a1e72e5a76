"""Intrinsics on transposed blocks of PANEL samples with few features and two classes.

The samples are in the lanes, so no sum over lanes is needed for the logits, and those for the
gradient are taken for 4 features and all offsets together. `tiles` is described in
`layout_dense.build_blocks`; iterates and gradient are kept slice by slice, see `panel_products`.
"""

from __future__ import annotations

from numba import types
from numba.extending import intrinsic

from ..layout_dense import PANEL, TILE_UNIT
from . import llvm, tiles

I64 = types.int64


class _Tile:
    """A tile of the array argument 0, and the place of a feature in the scratch arrays."""

    def __init__(self, context, builder, signature, arguments, offsets):
        self.builder, self.offsets = builder, offsets
        kind = signature.args[0]
        self.scalar = llvm.float_type(kind.dtype)
        self.lanes = tiles.registers()[0] // llvm.size_of(self.scalar)
        array = context.make_array(kind)(context, builder, arguments[0])
        per_block, self.features = (builder.extract_value(array.shape, k) for k in (1, 2))
        tile = builder.add(builder.mul(arguments[1], per_block), arguments[2])
        first = builder.mul(tile, self.features)
        self.pointer = tiles.entry(builder, array.data, (first, PANEL))

    def samples(self, feature, first):
        """One vector: the samples from `first` on."""
        place = tiles.entry(self.builder, self.pointer, (feature, PANEL), (first, 1))
        return llvm.load(self.builder, place, self.scalar, self.lanes)

    def place(self, array, feature, j):
        """Pointer to the entry of a feature and an offset in an array kept slice by slice."""
        builder = self.builder
        before = builder.udiv(feature, llvm.int64(self.lanes))
        skipped = tiles.times(builder, before, self.lanes * (self.offsets - 1))
        at = builder.add(builder.add(feature, skipped), llvm.int64(j * self.lanes))
        return llvm.offset(builder, array, at)


@intrinsic(prefer_literal=True)
def block_logits(typing, blocks, block, part, iterates, Z, g):
    """``Z[j PANEL + r] <- sum_k tiles[block, part, k, r] iterate_j[k]``."""
    known = llvm.literals(g)
    if known is None:
        return None

    def generate(context, builder, signature, arguments):
        (offsets,) = known
        tile = _Tile(context, builder, signature, arguments, offsets)
        iterates, Z = (
            llvm.array_pointer(context, builder, signature.args[k], arguments[k]) for k in (3, 4)
        )
        # As many samples at once as the sums of two offsets leave registers for.
        vectors = min(4, PANEL // tile.lanes)

        def some_samples(i, _):
            first = tiles.times(builder, i, vectors * tile.lanes)

            def add_feature(k, sums):
                x = [
                    tile.samples(k, builder.add(first, llvm.int64(v * tile.lanes)))
                    for v in range(vectors)
                ]
                new = []
                for j in range(offsets):
                    weight = builder.load(tile.place(iterates, k, j))
                    weight = llvm.splat(builder, weight, tile.lanes)
                    for v in range(vectors):
                        old = sums[j * vectors + v]
                        new.append(llvm.multiply_add(builder, weight, x[v], old))
                return new

            zeros = [llvm.constant(tile.scalar, tile.lanes, 0.0)] * (offsets * vectors)
            sums = llvm.counted_loop(builder, tile.features, zeros, add_feature)
            for j in range(offsets):
                for v in range(vectors):
                    place = tiles.entry(builder, Z, (first, 1), (j, PANEL), (v, tile.lanes))
                    llvm.store(builder, sums[j * vectors + v], place, tile.scalar)
            return []

        count = PANEL // (vectors * tile.lanes)
        llvm.counted_loop(builder, llvm.int64(count), [], some_samples)
        return context.get_dummy_value()

    return types.void(blocks, I64, I64, iterates, Z, g), generate


@intrinsic(prefer_literal=True)
def block_gradient(typing, blocks, block, part, Z, gradient, g):
    """``gradient_j[k] += sum_r tiles[block, part, k, r] Z[j PANEL + r]``."""
    known = llvm.literals(g)
    if known is None:
        return None

    def generate(context, builder, signature, arguments):
        (offsets,) = known
        tile = _Tile(context, builder, signature, arguments, offsets)
        Z, gradient = (
            llvm.array_pointer(context, builder, signature.args[k], arguments[k]) for k in (3, 4)
        )
        vectors = PANEL // tile.lanes

        def residual(j, v):
            place = llvm.offset(builder, Z, j * PANEL + v * tile.lanes)
            return llvm.load(builder, place, tile.scalar, tile.lanes)

        keep = offsets * vectors <= tiles.sums_at_once() // 3
        kept = [[residual(j, v) for v in range(vectors)] for j in range(offsets)] if keep else None
        # Neighbouring features never lie in two slices.
        at_once = min(TILE_UNIT, tile.lanes)

        def some_features(i, _):
            first = tiles.times(builder, i, at_once)
            sums = {}
            for k in range(at_once):
                feature = builder.add(first, llvm.int64(k))
                for v in range(vectors):
                    x = tile.samples(feature, llvm.int64(v * tile.lanes))
                    for j in range(offsets):
                        r = kept[j][v] if kept else residual(j, v)
                        old = sums.get((j, k))
                        sums[j, k] = (
                            builder.fmul(x, r)
                            if old is None
                            else llvm.multiply_add(builder, x, r, old)
                        )
            for j in range(offsets):
                total = tiles.lane_sums(builder, [sums[j, k] for k in range(at_once)], tile.lanes)
                place = tile.place(gradient, first, j)
                old = llvm.load(builder, place, tile.scalar, at_once)
                llvm.store(builder, builder.fadd(old, total), place, tile.scalar)
            return []

        groups = builder.udiv(tile.features, llvm.int64(at_once))
        llvm.counted_loop(builder, groups, [], some_features)
        return context.get_dummy_value()

    return types.void(blocks, I64, I64, Z, gradient, g), generate


@intrinsic
def prefetch_block(typing, blocks, block, part):
    """Ask for ``tiles[block, part]``."""

    def generate(context, builder, signature, arguments):
        tile = _Tile(context, builder, signature, arguments, 1)
        per_line = llvm.lanes_of(tile.scalar)

        def ask(k, _):
            for first in range(0, PANEL, per_line):
                place = tiles.entry(builder, tile.pointer, (k, PANEL), (first, 1))
                llvm.prefetch(builder, place)
            return []

        llvm.counted_loop(builder, tile.features, [], ask)
        return context.get_dummy_value()

    return types.void(blocks, I64, I64), generate
