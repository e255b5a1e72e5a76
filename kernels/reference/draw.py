"""Stateless random draws: every number is a pure function of a key and a counter.

The generator is Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as
1, 2, 3, SC 2011). Nothing is carried from draw to draw, so any backend, any number of threads and
a resumed run see the same minibatches.
"""

from __future__ import annotations

import math

import numpy as np

BLOCKS, REPLACEMENT, EPOCHS = 0, 1, 2

MASK = 0xFFFFFFFF
# Philox4x32-10: factors of two words of the counter, and what a round adds to the key.
PHILOX_ROUNDS = 10
PHILOX_M0, PHILOX_M1 = 0xD2511F53, 0xCD9E8D57
PHILOX_W0, PHILOX_W1 = 0x9E3779B9, 0xBB67AE85
FEISTEL_ROUNDS = 6
# Streams of minibatches are numbered from 0 in the high half of the last counter word; these bits
# of the low half keep permutations and Gaussian noise apart from index draws.
PERMUTATION_TAG = 0x8000
NOISE_TAG = 0x4000


def philox(c0, c1, c2, c3, k0, k1):
    """Ten rounds of Philox4x32.

    Parameters
    ----------
    c0, c1, c2, c3 : int
        128-bit counter, four words of 32 bits; here, not in the twins, also uint64 arrays.
    k0, k1 : int
        64-bit key, two words of 32 bits.

    Returns
    -------
    tuple of four int
        Words of 32 bits.
    """
    # Words of a narrower NumPy type would overflow.
    words = (c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = (w if isinstance(w, np.ndarray) else int(w) for w in words)
    for _ in range(PHILOX_ROUNDS):
        a, b = PHILOX_M0 * c0, PHILOX_M1 * c2
        c0, c1, c2, c3 = (b >> 32) ^ c1 ^ k0, b & MASK, (a >> 32) ^ c3 ^ k1, a & MASK
        k0, k1 = (k0 + PHILOX_W0) & MASK, (k1 + PHILOX_W1) & MASK
    return c0, c1, c2, c3


def uniform(high, low):
    """A float64 in [0, 1) with 53 random bits from two words."""
    return ((high >> 5) * 67108864.0 + (low >> 6)) * 2.0**-53


def draw_index(position, step, stream, offset, n, k0, k1):
    """A uniform integer in [0, n), n <= 2**53; `position` numbers the draws of one step."""
    words = philox(position >> 1, step & MASK, (step >> 32) & MASK, (stream << 16) | offset, k0, k1)
    u = uniform(words[2], words[3]) if position & 1 else uniform(words[0], words[1])
    return min(int(u * n), n - 1)


def permute(index, n, epoch, stream, offset, k0, k1):
    """The image of `index` under a keyed pseudo-random permutation of {0, ..., n-1}.

    A Feistel network on the smallest even number of bits that holds n, with Philox as its round
    function, walked along its cycle until it lands inside the range.
    """
    bits = 1
    while (1 << (2 * bits)) < n:
        bits += 1
    mask = (1 << bits) - 1
    tag = (stream << 16) | PERMUTATION_TAG | offset
    while True:
        left, right = index >> bits, index & mask
        for r in range(FEISTEL_ROUNDS):
            word = philox(right, r, epoch & MASK, tag, k0, k1)[0]
            left, right = right, left ^ (word & mask)
        index = (left << bits) | right
        if index < n:
            return index


def draw_batch(sampler, step, offset):
    """The minibatch of (seed, stream, step, offset).

    Parameters
    ----------
    sampler : tuple
        ``(order, buffer, mode, n, batch, stream, k0, k1)``: `order` (n,) int64, the shuffled row
        numbers; `buffer` (batch,) int64, scratch; `mode` 0 "blocks", 1 "replacement", 2 "epochs";
        `n` the number of rows; `batch` rows a minibatch, 0 for "no rows"; `stream` < 2**15;
        `k0, k1` the key.
    step : int
        Number of the draw in this stream.
    offset : int
        0 for samples that all offsets share, else 1 + the offset's number; < 2**14.

    Returns
    -------
    rows : (m,) int64 array
        A view of `order` or of `buffer`. In mode 0 the block of a uniformly drawn position, so a
        shorter last block is drawn as often as its share of rows.
    block : int
        Number of the block in mode 0, else -1.
    """
    order, buffer, mode, n, batch, stream, k0, k1 = sampler
    if batch == 0:
        return buffer[:0], -1
    if mode == BLOCKS:
        block = 0
        if batch < n:
            block = draw_index(0, step, stream, offset, n, k0, k1) // batch
        return order[block * batch : min(n, (block + 1) * batch)], block
    for i in range(batch):
        if mode == REPLACEMENT:
            buffer[i] = draw_index(i, step, stream, offset, n, k0, k1)
        else:
            position = step * batch + i
            buffer[i] = permute(position % n, n, position // n, stream, offset, k0, k1)
    return buffer[:batch], -1


def normals(sample, lane, k0, k1, out):
    """Fill `out` (m,) with standard normal numbers that belong to one sample (Box-Muller).

    Parameters
    ----------
    sample : int
        Number of the sample, < 2**53.
    lane : int
        Which of the sample's noise vectors, < 2**14.
    k0, k1 : int
        Key.
    out : (m,) float array
        Overwritten.
    """
    for i in range(out.size):
        w = philox(i >> 1, sample & MASK, (sample >> 32) & MASK, NOISE_TAG | lane, k0, k1)
        radius = math.sqrt(-2.0 * math.log(1.0 - uniform(w[0], w[1])))
        angle = 2.0 * math.pi * uniform(w[2], w[3])
        out[i] = radius * (math.sin(angle) if i & 1 else math.cos(angle))
