"""Positions past 2^31. The arrays are zero pages that nobody touches, except a few."""

from __future__ import annotations

import numpy as np
import pytest
from backends import array_library

from fastbilevel.kernels import cuda

D, WIDTH = 40_000_000, 60


@pytest.mark.slow
def test_an_iterate_of_ten_gigabytes_is_read_in_the_right_place():
    with array_library("emulated") as cupy:
        try:
            V = cupy.zeros(D * WIDTH, np.float32)
        except MemoryError:
            pytest.skip("there is no address space for 10 GB")
        V[(D - 1) * WIDTH :] = 1.0
        indptr, indices = np.array([0, 2]), np.array([5, D - 1], np.int32)
        X = tuple(map(cupy.asarray, (indptr, indices, np.full(2, 3.0, np.float32))))
        Z = cupy.empty(WIDTH, np.float32)
        cuda.csr.forward(X, cupy.asarray(np.zeros(1, np.int64)), V, Z, WIDTH)
        np.testing.assert_array_equal(Z.get(), np.full(WIDTH, 3.0))
