"""CUDA twin of `kernels.reference.draw`.

Single draws are made on the host; the device has functions of its own for its kernels.
"""

from __future__ import annotations

from ..reference import draw as reference
from ..reference.draw import BLOCKS, draw_index, permute, philox, uniform
from .launch import launch_over

__all__ = ["draw_batch", "draw_index", "normals", "permute", "philox", "uniform"]


def draw_batch(sampler, step, offset):
    _, buffer, mode, _, batch, *_ = sampler
    if mode == BLOCKS or batch == 0:
        # A slice, whose bounds the host has to know.
        return reference.draw_batch(sampler, step, offset)
    numbers = map(int, (*sampler[2:], step, offset))
    launch_over(int(batch), "draw.draw_batch", (buffer.dtype,), buffer, *numbers)
    return buffer[:batch], -1


def normals(sample, lane, k0, k1, out):
    arguments = out, *map(int, (sample, lane, k0, k1))
    launch_over((out.size + 1) // 2, "draw.normals", (out.dtype,), *arguments, out.size)
