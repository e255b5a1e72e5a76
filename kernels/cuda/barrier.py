"""CUDA twin of `kernels.reference.barrier`."""

from __future__ import annotations

from .constants import THREADS
from .domain import domain_arguments
from .launch import MOST_ALONE, launch, launch_alone, launch_sums


def dynamic_barrier(
    x, y, m, f_x, f_y, G_x, g_y, values, eta, use_values, lr, kind, a, b, barrier_out, norm_out,
    flag,
):  # fmt: skip
    sizes, dtypes = (x.size, y.size), (x.dtype,)
    gradients = f_x, f_y, G_x, g_y
    bound = values, float(eta), int(use_values)
    outputs = barrier_out, norm_out, flag
    step = x, y, m, *gradients, *bound, float(lr), *domain_arguments(kind, a, b, x), *outputs
    n = x.size + y.size
    if n <= MOST_ALONE:
        launch_alone(n, "barrier.dynamic_barrier", dtypes, *step, norm_out, 0, *sizes)
        return
    # Three sums a block: two of the first kernel, one of the second.
    parts, blocks = launch_sums(n, "barrier.product_sums", dtypes, *gradients, x.size, sums=3)
    direction = m, *gradients, *bound, barrier_out, parts, *sizes
    launch("barrier.direction_sums", dtypes, blocks, THREADS, *direction)
    launch("barrier.dynamic_barrier", dtypes, blocks, THREADS, *step, parts, blocks, *sizes)
