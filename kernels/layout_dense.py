"""Arrays that the dense kernels of every backend need: transposed blocks, scratch space."""

from __future__ import annotations

import numpy as np

from .memory import aligned_empty

# Most samples of a panel, and bytes of data in a panel that has fewer: they stay in the second
# level cache from the logits to the gradient, while those of the next panel are fetched.
PANEL = 64
PANEL_BYTES = 128 * 1024
# Samples whose residuals are computed together.
STRIP = 16
# Panels between two barriers of the threads.
GROUP = 16
# Features that scratch arrays are padded to: the widest vector register, and what threads share.
UNIT = 16

# Probabilities are kept from one linear step to the next if there are at most so many blocks: ten
# steps on more of them meet few blocks twice.
MOST_BLOCKS = 32

# Up to this many features fixed blocks are also stored transposed, in tiles.
FEW_FEATURES = 64
# Features of a tile are padded to a multiple of this.
TILE_UNIT = 4


def _round_up(value, unit):
    """The smallest multiple of `unit` that is not less than `value`."""
    return -(-value // unit) * unit


def build_blocks(X, order, batch, enabled, rows=()):
    """Copy the fixed minibatch blocks of narrow data, transposed.

    Block b holds the rows ``order[b*batch : (b+1)*batch]``, cut into tiles of PANEL samples. The
    kernels use them for two classes: rows so short cannot fill vectors, columns of samples can.

    Parameters
    ----------
    X : tuple
        ``(matrix,)``, (n, d).
    order : (n,) int64 array
        All rows in the order in which they are cut into blocks.
    batch : int
        Rows of a block; the last one may be shorter.
    enabled : bool
        Whether minibatches are fixed blocks and there are two classes.

    Returns
    -------
    tiles : (blocks, ceil(batch/PANEL), features, PANEL) array
        ``tiles[b, s, k, r] = matrix[order[b*batch + s*PANEL + r], k]``, of the dtype of the data;
        features are padded to a multiple of TILE_UNIT, and these and missing samples are 0. Of
        size 0 if not `enabled`, if there are more than FEW_FEATURES features, or if padding would
        more than double the size.
    """
    (matrix,) = X
    n, d = matrix.shape
    samples, features = _round_up(batch, PANEL), _round_up(d, TILE_UNIT)
    wanted = enabled and d <= FEW_FEATURES and samples <= 2 * batch
    shape = -(-n // batch) if wanted else 0, samples // PANEL, features, PANEL
    tiles = aligned_empty(shape, matrix.dtype)
    padded = np.zeros((samples, features), matrix.dtype)
    for b, block in enumerate(tiles):
        rows = order[b * batch : (b + 1) * batch]
        padded[: rows.size, :d] = matrix[rows]
        padded[rows.size :] = 0
        block[:] = padded.reshape(-1, PANEL, features).swapaxes(1, 2)
    return (tiles,)


def workspace(n_features, batch_g, batch_f, g, C, dtype):
    """Scratch arrays of `dense.descent_step`.

    Parameters
    ----------
    n_features, batch_g, batch_f, g, C, dtype
        As in `kernels.layout_csr.workspace`.

    Returns
    -------
    addresses : (m,) int64 array
        Where the data of each sample of the step begin; m = batch_g + batch_f, padded.
    labels : (m,) int32 array
    coefficients : (g, m) array
        Label, and weight at every offset, of each sample.
    differences, gradient : (g*(C-1)*d,) arrays
        Iterates relative to the last class, and the gradient; d padded.
    Z : (GROUP*g*(C-1)*PANEL,) array
        Logits, then residuals, of the panels between two barriers.
    factors : (2, g) float64 array
        1, and w_j: what the coefficients of either level are multiplied with.
    """
    samples = _round_up(batch_g, PANEL) + _round_up(batch_f, PANEL) + PANEL
    columns = g * (C - 1)
    size = columns * _round_up(n_features, UNIT)
    panels = min(GROUP, samples // STRIP)
    return (
        np.empty(samples, np.int64),
        np.zeros(samples, np.int32),
        np.zeros((g, samples), dtype),
        aligned_empty(size, dtype),
        aligned_empty(size, dtype),
        aligned_empty(panels * columns * PANEL, dtype),
        np.ones((2, g)),
    )


def panel_samples(row_bytes):
    """Samples of a panel of rows of so many bytes."""
    return max(STRIP, min(PANEL, PANEL_BYTES // row_bytes // STRIP * STRIP))


def curvature_workspace(n_features, batch, C, dtype):
    """Scratch arrays of the dense_curvature family.

    Parameters
    ----------
    n_features, batch, C, dtype
        As in `workspace`; `batch` rows of the largest minibatch.

    Returns
    -------
    addresses, labels : (m,) int64 and int32 arrays
    coefficients : (m,) array
    slopes : (m,) float64 array
        Of each sample of the minibatch; m is padded.
    differences, gradient : (2*(C-1)*d,) arrays
        Of y and v; d padded.
    Z : (2*(C-1)*PANEL,) array
        Logits and directions of a panel.
    """
    samples = _round_up(batch, PANEL) + PANEL
    size = 2 * (C - 1) * _round_up(n_features, UNIT)
    return (
        np.empty(samples, np.int64),
        np.zeros(samples, np.int32),
        np.zeros(samples, dtype),
        np.empty(samples),
        aligned_empty(size, dtype),
        aligned_empty(size, dtype),
        aligned_empty(2 * (C - 1) * PANEL, dtype),
    )


def linear_memory(n_features, blocks, batch, C, dtype):
    """What the linear steps keep of the blocks as long as y is the same.

    Parameters
    ----------
    n_features, blocks, batch, C, dtype
        As in `kernels.layout_csr.linear_memory`.

    Returns
    -------
    probabilities : (blocks*panels*(C-1)*PANEL,) array
        Panel by panel; room for one block if they are too many to keep.
    known : (blocks,) int64 array
        0 for blocks that are not there yet; of size 0 if none is kept.
    differences : ((C-1)*d,) array
        y relative to the last class; d padded.
    """
    kept = blocks if blocks <= MOST_BLOCKS else 0
    panels = -(-batch // panel_samples(n_features * np.dtype(dtype).itemsize))
    return (
        aligned_empty(max(1, kept) * panels * (C - 1) * PANEL, dtype),
        np.zeros(kept, np.int64),
        aligned_empty((C - 1) * _round_up(n_features, UNIT), dtype),
    )
