"""Cases of several steps of all groups of offsets, on minibatches that are drawn."""

import numpy as np

from fastbilevel.kernels.reference.draw import BLOCKS, EPOCHS, REPLACEMENT
from kernel_cases import Case, Laid, cases_of
from kernel_cases.regression import (
    BATCH,
    NONE,
    ORDER,
    SIGMOID,
    C,
    D,
    G,
    N,
    csr,
    dense,
    random,
    side,
)

GROUPS, STEPS, FIRST = 2, 3, 7


def sampler(mode, stream):
    order = ORDER if mode == BLOCKS else np.empty(0, np.int64)
    buffer = np.empty(0 if mode == BLOCKS else BATCH, np.int64)
    return order, buffer, mode, N, BATCH, stream, 11, 13


def descents(dtype, make, family, penalty_shape):
    """Arguments of `descend`: each mode of sampling; a group without upper objective."""
    train, val = (side(make(dtype, seed), family, dtype, seed) for seed in (5, 6))
    work = Laid(family, "workspace", (D, BATCH, BATCH, G, C, dtype))
    penalty = np.random.default_rng(4).uniform(0.1, 1.0, penalty_shape)
    Y, x = random(dtype, GROUPS, D * G * C), random(dtype, N, seed=2)
    lr = np.array([0.3, 0.2])
    modes = (BLOCKS, 0, NONE), (REPLACEMENT, 1, SIGMOID), (EPOCHS, 0, SIGMOID)
    for weights in (np.array([[-0.1, 0.1], [0.2, 0.0]]), np.array([[0.0, 0.0], [0.0, 0.3]])):
        for mode, independent, kind in modes:
            data = train, sampler(mode, 0), val, sampler(mode, 1), x, weights, penalty, lr
            constants = G, C, G * C, kind, 0.0, 2, STEPS, FIRST, independent
            arguments = (*data, Y, np.full(D, 0.5), work, *constants)
            # Some backends draw into the buffers of the samplers.
            yield Case(arguments, roundings=256, scratch=(1, 3, 9, 10))


@cases_of("csr.descend")
@cases_of("csr.descend_threaded")
def csr_descend(dtype):
    yield from descents(dtype, csr, "csr", (D, 1))


@cases_of("dense.descend")
@cases_of("dense.descend_threaded")
def dense_descend(dtype):
    yield from descents(dtype, dense, "dense", (1, C * D))
