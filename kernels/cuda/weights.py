"""CUDA twin of `kernels.reference.weights`."""

from __future__ import annotations

from ..reference.weights import CLIP, NONE, SIGMOID, SOFTMAX, row_slope, row_weight
from .constants import THREADS
from .launch import launch, launch_over, launch_teams, scratch, shift_arguments
from .repeats import counts_of
from .sums import add_sum, blocks_of, result

__all__ = ["CLIP", "NONE", "SIGMOID", "SOFTMAX", "row_slope", "row_weight"]


def shift_of(kind, x, out):
    if kind != SOFTMAX:
        out.fill(0.0)
        return
    blocks = blocks_of(x.size)
    parts = scratch(2 * blocks)
    launch("weights.exponential_sums", (x.dtype,), blocks, THREADS, x, parts, x.size)
    launch("weights.log_of_sum", (parts.dtype,), 1, THREADS, parts, out, blocks)


def row_coefficients(kind, x, shift, given, rows, scale, out):
    arguments = kind, x, *shift_arguments(shift), given, rows, float(scale), x.size, out
    types = given.dtype, out.dtype
    launch_over(rows.size, "weights.row_coefficients", types, *arguments, rows.size)


def weighted_sum(kind, x, shift, given, rows, losses, scale, out):
    arguments = kind, x, *shift_arguments(shift), given, rows, losses, x.size
    add_sum("weights.weighted_sum", (given.dtype,), rows.size, arguments, float(scale), out)


def weight_gradient(kind, x, shift, given, rows, losses, scale, out):
    if kind == NONE:
        return
    place, counts, total = shift_arguments(shift), counts_of(rows, x.size), result()
    arguments = kind, x, *place, given, rows, counts, losses, float(scale), x.size, out
    add_sum("weights.weight_gradient", (x.dtype,), rows.size, arguments, 1.0, total, keep=0)
    if kind == SOFTMAX:
        launch_over(x.size, "weights.subtract_total", (x.dtype,), x, *place, total, out, x.size)


def row_products(Z, U, m, C, out):
    launch_teams(m, C, "weights.row_products", (Z.dtype,), Z, U, out)
