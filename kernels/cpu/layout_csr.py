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

# Features of a block are marked in words of so many bits, and marked words in words again.
BITS = 64


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
    row_pointer, indices, values, batch, count, place, marks, tally,
    starts, features, pointer, local_row, by_feature,
):  # fmt: skip
    """Every block by features.

    `count` and `place` have a number for each feature, `count` and `marks` are 0.
    """
    one, rows = np.int64(1), row_pointer.size - 1
    for b in range(starts.size - 1):
        first, stop = b * batch, min((b + 1) * batch, rows)
        tally[:] = 0
        for e in range(row_pointer[first], row_pointer[stop]):
            f = indices[e]
            met = count[f]
            count[f] = met + 1
            # Features that occur as often.
            tally[met] -= 1
            tally[met + 1] += 1
            if met == 0:
                word = f // BITS
                marks[0, word] |= one << (f % BITS)
                marks[1, word // BITS] |= one << (word % BITS)
        # By falling count: where those of each count begin.
        at = starts[b]
        for met in range(stop - first, 0, -1):
            after = at + tally[met]
            tally[met] = at
            at = after
        starts[b + 1] = at
        # Those of one count by number.
        for group in range(-(-marks.shape[1] // BITS)):
            words = marks[1, group]
            while words != 0:
                word = group * BITS + _lowest_bit(words)
                bits = marks[0, word]
                while bits != 0:
                    f = word * BITS + _lowest_bit(bits)
                    features[tally[count[f]]] = f
                    tally[count[f]] += 1
                    bits &= bits - 1
                marks[0, word] = 0
                words &= words - 1
            marks[1, group] = 0
        at = row_pointer[first]
        for c in range(starts[b], starts[b + 1]):
            f = features[c]
            pointer[c] = place[f] = at
            at += count[f]
            count[f] = 0
        for r in range(first, stop):
            for e in range(row_pointer[r], row_pointer[r + 1]):
                f = indices[e]
                at = place[f]
                place[f] = at + 1
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
    marks, tally = np.zeros((2, d // BITS + 1), np.int64), np.empty(batch + 1, np.int64)
    _transpose_blocks(
        pointer, indices, values, batch, np.zeros(d, np.int32), np.empty(d, np.int64), marks,
        tally, starts, features, found, local_row, by_feature,
    )  # fmt: skip
    m = starts[-1]
    return starts, features[:m], found[: m + 1], local_row, by_feature, batch * np.arange(n_blocks)


def build_blocks(X, order, batch, enabled):
    """Copy the fixed minibatch blocks, by features and by rows; see `kernels.layout_csr`."""
    if not enabled:
        return plain.build_blocks(X, order, batch, enabled)
    rows = build_by_rows(X, order)
    return *build_by_features(rows, batch), *rows
