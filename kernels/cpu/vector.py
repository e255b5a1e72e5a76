"""Numba twin of `kernels.reference.vector`."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .projection import project


@kernel(fastmath=True, inline=True)
def axpy(a, x, y):
    for i in range(y.size):
        y[i] += a * x[i]


@kernel(inline=True)
def scale(a, x, out):
    source, target = x.reshape(x.size), out.reshape(out.size)
    for i in range(target.size):
        target[i] = a * source[i]


@kernel(fastmath=True, inline=True)
def norm(x, out):
    total = 0.0
    for i in range(x.size):
        total += np.float64(x[i]) * np.float64(x[i])
    out[0] = math.sqrt(total)


@kernel(fastmath=True, inline=True)
def perturbed_step(y, g, f, weight, lr):
    if weight == 0.0:
        for i in range(y.size):
            y[i] -= lr * g[i]
    else:
        for i in range(y.size):
            y[i] -= lr * (g[i] + weight * f[i])


@kernel(inline=True)
def combine_offsets(F, G, weights, alpha, nu, out):
    for i in range(out.size):
        total, reference = 0.0, np.float64(G[0, i])
        for j in range(alpha.size):
            total += alpha[j] * (weights[j] * F[j, i] + (np.float64(G[j, i]) - reference))
        out[i] = total / nu


@kernel(fastmath=True, inline=True)
def normalized_momentum(x, m, phi, lr, momentum, normalize, kind, a, b, norm_out, flag):
    for i in range(x.size):
        m[i] = momentum * m[i] + (1.0 - momentum) * phi[i]
    # In a loop of its own: in the one above m[i] would enter before it is rounded to its dtype.
    norm(m, norm_out)
    length = norm_out[0]
    if not math.isfinite(length):
        flag[0] = 1
    if flag[0] == 0 and length > 0.0:
        factor = lr / length if normalize else lr
        for i in range(x.size):
            x[i] -= factor * m[i]
        project(x, kind, a, b)


@kernel
def recenter(Y, positive, rows, g, cols):
    for sign in range(2):
        count = 0
        for a in range(positive.shape[0]):
            for j in range(g):
                count += positive[a, j] == sign
        if count == 0:
            continue
        for r in range(rows):
            for c in range(cols):
                total = 0.0
                for a in range(positive.shape[0]):
                    for j in range(g):
                        if positive[a, j] == sign:
                            total += Y[a, (r * g + j) * cols + c]
                mean = total / count
                for a in range(positive.shape[0]):
                    for j in range(g):
                        if positive[a, j] == sign:
                            Y[a, (r * g + j) * cols + c] = mean


@kernel
def average_offsets(Y, weights, rows, g, cols, out):
    used, first, last = 0, 0, 0
    for k in range(weights.size):
        if weights[k // g, k % g] != 0.0:
            first, last = k if used == 0 else first, k
            used += 1
    if 0 < used <= 2:
        # Without a loop over offsets inside, those over the numbers are vectors.
        w, v = weights[first // g, first % g], weights[last // g, last % g]
        for r in range(rows):
            one = Y[first // g, (r * g + first % g) * cols :]
            other = Y[last // g, (r * g + last % g) * cols :]
            mean = out[r * cols :]
            for c in range(cols):
                mean[c] = w * one[c] if used == 1 else w * one[c] + v * other[c]
        return
    for r in range(rows):
        for c in range(cols):
            total = 0.0
            for a in range(weights.shape[0]):
                for j in range(g):
                    if weights[a, j] != 0.0:
                        total += weights[a, j] * Y[a, (r * g + j) * cols + c]
            out[r * cols + c] = total
