"""Arrays of the dense CUDA kernels: scratch space. Copies of blocks are not needed."""

from __future__ import annotations

from .constants import COLUMNS

# Minibatches of up to so many rows take their steps in one kernel, whose tiles are held in
# registers; larger ones are gathered and multiplied by cuBLAS. On paper (an H100, 784 features,
# 20 columns) that many rows are as much work as launching five kernels takes, and they are 12 MB,
# which the second-level cache still holds for the second pass.
MOST_TILED = 4096


def padded(columns):
    """Columns of a scratch array that holds so many."""
    return -(-columns // COLUMNS) * COLUMNS


def build_blocks(X, order, batch, enabled, rows=()):
    """Nothing: kernels read the rows of a minibatch, block or not, from the matrix."""
    return ()


def workspace(n_features, batch_g, batch_f, g, C, dtype):
    """Scratch arrays of `dense.descent_step`.

    Parameters
    ----------
    n_features, batch_g, batch_f, g, C, dtype
        As in `kernels.layout_csr.workspace`.

    Returns
    -------
    Z : (m*columns,) array
        Logits, then residuals, of the samples of both levels; columns are padded.
    G : (2*g*C*d,) array
        Gradient of each level; of size 0 where no minibatch is large.
    """
    import cupy

    large = max(batch_g, batch_f) > MOST_TILED
    return (
        cupy.empty((batch_g + batch_f) * padded(g * C), dtype),
        cupy.empty(2 * g * C * n_features if large else 0, dtype),
    )


def curvature_workspace(n_features, batch, C, dtype):
    """Scratch arrays of the dense_curvature family.

    Parameters
    ----------
    n_features, batch, C, dtype
        As in `workspace`; `batch` rows of the largest minibatch.

    Returns
    -------
    Z : (m*2*columns,) array
        Logits and directions, then residuals and curvatures; columns are padded.
    """
    import cupy

    return (cupy.empty(batch * 2 * padded(C), dtype),)


def linear_memory(n_features, blocks, batch, C, dtype):
    """Nothing: linear steps compute the logits of y again, which costs no launch."""
    return ()
