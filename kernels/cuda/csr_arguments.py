"""Grids, and arguments that stand for a minibatch, of the kernels on CSR data."""

from __future__ import annotations

from .constants import FEATURES, OWNERS, ROW_THREADS
from .launch import MOST_BLOCKS, launch

# Most blocks that own a row at a time.
MOST_ROWS = 4096
# Most blocks that look through the same rows, and features of each at least.
MOST_SEARCHERS = 256
SEARCHED = 32


def rows_of(side, rows):
    """A minibatch by rows, as kernels take it."""
    return (*side[0], rows, rows.size)


def columns_of(side, rows, block):
    """The copy of a minibatch by features, as kernels take it."""
    return (*side[3], block if rows.size else -1)


def row_threads(columns):
    """Threads of a block that owns a row and so many columns of its logits."""
    return ROW_THREADS // 2 if columns <= 64 else ROW_THREADS


def owners(d):
    """Blocks that own d features."""
    return min(-(-d // FEATURES), MOST_BLOCKS)


def add_rows(lower, upper, Z, first, stride, factor, scale, G, width, distance, columns):
    """``G += factor / scale X^T Z`` for two minibatches by rows, see the kernel `backward`."""
    d, m = G.size // columns, lower[-1] + upper[-1]
    launch(
        "csr.backward",
        (G.dtype, lower[1].dtype),
        min(-(-d // SEARCHED), MOST_SEARCHERS) if m else 0,
        OWNERS,
        *(*lower, *upper, Z, first, stride, float(factor), scale, G, width, distance, columns),
    )
