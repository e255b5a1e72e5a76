"""Numba twin of `kernels.reference.penalty`."""

from __future__ import annotations

import math

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

from . import llvm
from .jit import kernel


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
        for at, lanes in llvm.pieces(width, 8):
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


@kernel
def penalty_values(learned, row_index, col_index, scale, x, e, out):
    for k in range(e.size):
        e[k] = scale * math.exp(np.float64(x[k])) if learned else scale
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


@kernel(fastmath=True)
def penalty_products(row_index, col_index, scale, x, u, v, total, out):
    cols = u.size // row_index.size
    total[:] = 0.0
    for i in range(row_index.size):
        for c in range(cols):
            k = row_index[i] + col_index[c if col_index.size > 1 else 0]
            total[k] += np.float64(u[i * cols + c]) * np.float64(v[i * cols + c])
    for k in range(out.size):
        out[k] = scale * math.exp(np.float64(x[k])) * total[k]


@kernel
def penalty_gradient(row_index, col_index, scale, x, Y, alpha, nu, total, out, g, C):
    numba.literally(C)
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
    for k in range(out.size):
        out[k] = scale / (2.0 * nu) * math.exp(np.float64(x[k])) * total[k]
