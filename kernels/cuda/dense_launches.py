"""Grids of the dense kernels, and arguments that several of them take."""

from __future__ import annotations

from .constants import COLUMNS, THREADS, WARP, WARPS
from .launch import MOST_BLOCKS, launch, shift_arguments

# Warps share tiles as long as there are fewer than this: those of an H100 with a block each.
WANTED_WARPS = 1024


def crew_size(tiles, d):
    """Warps that share a tile of logits."""
    size = 1
    while size < WARPS and size * tiles < WANTED_WARPS and size * WARP < d:
        size *= 2
    return size


def launch_tiles(tiles, d, kernel, dtypes, *arguments):
    """Launch a kernel that gives each tile of logits to a crew, whose size it gets last."""
    warps = crew_size(tiles, d)
    blocks = min(-(-tiles * warps // WARPS), MOST_BLOCKS)
    launch(kernel, dtypes, blocks, THREADS, *arguments, warps)


def launch_columns(width, d, kernel, dtypes, *arguments):
    """Launch a kernel that sums over samples, a block for some features and columns."""
    blocks = min(-(-width // COLUMNS) * -(-d // WARP), MOST_BLOCKS)
    launch(kernel, dtypes, blocks, THREADS, *arguments)


def row_weights(x, kind, shift):
    """What the kernel parameters ``x, n, kind, shift, shift_value`` get."""
    return x, x.size, int(kind), *shift_arguments(shift)
