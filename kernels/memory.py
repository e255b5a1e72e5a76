"""Arrays placed so that the kernels read them in the fewest cache lines and pages."""

from __future__ import annotations

import math

import numpy as np

CACHE_LINE = 64
# From this size on NumPy asks the system for pages of 2 MiB, which cover whole multiples only.
LARGE = 1 << 22
LARGE_PAGE = 1 << 21


def aligned_empty(shape, dtype):
    """An array like that of `numpy.empty`, C order, that begins at a cache line.

    NumPy's own arrays begin 16 bytes behind one or anywhere else. The rows of an iterate of 20
    Newsgroups, 160 bytes, then lie in four lines instead of three every other time, which makes a
    whole outer iteration 12 % slower (measured). Large arrays begin at a large page.

    Parameters
    ----------
    shape : int or tuple of int
    dtype : dtype
    """
    dtype = np.dtype(dtype)
    count = math.prod(shape) if isinstance(shape, tuple) else shape
    size = count * dtype.itemsize
    boundary = LARGE_PAGE if size >= LARGE else CACHE_LINE
    memory = np.empty(size + boundary, np.uint8)
    start = -memory.ctypes.data % boundary
    return memory[start : start + size].view(dtype).reshape(shape)
