"""Sums of many numbers into one, in a fixed order; see ``sums.cuh``."""

from __future__ import annotations

from typing import Any

from .constants import THREADS
from .launch import MOST_BLOCKS, launch, scratch

# Numbers that each thread adds up before the blocks are more than one.
EACH = 4
# Scratch begins with the parts of a sum and one result; other uses beside a sum begin behind them.
RESULT = MOST_BLOCKS
RESERVED = RESULT + 1


def blocks_of(n: int) -> int:
    """Blocks for a sum of n numbers; one even if there are none."""
    return min(max(1, -(-n // (EACH * THREADS))), MOST_BLOCKS)


def result() -> Any:
    """Scratch for a sum that the next launch reads, (1,) float64."""
    return scratch(RESERVED)[RESULT:RESERVED]


def add_sum(
    kernel: str,
    dtypes: tuple[Any, ...],
    n: int,
    arguments: tuple[Any, ...],
    factor: float,
    out: Any,
    *,
    keep: int = 1,
) -> None:
    """``out[0] <- out[0] + factor sum``; without `keep`, ``out[0] <- factor sum``.

    The kernel calls ``grid_sum``; it gets n and what that needs behind its other arguments. One
    launch, or two if there are many numbers.
    """
    blocks, parts = blocks_of(n), scratch(RESERVED)
    launch(kernel, dtypes, blocks, THREADS, *arguments, n, factor, keep, out, parts)
    if blocks > 1:
        launch("sums.finish", (parts.dtype,), 1, THREADS, parts, blocks, factor, keep, out)
