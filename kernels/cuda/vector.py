"""CUDA twin of `kernels.reference.vector`."""

from __future__ import annotations

import numpy as np

from .launch import MOST_BLOCKS, THREADS, launch, launch_over, scratch


def axpy(a, x, y):
    launch_over(y.size, "vector.axpy", (y.dtype,), float(a), x, y, y.size)


def scale(a, x, out):
    # Weights of the offsets live on the host, see `launch.table`.
    if isinstance(out, np.ndarray):
        np.multiply(x, a, out=out)
        return
    launch_over(out.size, "vector.scale", (out.dtype,), float(a), x, out, out.size)


def norm(x, out):
    blocks = min(max(1, -(-x.size // THREADS)), MOST_BLOCKS)
    parts = scratch(blocks)
    launch("vector.square_sums", (x.dtype,), blocks, THREADS, x, parts, x.size)
    launch("vector.root_of_sum", (x.dtype,), 1, THREADS, parts, out, blocks)
