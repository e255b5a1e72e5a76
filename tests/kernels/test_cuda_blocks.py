"""CUDA kernels whose sums take several blocks: the reference's results, the same bits again."""

from __future__ import annotations

import numpy as np
import pytest
from backends import BACKENDS, array_library, kernels_of
from kernel_cases import DTYPES, Case, assert_same, outcome
from kernel_cases.projections import domains
from kernel_cases.vectors import arrays

from fastbilevel.kernels import reference
from fastbilevel.kernels.cuda.launch import MOST_ALONE

N = MOST_ALONE + 300
EACH_BACKEND = pytest.mark.parametrize("backend", BACKENDS[2:])
EACH_DTYPE = pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])


def norm(dtype):
    yield Case((*arrays(dtype, 1, N), np.ones(1)), 64)


def restart(dtype):
    for limits in ((1e-3, 1e-4), (1e4, 0.1)):
        memory = np.array([3.0, 0.25, *limits])
        yield Case((*arrays(dtype, 2, N), memory), 64)


def normalized_momentum(dtype):
    for kind, a, b in domains(N):
        for bad, flag in ((0.0, 0), (0.0, 1), (np.nan, 0)):
            x, m, phi = arrays(dtype, 3, N)
            phi[7000] += bad
            domain = kind, a.astype(dtype), b.astype(dtype)
            outputs = np.full(1, 7.0), np.array([flag])
            yield Case((x, m, phi, 0.37, 0.9, 1, *domain, *outputs), 64, arithmetic=dtype)


def dynamic_barrier(dtype):
    n_y = 500
    for kind, a, b in domains(N):
        for bad, flag in ((0.0, 0), (0.0, 1), (np.nan, 0)):
            x, m, f_x, *G_x = arrays(dtype, 5, N)
            y, f_y, g_y = arrays(dtype, 3, n_y, seed=1)
            f_y[-1] += bad
            domain = kind, a.astype(dtype), b.astype(dtype)
            bound = np.array([0.25, 1.75]), 0.5, flag, 0.37
            outputs = np.full(4, 7.0), np.full(1, 7.0), np.array([flag])
            gradients = f_x, f_y, np.array(G_x), g_y
            arguments = x, y, m, *gradients, *bound, *domain, *outputs
            yield Case(arguments, 256, arithmetic=dtype)


CASES = {
    "vector.norm": norm,
    "vector.normalized_momentum": normalized_momentum,
    "momentum.restart": restart,
    "barrier.dynamic_barrier": dynamic_barrier,
}


@EACH_BACKEND
@EACH_DTYPE
@pytest.mark.parametrize("name", CASES)
def test_several_blocks_leave_what_the_reference_leaves(name, dtype, backend):
    family, function = name.split(".")
    ours, theirs = (getattr(getattr(k, family), function) for k in (kernels_of(backend), reference))
    with array_library(backend) as xp:
        for case in CASES[name](dtype):
            first = outcome(ours, case, xp=xp)
            assert_same(first, outcome(theirs, case, wide=True), case)
            for got, again in zip(first, outcome(ours, case, xp=xp), strict=True):
                np.testing.assert_array_equal(got, again)
