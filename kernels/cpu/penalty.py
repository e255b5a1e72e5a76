"""Numba twin of `kernels.reference.penalty`."""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numba.extending import intrinsic

from . import llvm, tiles
from .jit import kernel

LANES = 8
# Up to here the vector exponential is defined; beyond it the scalar one takes over.
LARGEST = 709.0


@intrinsic
def _multiply_by_exp(typing_context, x, first, factors, out):
    """``out[k] <- factors[k] exp(x[k])`` for the LANES entries from `first` on, in float64."""
    source, target = (llvm.float_type(array.dtype) for array in (x, out))

    def generate(context, builder, signature, arguments):
        places = [
            llvm.offset(
                builder, llvm.array_pointer(context, builder, kind, arguments[i]), arguments[1]
            )
            for i, kind in ((0, x), (2, factors), (3, out))
        ]
        exponents = llvm.load(builder, places[0], source, LANES)
        exponents = llvm.to_float64(builder, exponents, source, LANES)
        value = builder.fmul(
            llvm.vector_exp(builder, exponents, llvm.F64, LANES),
            llvm.load(builder, places[1], llvm.F64, LANES),
        )
        if target == llvm.F32:
            value = builder.fptrunc(value, llvm.vector_type(llvm.F32, LANES))
        llvm.store(builder, value, places[2], target)
        return context.get_dummy_value()

    return types.none(x, types.intp, factors, out), generate


@kernel
def _times_exp(x, factors, out):
    """``out[k] <- factors[k] exp(x[k])``; factors float64."""
    large = False
    for k in range(x.size):
        large |= x[k] > LARGEST
    whole = 0 if large else x.size - x.size % LANES
    for k in range(0, whole, LANES):
        _multiply_by_exp(x, k, factors, out)
    for k in range(whole, x.size):
        out[k] = factors[k] * math.exp(np.float64(x[k]))


@intrinsic(prefer_literal=True)
def _squared_difference(typing_context, Y, group, first, start, C):
    """Sum over c < C of ``(w_c - r_c) (w_c + r_c)`` in float64.

    ``w = Y[group, first:first+C]`` and ``r = Y[0, start:start+C]``.
    """
    constants = llvm.literals(C)
    if constants is None:
        return None
    (width,) = constants
    scalar = llvm.float_type(Y.dtype)

    def generate(context, builder, signature, arguments):
        data = llvm.array_pointer(context, builder, Y, arguments[0])
        row = builder.extract_value(context.make_array(Y)(context, builder, arguments[0]).shape, 1)
        w = llvm.offset(builder, data, builder.add(builder.mul(arguments[1], row), arguments[2]))
        r = llvm.offset(builder, data, arguments[3])
        total = None
        for at, lanes in llvm.pieces(width, LANES):
            a, b = (
                llvm.to_float64(
                    builder,
                    llvm.load(builder, llvm.offset(builder, place, at), scalar, lanes),
                    scalar,
                    lanes,
                )
                for place in (w, r)
            )
            product = builder.fmul(builder.fsub(a, b), builder.fadd(a, b))
            part = llvm.reduce(builder, product, lanes, llvm.add)
            total = part if total is None else builder.fadd(total, part)
        return total

    return types.float64(Y, types.intp, types.intp, types.intp, C), generate


@intrinsic
def _dot(typing_context, u, v, first, count):
    """``sum_k u[first + k] v[first + k]`` over k < count in float64; count is at least 1."""
    scalar = llvm.float_type(u.dtype)

    def generate(context, builder, signature, arguments):
        slices = tiles.Slices(builder, scalar, arguments[3])
        places = [
            llvm.offset(
                builder, llvm.array_pointer(context, builder, kind, arguments[i]), arguments[2]
            )
            for i, kind in enumerate((u, v))
        ]

        def add(s, total, last):
            a, b = (
                llvm.to_float64(
                    builder,
                    slices.load(tiles.entry(builder, place, (s, slices.lanes)), last),
                    scalar,
                    slices.lanes,
                )
                for place in places
            )
            return [llvm.multiply_add(builder, a, b, total[0])]

        (total,) = slices.fold([llvm.constant(llvm.F64, slices.lanes, 0.0)], add)
        return llvm.reduce(builder, total, slices.lanes, llvm.add)

    return types.float64(u, v, types.intp, types.intp), generate


@kernel
def penalty_values(learned, row_index, col_index, scale, x, e, out):
    e[:] = scale
    if learned:
        _times_exp(x, e, e)
    for i in range(row_index.size):
        for c in range(col_index.size):
            out[i, c] = e[row_index[i] + col_index[c]]


@kernel(fastmath=True)
def add_penalty_gradient(penalty, v, out):
    rows = penalty.shape[0]
    cols = v.size // rows
    for i in range(rows):
        for c in range(cols):
            p = penalty[i, c if penalty.shape[1] > 1 else 0]
            out[i * cols + c] += p * v[i * cols + c]


@kernel(fastmath=True)
def add_penalty(penalty, v, out):
    rows = penalty.shape[0]
    cols = v.size // rows
    total = 0.0
    for i in range(rows):
        for c in range(cols):
            p = penalty[i, c if penalty.shape[1] > 1 else 0]
            total += p * (np.float64(v[i * cols + c]) * np.float64(v[i * cols + c]))
    out[0] += 0.5 * total


@kernel
def penalty_products(row_index, col_index, scale, x, u, v, total, out):
    cols = u.size // row_index.size
    total[:] = 0.0
    for i in range(row_index.size):
        if col_index.size == 1:
            total[row_index[i] + col_index[0]] += _dot(u, v, i * cols, cols)
        else:
            for c in range(cols):
                k = row_index[i] + col_index[c]
                total[k] += np.float64(u[i * cols + c]) * np.float64(v[i * cols + c])
    for k in range(total.size):
        total[k] *= scale
    _times_exp(x, total, out)


@kernel(constants=("C",))
def penalty_gradient(row_index, col_index, scale, x, Y, alpha, nu, total, out, g, C):
    rows = row_index.size
    cols = Y.shape[1] // (rows * g)
    total[:] = 0.0
    for i in range(rows):
        R = i * g * cols
        for a in range(alpha.shape[0]):
            for j in range(g):
                W = (i * g + j) * cols
                if a + j == 0:
                    continue
                if col_index.size == 1:
                    row = 0.0
                    for c in range(0, cols, C):
                        row += _squared_difference(Y, a, W + c, R + c, C)
                    total[row_index[i] + col_index[0]] += alpha[a, j] * row
                else:
                    for c in range(cols):
                        w, r = np.float64(Y[a, W + c]), np.float64(Y[0, R + c])
                        total[row_index[i] + col_index[c]] += alpha[a, j] * ((w - r) * (w + r))
    for k in range(total.size):
        total[k] *= scale / (2.0 * nu)
    _times_exp(x, total, out)
