"""CUDA twin of `kernels.reference.projection`."""

from __future__ import annotations

from ..reference.projection import BOX, NONE
from .domain import domain_arguments
from .launch import launch_alone, launch_over


def project(v, kind, a, b):
    if kind == BOX:
        launch_over(v.size, "projection.box", (v.dtype,), v, a, b, v.size)
    elif kind != NONE:
        launch_alone(
            v.size, "projection.project", (v.dtype,), v, *domain_arguments(kind, a, b, v), v.size
        )
