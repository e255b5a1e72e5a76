"""Arrays that the CSR kernels of every backend need: blocks by features, scratch space."""

from __future__ import annotations

import numpy as np

from .memory import aligned_empty


def build_blocks(X, order, batch, enabled):
    """Copy the fixed minibatch blocks by features, so that each feature has one writer.

    Block b holds the rows ``order[b*batch : (b+1)*batch]``. Within a block the features come by
    falling number of entries: neighbouring loops are equally long, which the CPU predicts, and
    with features numbered by frequency neighbours in the block are neighbours in memory.

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
    """
    indptr, indices, values = X
    n_blocks = -(-order.size // batch) if enabled else 0
    starts = np.zeros(n_blocks + 1, np.int64)
    features, counts, entries, local_rows = [], [], [], []
    for b in range(n_blocks):
        rows = order[b * batch : (b + 1) * batch]
        lengths = indptr[rows + 1] - indptr[rows]
        local = np.repeat(np.arange(rows.size, dtype=np.int32), lengths)
        first = np.repeat(indptr[rows] - (np.cumsum(lengths) - lengths), lengths)
        entry = first + np.arange(local.size)
        found, which, count = np.unique(indices[entry], return_inverse=True, return_counts=True)
        falling = np.argsort(-count, kind="stable")
        place = np.empty(found.size, np.int64)
        place[falling] = np.arange(found.size)
        by_feature = np.argsort(place[which], kind="stable")
        starts[b + 1] = starts[b] + found.size
        features.append(found[falling])
        counts.append(count[falling])
        entries.append(entry[by_feature])
        local_rows.append(local[by_feature])
    pointer = np.zeros(starts[-1] + 1, np.int64)
    np.cumsum(_joined(counts, np.int64), out=pointer[1:])
    return (
        starts,
        _joined(features, indices.dtype),
        pointer,
        _joined(local_rows, np.int32),
        values[_joined(entries, np.int64)],
    )


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
