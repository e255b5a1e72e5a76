"""Intrinsics on one row of C logits in registers; C is a literal integer.

A row is covered by vectors of equal length, the last of which overlaps the one before it: no masks
and no padding. Entries covered twice are written twice with the same value and summed once.
"""

from __future__ import annotations

from functools import reduce as fold

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from . import llvm


def _cover(C, scalar):
    """Lanes and first entries of the vectors, and how many lanes of the last are covered twice."""
    lanes = llvm.lanes_of(scalar)
    while lanes > C:
        lanes //= 2
    firsts = list(range(0, C - lanes + 1, lanes))
    twice = -C % lanes
    if twice:
        firsts.append(C - lanes)
    return lanes, firsts, twice


class _Row:
    """A row of C entries at `pointer`, held in vectors."""

    def __init__(self, builder, pointer, scalar, C):
        self.builder, self.pointer, self.scalar = builder, pointer, scalar
        self.lanes, self.firsts, self.twice = _cover(C, scalar)

    def load(self):
        """The vectors of the row."""
        return [
            llvm.load(
                self.builder, llvm.offset(self.builder, self.pointer, o), self.scalar, self.lanes
            )
            for o in self.firsts
        ]

    def store(self, vectors):
        """Write the vectors of the row."""
        for vector, o in zip(vectors, self.firsts, strict=True):
            place = llvm.offset(self.builder, self.pointer, o)
            llvm.store(self.builder, vector, place, self.scalar)

    def maximum(self, vectors):
        """The largest entry."""
        largest = fold(lambda a, b: llvm.maximum(self.builder, a, b), vectors)
        return llvm.reduce(self.builder, largest, self.lanes, llvm.maximum)

    def once(self, vectors):
        """The vectors, the entries covered twice set to zero in the last one."""
        if not self.twice:
            return vectors
        mask = ir.Constant(
            llvm.vector_type(llvm.I1, self.lanes), [int(k >= self.twice) for k in range(self.lanes)]
        )
        zeros = llvm.constant(self.scalar, self.lanes, 0.0)
        return [*vectors[:-1], self.builder.select(mask, vectors[-1], zeros)]

    def sum(self, vectors):
        """The sum of the entries."""
        total = fold(self.builder.fadd, self.once(vectors))
        return llvm.reduce(self.builder, total, self.lanes, llvm.add)

    def splat(self, value):
        """`value` in every lane."""
        return llvm.splat(self.builder, value, self.lanes)

    def shifted_exp(self, vectors):
        """The largest entry, and exp(entry - largest) of all."""
        largest = self.maximum(vectors)
        shift = self.splat(largest)
        shifted = (self.builder.fsub(v, shift) for v in vectors)
        return largest, [llvm.vector_exp(self.builder, v, self.scalar, self.lanes) for v in shifted]


def row_at(context, builder, signature, arguments, k, at, C):
    """The row at entry `at` of the array argument k."""
    pointer = llvm.array_pointer(context, builder, signature.args[k], arguments[k])
    at = context.cast(builder, arguments[at], signature.args[at], types.int64)
    scalar = llvm.float_type(signature.args[k].dtype)
    return _Row(builder, llvm.offset(builder, pointer, at), scalar, C)


@intrinsic(prefer_literal=True)
def softmax(typing, Z, at, coefficient, C):
    """``Z[at:at+C] <- coefficient softmax(Z[at:at+C])``."""
    known = llvm.literals(C)
    if known is None:
        return None

    def generate(context, builder, signature, arguments):
        row = row_at(context, builder, signature, arguments, 0, 1, known[0])
        _, exps = row.shifted_exp(row.load())
        factor = row.splat(builder.fdiv(arguments[2], row.sum(exps)))
        row.store([builder.fmul(e, factor) for e in exps])
        return context.get_dummy_value()

    return types.void(Z, at, Z.dtype, C), generate


@intrinsic(prefer_literal=True)
def softmax_curvature(typing, Z, U, at, coefficient, C):
    """``U_r <- coefficient (p U_r - p (p . U_r))``, ``p = softmax(Z_r)``, rows at entry `at`."""
    known = llvm.literals(C)
    if known is None:
        return None

    def generate(context, builder, signature, arguments):
        logits = row_at(context, builder, signature, arguments, 0, 2, known[0])
        directions = row_at(context, builder, signature, arguments, 1, 2, known[0])
        _, exps = logits.shifted_exp(logits.load())
        total = logits.splat(logits.sum(exps))
        p = [builder.fdiv(e, total) for e in exps]
        vectors = directions.load()
        products = [builder.fmul(a, b) for a, b in zip(p, vectors, strict=True)]
        mean, factor = logits.splat(logits.sum(products)), logits.splat(arguments[3])
        directions.store(
            [
                builder.fmul(factor, builder.fmul(a, builder.fsub(b, mean)))
                for a, b in zip(p, vectors, strict=True)
            ]
        )
        return context.get_dummy_value()

    return types.void(Z, U, at, Z.dtype, C), generate


@intrinsic(prefer_literal=True)
def largest_and_rest(typing, Z, at, C):
    """Largest entry m of ``Z[at:at+C]`` and ``sum_c exp(Z_c - m) - 1``, both float64.

    The sum is taken in float64, so what it has above 1 is accurate when it is small too.
    """
    known = llvm.literals(C)
    if known is None:
        return None

    def generate(context, builder, signature, arguments):
        row = row_at(context, builder, signature, arguments, 0, 1, known[0])
        largest, exps = row.shifted_exp(row.load())
        wide = [llvm.to_float64(builder, e, row.scalar, row.lanes) for e in row.once(exps)]
        total = llvm.reduce(builder, fold(builder.fadd, wide), row.lanes, llvm.add)
        rest = builder.fsub(total, llvm.constant(llvm.F64, 1, 1.0))
        largest = llvm.to_float64(builder, largest, row.scalar, 1)
        return context.make_tuple(builder, signature.return_type, [largest, rest])

    return types.UniTuple(types.float64, 2)(Z, at, C), generate
