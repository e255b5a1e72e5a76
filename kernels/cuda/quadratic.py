"""CUDA twin of `kernels.reference.quadratic`."""

from __future__ import annotations

from .constants import THREADS, WARP
from .launch import MOST_BLOCKS, launch, launch_teams
from .sums import add_sum


def _samples(stack, rows):
    """Members of a stack, and how many the mean is taken over."""
    members = stack.shape[0]
    return members, 1 if members == 1 else rows.size


def add_product(A, rows, v, factor, out):
    arguments = A, rows, v, float(factor), out, *_samples(A, rows), out.size, v.size
    blocks = min(out.size, MOST_BLOCKS)
    launch("quadratic.add_product", (A.dtype,), blocks, THREADS, *arguments)


def _add_transposed(A, rows, v, q, factor, out):
    arguments = A, rows, v, float(factor), out, *_samples(A, rows), q, out.size
    # Each block serves as many elements of `out` as a warp has threads.
    blocks = min(-(-out.size // WARP), MOST_BLOCKS)
    launch("quadratic.add_transposed_product", (A.dtype,), blocks, THREADS, *arguments)


def add_transposed_product(A, rows, v, factor, out):
    _add_transposed(A, rows, v, v.size, factor, out)


def add_vector(b, rows, factor, out):
    _add_transposed(b, rows, None, 1, factor, out)


def add_noise(rows, lane, sigma, k0, k1, scratch, out):
    if sigma == 0.0 or rows.size == 0:
        return
    arguments = rows, lane, float(sigma) / rows.size, k0, k1, out, out.size
    pairs = -(-out.size // 2)
    launch_teams(pairs, rows.size, "quadratic.add_noise", (out.dtype,), *arguments)


def add_dot(u, v, factor, out):
    arguments = u, v
    add_sum("quadratic.add_dot", (u.dtype, v.dtype), u.size, arguments, float(factor), out)
