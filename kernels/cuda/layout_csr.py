"""Arrays that the CSR kernels of the CUDA backend need, on the device: see `kernels.layout_csr`."""

from __future__ import annotations

import numpy as np

from .. import layout_csr


def build_blocks(X, order, batch, enabled, rows=()):
    """Copy the fixed minibatch blocks by features, those of a block by rising number.

    A thread that owns a feature finds it in a block by bisection. Rows are read where they are.

    Parameters
    ----------
    X, order, batch, enabled
        As in `kernels.layout_csr.build_blocks`; host arrays.

    Returns
    -------
    starts, features, pointer, local_row, values
        As there, but for the order of the features of a block; device arrays.
    """
    import cupy

    starts, features, pointer, local_row, values = layout_csr.build_blocks(
        X, order, batch, enabled
    )[:5]
    block = np.repeat(np.arange(starts.size - 1), np.diff(starts))
    by_number = np.lexsort((features, block))
    counts = np.diff(pointer)[by_number]
    entries = layout_csr.segments(pointer[by_number], counts)
    rising = layout_csr.pointer_of(counts)
    arrays = starts, features[by_number], rising, local_row[entries], values[entries]
    return tuple(cupy.asarray(a) for a in arrays)


def workspace(n_features, batch_g, batch_f, g, C, dtype):
    """Scratch of `csr.descent_step`: logits, then residuals, of the rows of both levels.

    Parameters
    ----------
    n_features, batch_g, batch_f, g, C, dtype
        As in `kernels.layout_csr.workspace`.
    """
    import cupy

    return (cupy.empty((batch_g + batch_f) * g * C, dtype),)


def curvature_workspace(n_features, batch, C, dtype):
    """Scratch of the csr_curvature family: logits of y and v, row by row, then residuals.

    Parameters
    ----------
    n_features, batch, C, dtype
        As in `kernels.layout_csr.curvature_workspace`.
    """
    import cupy

    return (cupy.empty(2 * batch * C, dtype),)


def linear_memory(n_features, blocks, batch, C, dtype):
    """Nothing: linear steps compute the logits of y again, which costs no launch."""
    return ()
