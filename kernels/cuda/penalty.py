"""CUDA twin of `kernels.reference.penalty`."""

from __future__ import annotations

from .launch import launch_over, launch_teams, scratch, table
from .positions import positions_of
from .sums import add_sum


def penalty_values(learned, row_index, col_index, scale, x, e, out):
    arguments = int(learned), row_index, col_index, float(scale), x, out, col_index.size
    launch_over(out.size, "penalty.penalty_values", (x.dtype,), *arguments, out.size)


def _places(penalty, v):
    """Whether each position has its own coefficient, and how many share one otherwise."""
    return penalty, int(penalty.size == v.size), v.size // penalty.shape[0]


def add_penalty_gradient(penalty, v, out):
    arguments = *_places(penalty, v), v, out
    launch_over(v.size, "penalty.add_penalty_gradient", (v.dtype,), *arguments, v.size)


def add_penalty(penalty, v, out):
    add_sum("penalty.add_penalty", (v.dtype,), v.size, (*_places(penalty, v), v), 0.5, out)


def _sums(kernel, arguments, positions, factor, x, out):
    """``out_k <- factor exp(x_k) sum`` of the kernel's terms over the positions of k."""
    parts = scratch(positions.n_pieces)
    launch_teams(
        positions.n_pieces,
        positions.positions_each,
        kernel,
        (out.dtype,),
        *arguments,
        positions.cells,
        positions.width,
        positions.pieces,
        parts,
    )
    arguments = x, factor, parts, positions.first, out
    launch_teams(x.size, positions.pieces_each, "penalty.finish", (x.dtype,), *arguments)


def penalty_products(row_index, col_index, scale, x, u, v, total, out):
    positions = positions_of(row_index, col_index, u.size, x.size)
    _sums("penalty.sum_products", (u, v), positions, float(scale), x, out)


def penalty_gradient(row_index, col_index, scale, x, Y, alpha, nu, total, out, g, C):
    size = Y.shape[1] // g
    positions = positions_of(row_index, col_index, size, x.size)
    arguments = Y, table(alpha), Y.shape[0], g, size // row_index.size, size
    factor = float(scale) / (2.0 * float(nu))
    _sums("penalty.sum_differences", arguments, positions, factor, x, out)
