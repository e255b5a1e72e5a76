"""CUDA twin of `kernels.reference.vector`."""

from __future__ import annotations

import numpy as np

from .domain import domain_arguments, launch_step
from .launch import (
    MOST_ALONE,
    launch_alone,
    launch_over,
    launch_sums,
    table,
)


def axpy(a, x, y):
    launch_over(y.size, "vector.axpy", (y.dtype,), float(a), x, y, y.size)


def scale(a, x, out):
    # Weights of the offsets live on the host, see `launch.table`.
    if isinstance(out, np.ndarray):
        np.multiply(x, a, out=out)
        return
    launch_over(out.size, "vector.scale", (out.dtype,), float(a), x, out, out.size)


def norm(x, out):
    n, dtypes = x.size, (x.dtype,)
    if n <= MOST_ALONE:
        launch_alone(n, "vector.norm", dtypes, x, out, out, 0, n)
        return
    parts, count = launch_sums(n, "vector.square_sums", dtypes, x)
    launch_alone(count, "vector.norm", dtypes, x, out, parts, count, n)


def perturbed_step(y, g, f, weight, lr):
    launch_over(
        y.size, "vector.perturbed_step", (y.dtype,), y, g, f, float(weight), float(lr), y.size
    )


def combine_offsets(F, G, weights, alpha, nu, out):
    launch_over(
        out.size,
        "vector.combine_offsets",
        (out.dtype,),
        F,
        G,
        table(weights),
        table(alpha),
        float(nu),
        out,
        alpha.size,
        out.size,
    )


def normalized_momentum(x, m, phi, lr, momentum, normalize, kind, a, b, norm_out, flag):
    n, dtypes = x.size, (x.dtype,)
    arguments = (x, m, phi, float(lr), float(momentum), int(normalize))
    arguments += (*domain_arguments(kind, a, b, x), norm_out, flag)
    if n <= MOST_ALONE:
        launch_alone(n, "vector.normalized_momentum", dtypes, *arguments, norm_out, 0, n)
        return
    parts, count = launch_sums(n, "vector.average_sums", dtypes, m, phi, float(momentum))
    launch_step(n, kind, "vector.normalized_momentum", dtypes, *arguments, parts, count, n)


def recenter(Y, positive, rows, g, cols):
    shape = Y.shape[0], int(rows), int(g), int(cols)
    launch_over(rows * cols, "vector.recenter", (Y.dtype,), Y, table(positive), *shape)


def average_offsets(Y, weights, rows, g, cols, out):
    shape = Y.shape[0], int(rows), int(g), int(cols)
    launch_over(out.size, "vector.average_offsets", (Y.dtype,), Y, table(weights), out, *shape)
