"""Launches of steps that end in a projection, see `projection.cuh`."""

from __future__ import annotations

from typing import Any

from ..reference.projection import BALL, BOX, SIMPLEX
from .launch import launch_alone, launch_over


def domain_arguments(kind: int, a: Any, b: Any, v: Any) -> tuple[int, Any, Any, float]:
    """What the kernel parameters ``kind, a, b, size`` get for projections of v.

    Radius and total live on the host; v stands in for arrays that are not read.
    """
    if kind == BOX:
        return int(kind), a, b, 0.0
    if kind == BALL:
        return int(kind), a, v, float(b[0])
    return int(kind), v, v, float(b[0]) if kind == SIMPLEX else 0.0


def launch_step(n: int, kind: int, kernel: str, dtypes: tuple[Any, ...], *arguments: Any) -> None:
    """Launch a kernel that calls ``step_into`` for n elements."""
    how = launch_alone if kind in (BALL, SIMPLEX) else launch_over
    how(n, kernel, dtypes, *arguments)
