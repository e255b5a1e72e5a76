"""Minibatches drawn on the device: the reference's rows, whatever the sizes."""

from __future__ import annotations

import numpy as np
import pytest
from backends import BACKENDS, array_library, fetched, kernels_of

from fastbilevel.kernels.reference import draw as reference
from fastbilevel.kernels.reference.draw import BLOCKS, EPOCHS, REPLACEMENT

EACH_BACKEND = pytest.mark.parametrize("backend", BACKENDS[2:])
# The second one sets bit 31 of both words.
KEYS = ((0xA4093822, 0x299F31D0), (0xFFFFFFFF, 0x80000001))


def samplers(xp, mode, n, batch, key, order=()):
    """Ours and the reference's."""
    rest = mode, n, batch, 2**15 - 1, *key
    arrays = np.array(order, np.int64), np.full(batch, -7)
    return (*map(xp.asarray, arrays), *rest), (*arrays, *rest)


@EACH_BACKEND
@pytest.mark.parametrize("mode", [REPLACEMENT, EPOCHS])
@pytest.mark.parametrize("n", [1, 2, 300, 2**31 + 11, 2**53])
def test_rows_are_those_of_the_reference(backend, mode, n):
    with array_library(backend) as xp:
        draw_batch = kernels_of(backend).draw.draw_batch
        for key in KEYS:
            for step in (0, 3, 2**33 + 1):
                ours, theirs = samplers(xp, mode, n, 300 if n > 2 else n, key)
                rows, block = draw_batch(ours, step, 2**14 - 1)
                expected, _ = reference.draw_batch(theirs, step, 2**14 - 1)
                np.testing.assert_array_equal(fetched(rows), expected)
                np.testing.assert_array_equal(fetched(ours[1]), expected)
                assert block == -1


@EACH_BACKEND
def test_a_block_is_a_slice_of_the_order(backend):
    with array_library(backend) as xp:
        draw_batch = kernels_of(backend).draw.draw_batch
        order = np.random.default_rng(1).permutation(23)
        ours, theirs = samplers(xp, BLOCKS, 23, 5, KEYS[0], order)
        for step in range(8):
            rows, block = draw_batch(ours, step, 0)
            expected, of_reference = reference.draw_batch(theirs, step, 0)
            assert rows.data.ptr == ours[0].data.ptr + 8 * 5 * block
            np.testing.assert_array_equal(fetched(rows), expected)
            assert block == of_reference


@EACH_BACKEND
@pytest.mark.parametrize("mode", [BLOCKS, REPLACEMENT, EPOCHS])
def test_a_batch_of_no_rows(backend, mode):
    with array_library(backend) as xp:
        ours, _ = samplers(xp, mode, 2**53, 0, KEYS[0])
        rows, block = kernels_of(backend).draw.draw_batch(ours, 1, 0)
        assert (rows.size, block) == (0, -1)


@EACH_BACKEND
def test_normal_numbers_fill_several_blocks(backend):
    with array_library(backend) as xp:
        for m in (1, 1025):
            out, expected = xp.zeros(m), np.zeros(m)
            kernels_of(backend).draw.normals(2**40 + 3, 2**14 - 1, *KEYS[1], out)
            reference.normals(2**40 + 3, 2**14 - 1, *KEYS[1], expected)
            np.testing.assert_allclose(fetched(out), expected, rtol=0, atol=1e-14)
