"""The CSR step gives the same bits for any number of threads."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from csr_cases import SMALL, Case

from fastbilevel.kernels.cpu import csr

dtypes = pytest.mark.parametrize("dtype", SMALL, ids=["float32", "float64"])
# Both blocks of a step share most features, and a step is long enough for threads to meet.
SIZE = {"n": 120, "n_val": 120, "d": 150, "batch": 30, "steps": 100, "lr": 0.3}


@dtypes
@pytest.mark.parametrize("by_class", [False, True], ids=["lazy", "eager"])
@pytest.mark.parametrize("fixed", [True, False], ids=["blocks", "rows"])
def test_threads_do_not_change_a_bit(dtype, fixed, by_class):
    options = SIZE | {"fixed": fixed, "by_class": by_class}
    serial = Case(*SMALL[dtype], **options)
    serial.run()
    assert np.isfinite(serial.V).all()
    for repetition in range(10):
        threaded = Case(*SMALL[dtype], **options)
        threaded.run(threads=1 + repetition % 5)
        np.testing.assert_array_equal(threaded.V, serial.V)
        np.testing.assert_array_equal(threaded.scale, serial.scale)


@pytest.mark.parametrize("parts", [2, 3, 7])
def test_a_feature_has_one_writer_in_a_block_but_not_in_two(parts):
    """Why each block is a parallel region of its own: two in one region would be a race."""
    case = Case(*SMALL[np.float32], **SIZE)
    owners = [owner_of_features(side[3], 0, parts, case.d) for side in case.sides]
    for owner, side in zip(owners, case.sides, strict=True):
        starts, features = side[3][:2]
        present = features[starts[0] : starts[1]]
        assert np.unique(present).size == present.size
        np.testing.assert_array_equal(np.flatnonzero(owner >= 0), np.sort(present))
    both = (owners[0] >= 0) & (owners[1] >= 0)
    assert (owners[0][both] != owners[1][both]).any()


def owner_of_features(blocks, block, parts, d):
    """Which part writes each feature of a block; -1 for features that do not occur in it."""
    starts, features, pointer = blocks[:3]
    owner = np.full(d, -1)
    for part in range(parts):
        first, last = (
            csr._cut(pointer, starts[block], starts[block + 1], p, parts) for p in (part, part + 1)
        )
        assert (owner[features[first:last]] == -1).all()
        owner[features[first:last]] = part
    return owner


@pytest.mark.parametrize("parts", [1, 2, 4, 9])
def test_parts_cost_about_the_same(parts):
    """Cost is the entries and three more for each feature."""
    rng = np.random.default_rng(0)
    counts = np.sort(rng.zipf(1.5, 500).clip(max=400))[::-1]
    pointer = np.concatenate([[0], np.cumsum(counts)])
    cuts = [csr._cut(pointer, 20, 480, p, parts) for p in range(parts + 1)]
    assert cuts[0] == 20
    assert cuts[-1] == 480
    cost = np.diff(pointer[cuts]) + 3 * np.diff(cuts)
    assert (np.abs(cost - cost.mean()) <= counts.max() + 3).all()


def test_more_threads_than_work_is_fine():
    one, many = (Case(*SMALL[np.float64], n=3, n_val=2, batch=2, d=4) for _ in range(2))
    one.run()
    many.run(threads=numba.config.NUMBA_NUM_THREADS + 20)
    np.testing.assert_array_equal(many.V, one.V)
