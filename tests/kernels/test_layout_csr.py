"""The compiled layout of sparse blocks equals the one written in NumPy."""

import numpy as np
import pytest
import scipy.sparse as sp

from fastbilevel.kernels import cpu, layout_csr

CASES = {
    "wide": (50, 5000, 0.01, 7),
    "narrow": (60, 3, 0.6, 16),
    "one row": (1, 1, 1.0, 1),
    "no entries": (40, 3, 0.0, 8),
    "empty rows": (300, 70_000, 0.00003, 64),
    "batch beyond the rows": (30, 10, 0.5, 100),
    "one block": (20, 200, 0.2, 20),
    "a column of every digit": (10, 300_000, 0.0005, 4),
}


def rows_of(n, d, density, index, dtype):
    matrix = sp.random(n, d, density, format="csr", random_state=n, dtype=dtype)
    matrix.sort_indices()
    return matrix.indptr.astype(np.int64), matrix.indices.astype(index), matrix.data


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("name", CASES)
def test_blocks_are_those_of_the_plain_text(name, index):
    n, d, density, batch = CASES[name]
    X = rows_of(n, d, density, index, np.float32)
    before = [a.copy() for a in X]
    order = np.random.default_rng(0).permutation(n)
    got = cpu.layout_csr.build_blocks(X, order, batch, True)
    expected = layout_csr.build_blocks(X, order, batch, True)
    for a, b in zip(got, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    for a, b in zip(X, before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_blocks_of_another_size_share_the_rows():
    X = rows_of(50, 40, 0.2, np.int32, np.float64)
    order = np.random.default_rng(1).permutation(50)
    first = cpu.layout_csr.build_blocks(X, order, 8, True)
    second = cpu.layout_csr.build_blocks(X, order, 12, True, first[6:])
    for a, b in zip(first[6:], second[6:], strict=True):
        assert a is b
    for a, b in zip(second, layout_csr.build_blocks(X, order, 12, True), strict=True):
        np.testing.assert_array_equal(a, b)


def test_no_blocks():
    X = rows_of(5, 4, 0.5, np.int32, np.float64)
    got = cpu.layout_csr.build_blocks(X, np.arange(5), 2, False)
    assert [a.size for a in got] == [
        a.size for a in layout_csr.build_blocks(X, np.arange(5), 2, False)
    ]
