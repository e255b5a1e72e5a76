"""Numba twin of `kernels.reference.draw`."""

from __future__ import annotations

import math

import numpy as np

from ..reference.draw import (
    BLOCKS,
    FEISTEL_ROUNDS,
    MASK,
    NOISE_TAG,
    PERMUTATION_TAG,
    PHILOX_M0,
    PHILOX_M1,
    PHILOX_ROUNDS,
    PHILOX_W0,
    PHILOX_W1,
    REPLACEMENT,
)
from .jit import kernel

M0, M1 = np.uint64(PHILOX_M0), np.uint64(PHILOX_M1)
W0, W1 = np.uint64(PHILOX_W0), np.uint64(PHILOX_W1)
LOW, WORD = np.uint64(MASK), np.uint64(32)


@kernel(inline=True)
def philox(c0, c1, c2, c3, k0, k1):
    c0, c1, c2, c3 = np.uint64(c0), np.uint64(c1), np.uint64(c2), np.uint64(c3)
    k0, k1 = np.uint64(k0), np.uint64(k1)
    for _ in range(PHILOX_ROUNDS):
        a, b = M0 * c0, M1 * c2
        c0, c1, c2, c3 = (b >> WORD) ^ c1 ^ k0, b & LOW, (a >> WORD) ^ c3 ^ k1, a & LOW
        k0, k1 = (k0 + W0) & LOW, (k1 + W1) & LOW
    return c0, c1, c2, c3


@kernel(inline=True)
def uniform(high, low):
    return (
        np.float64(np.int64(high >> np.uint64(5))) * 67108864.0
        + np.float64(np.int64(low >> np.uint64(6)))
    ) * 2.0**-53


@kernel
def draw_index(position, step, stream, offset, n, k0, k1):
    w0, w1, w2, w3 = philox(
        position >> 1, step & MASK, (step >> 32) & MASK, (stream << 16) | offset, k0, k1
    )
    u = uniform(w2, w3) if position & 1 else uniform(w0, w1)
    return min(np.int64(u * n), n - 1)


@kernel
def permute(index, n, epoch, stream, offset, k0, k1):
    bits = 1
    while (1 << (2 * bits)) < n:
        bits += 1
    mask = (1 << bits) - 1
    tag = (stream << 16) | PERMUTATION_TAG | offset
    while True:
        left, right = index >> bits, index & mask
        for r in range(FEISTEL_ROUNDS):
            word = np.int64(philox(right, r, epoch & MASK, tag, k0, k1)[0])
            left, right = right, left ^ (word & mask)
        index = (left << bits) | right
        if index < n:
            return index


@kernel
def _draw_rows(rows, mode, n, stream, k0, k1, step, offset):
    """Rows one by one. Apart: most runs draw blocks, and do not wait for this to be compiled."""
    for i in range(rows.size):
        if mode == REPLACEMENT:
            rows[i] = draw_index(i, step, stream, offset, n, k0, k1)
        else:
            position = step * rows.size + i
            rows[i] = permute(position % n, n, position // n, stream, offset, k0, k1)


@kernel
def draw_batch(sampler, step, offset):
    order, buffer, mode, n, batch, stream, k0, k1 = sampler
    if batch == 0:
        return buffer[:0], np.int64(-1)
    if mode == BLOCKS:
        block = np.int64(0)
        if batch < n:
            block = draw_index(0, step, stream, offset, n, k0, k1) // batch
        return order[block * batch : min(n, (block + 1) * batch)], block
    _draw_rows(buffer[:batch], mode, n, stream, k0, k1, step, offset)
    return buffer[:batch], np.int64(-1)


@kernel
def normals(sample, lane, k0, k1, out):
    for i in range(out.size):
        w0, w1, w2, w3 = philox(
            i >> 1, sample & MASK, (sample >> 32) & MASK, NOISE_TAG | lane, k0, k1
        )
        radius = math.sqrt(-2.0 * math.log(1.0 - uniform(w0, w1)))
        angle = 2.0 * math.pi * uniform(w2, w3)
        out[i] = radius * (math.sin(angle) if i & 1 else math.cos(angle))
