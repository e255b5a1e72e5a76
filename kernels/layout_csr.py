"""Arrays that the CSR kernels of every backend need: blocks by features, scratch space."""

from __future__ import annotations

import numpy as np

from .layout_dense import MOST_BLOCKS
from .memory import aligned_empty


def build_blocks(X, order, batch, enabled, rows=()):
    """Copy the fixed minibatch blocks, by features and by rows.

    Block b holds the rows ``order[b*batch : (b+1)*batch]``. By features, each feature has one
    writer. The features of a block come by falling number of entries: neighbouring loops are
    equally long, which the CPU predicts, and with features numbered by frequency neighbours in the
    block are neighbours in memory. By rows, a forward pass reads one stream; rows at random places
    of the data made a whole outer iteration on 20 Newsgroups 14 % slower (measured).

    Parameters
    ----------
    X : tuple
        ``(indptr, indices, values)``, the rows.
    order : (n,) int64 array
        All rows in the order in which they are cut into blocks.
    batch : int
        Rows of a block; the last one may be shorter.
    enabled : bool
        False gives arrays of size 0 (``starts`` of size 1): minibatches are not fixed blocks.
    rows : tuple, optional
        The last three arrays of an earlier call with this order and another `batch`, to be shared.

    Returns
    -------
    starts : (blocks+1,) int64 array
        Entries ``starts[b] : starts[b+1]`` of `features` belong to block b.
    features : (m,) array
        Features that occur in the block, of the dtype of ``indices``.
    pointer : (m+1,) int64 array
        Entries ``pointer[c] : pointer[c+1]`` of the next two belong to ``features[c]``.
    local_row : (nnz,) int32 array
        Row number within the block, rising.
    values : (nnz,) float array
        Of the dtype of the values.
    first_row : (blocks,) int64 array
        ``b*batch``.
    row_pointer : (n+1,) int64 array
        Entries ``row_pointer[k] : row_pointer[k+1]`` of the next two are row ``order[k]``.
    row_indices, row_values : (nnz,) arrays
        Of the dtypes of ``indices`` and ``values``.
    """
    indptr, indices, values = X
    if not enabled:
        order = order[:0]
    n_blocks = -(-order.size // batch)
    row_lengths = indptr[order + 1] - indptr[order]
    row_pointer = pointer_of(row_lengths)
    in_rows = segments(indptr[order], row_lengths)
    starts = np.zeros(n_blocks + 1, np.int64)
    features, counts, in_features, local_rows = [], [], [], []
    for b in range(n_blocks):
        lengths = row_lengths[b * batch : (b + 1) * batch]
        local = np.repeat(np.arange(lengths.size, dtype=np.int32), lengths)
        entries = in_rows[row_pointer[b * batch] :][: local.size]
        by_number = np.argsort(indices[entries], kind="stable")
        found, first, count = np.unique(
            indices[entries[by_number]], return_index=True, return_counts=True
        )
        falling = np.argsort(-count, kind="stable")
        chosen = by_number[segments(first[falling], count[falling])]
        starts[b + 1] = starts[b] + found.size
        features.append(found[falling])
        counts.append(count[falling])
        in_features.append(entries[chosen])
        local_rows.append(local[chosen])
    return (
        starts,
        _joined(features, indices.dtype),
        pointer_of(_joined(counts, np.int64)),
        _joined(local_rows, np.int32),
        values[_joined(in_features, np.int64)],
        batch * np.arange(n_blocks),
        row_pointer,
        indices[in_rows],
        values[in_rows],
    )


def pointer_of(lengths):
    """Where segments of these lengths begin and end, (n+1,) int64."""
    pointer = np.zeros(lengths.size + 1, np.int64)
    np.cumsum(lengths, out=pointer[1:])
    return pointer


def segments(first, lengths):
    """``first[0] .. first[0]+lengths[0]-1``, then the same of the next segment, and so on."""
    pointer = pointer_of(lengths)
    return np.repeat(first - pointer[:-1], lengths) + np.arange(pointer[-1])


def _joined(parts, dtype):
    """All parts in one array, also if there are none."""
    return np.concatenate([np.empty(0, dtype), *parts])


def workspace(n_features, batch_g, batch_f, g, C, dtype):
    """Scratch arrays of `csr.descent_step`.

    Parameters
    ----------
    n_features : int
    batch_g, batch_f : int
        Rows of the largest minibatch of the lower and of the upper level.
    g, C : int
        Offsets in a group, classes.
    dtype : float32 or float64
        That of the data and the iterates.

    Returns
    -------
    logits : two (batch*g*C,) arrays
        Of the lower and of the upper level; later the residuals.
    coefficients : two (batch,) float64 arrays
        Weights of the rows.
    offset_weights : (2, g) float64 array
        1, and w_j.
    factors, inverse : (n_features,) arrays
        The scale before the step, and lr over the scale after it, in the dtype of the iterates.
    """
    batches = batch_g, batch_f
    return (
        tuple(aligned_empty(m * g * C, dtype) for m in batches),
        tuple(np.empty(m) for m in batches),
        np.empty((2, g)),
        aligned_empty(n_features, dtype),
        aligned_empty(n_features, dtype),
    )


def curvature_workspace(n_features, batch, C, dtype):
    """Scratch arrays of the csr_curvature family.

    Parameters
    ----------
    n_features, batch, C, dtype
        As in `workspace`; `batch` rows of the largest minibatch.

    Returns
    -------
    Z : (2*batch*C,) array
        Logits, then residuals; directions, then curvatures.
    coefficients, slopes : (batch,) float64 arrays
        Weights and slopes of the rows.
    """
    return aligned_empty(2 * batch * C, dtype), np.empty(batch), np.empty(batch)


def linear_memory(n_features, blocks, batch, C, dtype):
    """What the linear steps keep of the blocks as long as y is the same.

    Parameters
    ----------
    n_features, C, dtype
        As in `workspace`.
    blocks, batch : int
        Number of fixed blocks, 0 if there are none, and their rows.

    Returns
    -------
    probabilities : (blocks*batch*C,) array
        Row by row; room for one block if they are too many to keep.
    known : (blocks,) int64 array
        0 for blocks that are not there yet; of size 0 if none is kept.
    every : (n_features,) int32 array
        All features; read-only, so that kernels compiled for the features of blocks take it too.
    """
    kept = blocks if blocks <= MOST_BLOCKS else 0
    every = np.arange(n_features, dtype=np.int32)
    every.flags.writeable = False
    return aligned_empty(max(1, kept) * batch * C, dtype), np.zeros(kept, np.int64), every
