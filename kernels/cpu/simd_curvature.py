"""Intrinsics for curvature on CSR data: rows of logits and directions, rows of (d, C) iterates.

C is a literal integer, and rows are held in registers as in `simd_softmax` and `simd_rows`.
"""

from __future__ import annotations

from numba import types
from numba.extending import intrinsic

from . import llvm
from .simd_softmax import row_at


def _curvature(row, p, directions, coefficient):
    """``c p (u - <p, u>)`` and ``<p, u>``."""
    builder = row.builder
    vectors = directions.load()
    products = [builder.fmul(a, b) for a, b in zip(p, vectors, strict=True)]
    mean = row.sum(products)
    shift, factor = row.splat(mean), row.splat(coefficient)
    directions.store(
        [
            builder.fmul(factor, builder.fmul(a, builder.fsub(b, shift)))
            for a, b in zip(p, vectors, strict=True)
        ]
    )
    return mean


@intrinsic(prefer_literal=True)
def softmax_derivatives(typing, Z, U, at, label, coefficient, C):
    """``Z_r <- c (p - e)`` and ``U_r <- c (p U_r - p <p, U_r>)``; return ``<p - e, U_r>``.

    ``p = softmax(Z_r)``, e the unit vector of the label; the rows are at entry `at`.
    """
    known = llvm.literals(C)
    if known is None:
        return None

    def generate(context, builder, signature, arguments):
        logits = row_at(context, builder, signature, arguments, 0, 2, known[0])
        directions = row_at(context, builder, signature, arguments, 1, 2, known[0])
        label = context.cast(builder, arguments[3], signature.args[3], types.int64)
        coefficient, scalar = arguments[4], logits.scalar
        _, exps = logits.shifted_exp(logits.load())
        total = logits.splat(logits.sum(exps))
        p = [builder.fdiv(e, total) for e in exps]
        of_label = builder.load(llvm.offset(builder, directions.pointer, label))
        mean = _curvature(logits, p, directions, coefficient)
        factor = logits.splat(coefficient)
        logits.store([builder.fmul(factor, a) for a in p])
        place = llvm.offset(builder, logits.pointer, label)
        builder.store(builder.fsub(builder.load(place), coefficient), place)
        return llvm.to_float64(builder, builder.fsub(mean, of_label), scalar, 1)

    return types.float64(Z, U, at, label, Z.dtype, C), generate


@intrinsic(prefer_literal=True)
def probability_curvature(typing, P, place, U, at, coefficient, C):
    """``U_r <- c (p U_r - p <p, U_r>)`` with p at entry `place` of P, U_r at entry `at`."""
    known = llvm.literals(C)
    if known is None:
        return None

    def generate(context, builder, signature, arguments):
        probabilities = row_at(context, builder, signature, arguments, 0, 1, known[0])
        directions = row_at(context, builder, signature, arguments, 2, 3, known[0])
        _curvature(probabilities, probabilities.load(), directions, arguments[4])
        return context.get_dummy_value()

    return types.void(P, place, U, at, U.dtype, C), generate


def _update_row(name):
    """An intrinsic ``(source, factor, target, i, C)`` that adds to a row or overwrites it."""

    def update(typing, source, factor, target, i, C):
        known = llvm.literals(C)
        if known is None:
            return None

        def generate(context, builder, signature, arguments):
            scalar = llvm.float_type(signature.args[0].dtype)
            index = context.cast(builder, arguments[3], signature.args[3], types.int64)
            first = builder.mul(index, llvm.int64(known[0]))
            origin, goal = (
                llvm.offset(
                    builder,
                    llvm.array_pointer(context, builder, signature.args[k], arguments[k]),
                    first,
                )
                for k in (0, 2)
            )
            factor = arguments[1]
            if scalar == llvm.F32:
                factor = builder.fptrunc(factor, llvm.F32)
            for at, lanes in llvm.pieces(known[0], llvm.lanes_of(scalar)):
                place = llvm.offset(builder, goal, at)
                row = llvm.load(builder, llvm.offset(builder, origin, at), scalar, lanes)
                weight = llvm.splat(builder, factor, lanes)
                if name == "add_row":
                    old = llvm.load(builder, place, scalar, lanes)
                    row = llvm.multiply_add(builder, weight, row, old)
                else:
                    row = builder.fmul(weight, row)
                llvm.store(builder, row, place, scalar)
            return context.get_dummy_value()

        return types.void(source, types.float64, target, i, C), generate

    update.__name__ = update.__qualname__ = name
    return intrinsic(prefer_literal=True)(update)


# target[i, :] += factor source[i, :], the factor rounded to the dtype of the rows first.
add_row = _update_row("add_row")
# target[i, :] <- factor source[i, :].
set_row = _update_row("set_row")
