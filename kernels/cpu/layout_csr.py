"""Arrays that the CSR kernels need, see `kernels.layout_csr`: the blocks built by compiled code.

Each entry is read once for its row and twice for its feature.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .. import layout_csr as plain
from ..layout_csr import curvature_workspace, linear_memory, pointer_of, workspace
from .jit import kernel

__all__ = [
    "build_blocks",
    "build_by_features",
    "build_by_rows",
    "curvature_workspace",
    "linear_memory",
    "workspace",
]


@intrinsic
def _lowest_bit(typing_context, word):
    """Number of the lowest bit of a word that is not 0."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate


@kernel
def _copy_rows(indptr, indices, values, order, pointer, row_indices, row_values):
    """The rows in the given order."""
    for k in range(order.size):
        at, start = pointer[k], indptr[order[k]]
        for e in range(pointer[k + 1] - at):
            row_indices[at + e] = indices[start + e]
            row_values[at + e] = values[start + e]


@kernel
def _transpose_blocks(
    row_pointer, indices, values, batch, own, marks, tally, spare,
    starts, features, pointer, local_row, by_feature,
):  # fmt: skip
    """Every block by features.

    `own` (d, 2) holds how often each feature occurs in the block, 0 before and after, and where
    its next entry goes; `marks` is 0 too.
    """
    one, rows = np.int64(1), row_pointer.size - 1
    for b in range(starts.size - 1):
        first, stop = b * batch, min((b + 1) * batch, rows)
        origin, end = row_pointer[first], row_pointer[stop]
        for e in range(origin, end):
            f = np.int64(indices[e])
            own[f, 0] += 1
            word = f >> 6
            marks[0, word] |= one << (f & 63)
            marks[1, word >> 6] |= one << (word & 63)
        # By number, and how many occur how often.
        size = 0
        tally[:] = 0
        for group in range((marks.shape[1] + 63) >> 6):
            words = marks[1, group]
            while words != 0:
                word = (group << 6) + _lowest_bit(words)
                bits = marks[0, word]
                while bits != 0:
                    f = (word << 6) + _lowest_bit(bits)
                    spare[size] = f
                    size += 1
                    tally[own[f, 0]] += 1
                    bits &= bits - 1
                marks[0, word] = 0
                words &= words - 1
            marks[1, group] = 0
        # By falling count: where the features of each count begin, and their entries.
        at, entry = starts[b], origin
        for count in range(stop - first, 0, -1):
            met = tally[count]
            tally[count] = at
            at += met
        starts[b + 1] = at
        for k in range(size):
            f = spare[k]
            at = tally[own[f, 0]]
            tally[own[f, 0]] = at + 1
            features[at] = f
        for c in range(starts[b], starts[b + 1]):
            f = features[c]
            pointer[c] = entry
            own[f, 1] = entry - origin
            entry += own[f, 0]
            own[f, 0] = 0
        for r in range(first, stop):
            for e in range(row_pointer[r], row_pointer[r + 1]):
                f = indices[e]
                at = origin + own[f, 1]
                own[f, 1] += 1
                local_row[at] = r - first
                by_feature[at] = values[e]
    pointer[starts[starts.size - 1]] = row_pointer[rows]


def build_by_rows(X, order):
    """The rows in another order, ``(row_pointer, row_indices, row_values)`` of `build_blocks`."""
    indptr, indices, values = X
    pointer = pointer_of(indptr[order + 1] - indptr[order])
    rows = np.empty(pointer[-1], indices.dtype), np.empty(pointer[-1], values.dtype)
    _copy_rows(indptr, indices, values, order, pointer, *rows)
    return pointer, *rows


def build_by_features(rows, batch):
    """The first six arrays of `build_blocks`, from those of `build_by_rows`."""
    pointer, indices, values = rows
    n, d = pointer.size - 1, int(indices.max(initial=-1)) + 1
    n_blocks, batch = -(-n // batch), min(batch, max(n, 1))
    # Memory that is not written to is not taken: of the features only the first are.
    starts, features = np.zeros(n_blocks + 1, np.int64), np.empty(indices.size, indices.dtype)
    found = np.empty(indices.size + 1, np.int64)
    local_row, by_feature = np.empty(indices.size, np.int32), np.empty(indices.size, values.dtype)
    marks, tally = np.zeros((2, d // 64 + 1), np.int64), np.empty(batch + 1, np.int64)
    largest = int(np.diff(pointer[[*range(0, n, batch), n]]).max(initial=0))
    _transpose_blocks(
        pointer, indices, values, batch, np.zeros((d, 2), np.int32), marks, tally,
        np.empty(min(d, largest), indices.dtype), starts, features, found, local_row, by_feature,
    )  # fmt: skip
    m = starts[-1]
    return starts, features[:m], found[: m + 1], local_row, by_feature, batch * np.arange(n_blocks)


def build_blocks(X, order, batch, enabled, rows=()):
    """Copy the fixed minibatch blocks, by features and by rows; see `kernels.layout_csr`."""
    if not enabled:
        return plain.build_blocks(X, order, batch, enabled)
    rows = rows or build_by_rows(X, order)
    return *build_by_features(rows, batch), *rows
