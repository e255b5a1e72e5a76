"""How often each row of a minibatch occurs in it, see ``repeats.cuh``."""

from __future__ import annotations

from typing import Any

import numpy as np

from .launch import launch_over, scratch
from .sums import RESERVED


def counts_of(rows: Any, n: int) -> Any:
    """Counts of the row numbers below n, int64; what belongs to no row is undefined.

    Three launches add up terms of rows, two of them here, and they touch only what belongs to the
    rows. They lie in scratch, behind what sums need.
    """
    counts = scratch(RESERVED + n)[RESERVED:].view(np.int64)
    launch_over(rows.size, "repeats.clear", (rows.dtype,), rows, counts, rows.size)
    launch_over(rows.size, "repeats.count", (rows.dtype,), rows, counts, rows.size)
    return counts
