"""The border, by random examples: shapes, dtypes, strides, orders, CSR structure, labels.

Whatever is given, a call answers as plain arrays do or with a TypeError or ValueError; it neither
crashes nor hangs. `HYPOTHESIS_PROFILE=long` looks at far more examples.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.optimize import Bounds

import fastbilevel as fb
from fastbilevel._bounds import as_projection
from fastbilevel._checks.arrays import check_vector
from fastbilevel._checks.data import check_data
from fastbilevel._checks.points import check_samples

DTYPES = ("f2", "f4", "f8", ">f4", ">f8", "i1", "i4", "i8", ">i2", "u1", "u8", "?", "g")
OTHER = ("c8", "c16", "U3", "S2", "O", "M8[s]", "m8[D]")
SIZES = st.integers(0, 5)


@st.composite
def matrices(draw, rows=None, columns=None, dtypes=DTYPES):
    """A matrix of any dtype, order and strides, with the same numbers as a fresh float array."""
    n = draw(st.integers(1, 6)) if rows is None else rows
    d = draw(st.integers(1, 5)) if columns is None else columns
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    numbers = draw(arrays.arrays(np.int8, (n, d), elements=st.integers(-3, 3)))
    matrix = np.abs(numbers).astype(dtype) if dtype.kind in "bu" else numbers.astype(dtype)
    form = draw(st.sampled_from(["C", "F", "strided", "reversed", "read-only", "offset"]))
    if form == "F":
        matrix = np.asfortranarray(matrix)
    elif form == "strided":
        wide = np.zeros((2 * n, 3 * d), dtype)
        wide[::2, ::3] = matrix
        matrix = wide[::2, ::3]
    elif form == "reversed":
        matrix = matrix[::-1, ::-1].copy()[::-1, ::-1]
    elif form == "read-only":
        matrix.flags.writeable = False
    elif form == "offset":
        room = np.zeros(matrix.nbytes + 1, np.uint8)
        shifted = room[1:].view(dtype).reshape(n, d)
        shifted[...] = matrix
        matrix = shifted
    return matrix


@st.composite
def csr(draw, rows, columns, broken=False):
    """A CSR array, sorted or not, with duplicates and explicit zeros; perhaps `broken`."""
    counts = draw(st.lists(st.integers(0, 4), min_size=rows, max_size=rows))
    total = sum(counts)
    index_type = draw(st.sampled_from([np.int32, np.int64]))
    low, high = (-2, columns + 2) if broken else (0, columns - 1)
    indices = draw(st.lists(st.integers(low, high), min_size=total, max_size=total))
    values = draw(st.lists(st.integers(-2, 2), min_size=total, max_size=total))
    pointer = np.concatenate([[0], np.cumsum(counts)]).astype(index_type)
    if broken and draw(st.booleans()):
        pointer[draw(st.integers(0, rows))] += draw(st.integers(-3, 3))
    dtype = draw(st.sampled_from([np.float32, np.float64, np.int64, bool]))
    matrix = sp.csr_array((rows, columns), dtype=dtype)
    matrix.data, matrix.indices = np.array(values, dtype), np.array(indices, index_type)
    matrix.indptr = pointer
    return matrix


@st.composite
def labels(draw, n):
    """n labels of two classes at least: numbers, strings, bytes or objects."""
    numbers = draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    assume(len(set(numbers)) > 1)
    form = draw(st.sampled_from(["i1", "u8", "f4", "f8", ">i4", "U1", "S1", "O", "list"]))
    return numbers if form == "list" else np.array(numbers).astype(form)


def quietly(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()


@given(st.data())
def test_dense_data_of_any_kind_are_as_plain_arrays(data):
    n, m, d = (data.draw(st.integers(2, 6)) for _ in range(3))
    X, Xv = data.draw(matrices(n, d)), data.draw(matrices(m, d))
    y = data.draw(labels(n))
    before = X.copy(), Xv.copy()
    got = quietly(lambda: check_data(X, y, Xv, y[:1] * m if isinstance(y, list) else y[[0] * m]))
    np.testing.assert_array_equal(got.X, X.astype(got.dtype))
    np.testing.assert_array_equal(got.Xv, Xv.astype(got.dtype))
    assert got.X.flags.c_contiguous
    assert got.X.flags.aligned
    assert not got.X.flags.writeable
    assert (got.classes[got.labels].astype(str) == np.array(y).astype(str)).all()
    for array, old in zip((X, Xv), before, strict=True):
        np.testing.assert_array_equal(array, old)


@given(st.data())
def test_sparse_data_are_as_dense_data(data):
    n, m, d = (data.draw(st.integers(2, 5)) for _ in range(3))
    X, Xv = data.draw(csr(n, d)), data.draw(csr(m, d))
    dense = [np.zeros((k, d)) for k in (n, m)]
    for target, matrix in zip(dense, (X, Xv), strict=True):
        rows = np.repeat(np.arange(target.shape[0]), np.diff(matrix.indptr))
        # Booleans add up to booleans.
        add = np.logical_or if matrix.dtype == bool else np.add
        add.at(target, (rows, matrix.indices), matrix.data)
    before = [a.copy() for matrix in (X, Xv) for a in (matrix.data, matrix.indices, matrix.indptr)]
    got = check_data(X, np.arange(n) % 2, Xv, np.zeros(m, int))
    for matrix, expected in zip((got.X, got.Xv), dense, strict=True):
        np.testing.assert_array_equal(matrix.toarray(), expected)
        assert matrix.has_canonical_format
    after = [a for matrix in (X, Xv) for a in (matrix.data, matrix.indices, matrix.indptr)]
    for array, old in zip(after, before, strict=True):
        np.testing.assert_array_equal(array, old)


@given(st.data())
def test_broken_sparse_data_are_refused_or_right(data):
    n, d = data.draw(st.integers(2, 4)), data.draw(st.integers(1, 4))
    X = data.draw(csr(n, d, broken=True))
    whole = sp.csr_array(np.ones((2, d)))
    pointer, indices = X.indptr, X.indices
    sound = (
        pointer[0] == 0
        and (np.diff(pointer) >= 0).all()
        and pointer[-1] <= indices.size
        and ((indices[: pointer[-1]] >= 0) & (indices[: pointer[-1]] < d)).all()
    )
    if sound:
        assert check_data(X, np.arange(n) % 2, whole, [0, 1]).X.shape == (n, d)
    else:
        with pytest.raises(ValueError, match="X"):
            check_data(X, np.arange(n) % 2, whole, [0, 1])


@given(st.data())
def test_wrong_shapes_and_dtypes_are_refused(data):
    shape = data.draw(arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    dtype = data.draw(st.sampled_from(DTYPES + OTHER))
    X = np.ones(shape).astype(dtype) if dtype != "M8[s]" else np.zeros(shape, dtype)
    sound = len(shape) == 2 and min(shape) > 0 and dtype in DTYPES and shape == (4, 3)
    call = lambda: check_data(X, [0, 1, 0, 1], np.ones((2, 3)), [0, 1])  # noqa: E731
    if sound:
        assert quietly(call).X.shape == shape
    else:
        with pytest.raises((TypeError, ValueError), match=r"X|y must"):
            quietly(call)


@given(st.data())
def test_a_vector_is_taken_by_its_shape(data):
    dtype = data.draw(st.sampled_from(DTYPES + OTHER))
    shape = data.draw(arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    value = np.zeros(shape, dtype)
    fits = shape in ((4,), (2, 2)) and np.dtype(dtype).kind in "fiu"
    if fits:
        got = quietly(lambda: check_vector("v", value, 4, shape=(2, 2)))
        np.testing.assert_array_equal(got, np.zeros(4))
        assert not np.shares_memory(got, value)
    else:
        with pytest.raises((TypeError, ValueError), match=r"^v must"):
            check_vector("v", value, 4, shape=(2, 2))


@given(st.lists(st.integers(-3, 12), max_size=6), st.sampled_from(["i1", "u2", "i8", ">i4"]))
def test_samples_are_in_range_or_refused(rows, dtype):
    if dtype == "u2":
        rows = [abs(row) for row in rows]
    given_rows = np.array(rows, dtype)
    if rows and min(rows) >= 0 and max(rows) < 10:
        assert check_samples("rows", given_rows, 10).tolist() == rows
    else:
        with pytest.raises(ValueError, match="rows must hold"):
            check_samples("rows", given_rows, 10)


ENDS = st.one_of(
    st.none(), st.sampled_from([-np.inf, -1, 0.0, 2, np.float32(3), np.int8(5), np.inf])
)


@given(st.integers(1, 4), st.data())
def test_bounds_are_pairs_or_lower_and_upper_but_never_guessed(n, data):
    pairs = data.draw(st.lists(st.tuples(ENDS, ENDS), min_size=n, max_size=n))
    lower = [-np.inf if low is None else float(low) for low, _ in pairs]
    upper = [np.inf if high is None else float(high) for _, high in pairs]
    empty = any(a > b or a == np.inf or b == -np.inf for a, b in zip(lower, upper, strict=True))
    either = n == 2 and not any(end is None for pair in pairs for end in pair)
    if empty or either:
        with pytest.raises(ValueError, match="bounds: "):
            as_projection(pairs, "bounds", n)
    else:
        assert_same_box(as_projection(pairs, "bounds", n), lower, upper)
    if not empty:
        assert_same_box(as_projection(Bounds(lower, upper), "bounds", n), lower, upper)
        assert_same_box(as_projection((lower, np.array(upper)), "bounds"), lower, upper)


def assert_same_box(box, lower, upper):
    found, expected = (b.domain(len(lower), float) for b in (box, fb.projections.Box(lower, upper)))
    np.testing.assert_array_equal(found.a, expected.a)
    np.testing.assert_array_equal(found.b, expected.b)
