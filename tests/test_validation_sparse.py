"""Sparse data of any kind and condition, by the numbers of the list of faults."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given as examples
from hypothesis import strategies as st
from small_data import RNG, XV, C, D, M, N, Y, data, problem, same, sparse

from fastbilevel._arrays.tuples import index_type_for


def scrambled():
    """The matrix of `sparse()` with entries out of order and one of them in two parts."""
    base = sparse().tocoo()
    row, col, value = base.row, base.col, base.data.copy()
    value[0] /= 2
    order = np.random.default_rng(1).permutation(row.size + 1)
    triple = (np.append(a, a[0])[order] for a in (value, row, col))
    value, row, col = triple
    by_row = np.argsort(row, kind="stable")
    indptr = np.searchsorted(row[by_row], np.arange(N + 1))
    return sp.csr_array((value[by_row], col[by_row], indptr), shape=(N, D))


def test_fault_21_unsorted_and_repeated_entries():
    given = scrambled()
    before = [a.copy() for a in (given.indptr, given.indices, given.data)]
    got = data(X=given, Xv=sparse(XV)).X
    assert got.has_canonical_format
    np.testing.assert_array_equal(got.toarray(), sparse().toarray())
    for a, b in zip((given.indptr, given.indices, given.data), before, strict=True):
        np.testing.assert_array_equal(a, b)


@examples(
    entries=st.lists(
        st.tuples(st.integers(0, N - 1), st.integers(0, D - 1), st.integers(-8, 8)), max_size=60
    ),
    wide=st.booleans(),
)
def test_fault_21_any_entries_in_any_order(entries, wide):
    """Rows cut from a list with repetitions, as CSR without any tidying."""
    entries.sort(key=lambda entry: entry[0])
    row, col, value = np.array(entries, np.int64).reshape(-1, 3).T
    index = np.int64 if wide else np.int32
    indptr = np.searchsorted(row, np.arange(N + 1)).astype(index)
    given = sp.csr_array((value.astype(float), col.astype(index), indptr), shape=(N, D))
    expected = np.zeros((N, D))
    np.add.at(expected, (row, col), value)
    got = data(X=given, Xv=sparse(XV)).X
    np.testing.assert_array_equal(got.toarray(), expected)
    assert (
        np.diff(got.indices)[np.diff(np.repeat(np.arange(N), np.diff(got.indptr))) == 0] > 0
    ).all()


def test_fault_21_a_problem_leaves_the_matrices_alone():
    train, val = scrambled(), sparse(XV)
    before = [m.copy() for m in (train, val)]
    p = problem(train, val)
    p.grad_lower_y(p.x0, p.y0)
    for given, kept in zip((train, val), before, strict=True):
        for name in ("indptr", "indices", "data"):
            np.testing.assert_array_equal(getattr(given, name), getattr(kept, name))


@pytest.mark.parametrize("kind", ["matrix", "array"])
@pytest.mark.parametrize("layout", ["csr", "csc", "coo", "lil", "dok", "dia", "bsr"])
def test_fault_22_every_sparse_format(layout, kind, caplog):
    caplog.set_level(logging.INFO, "fastbilevel")
    convert = getattr(sp, f"{layout}_{kind}")
    got = data(X=convert(sparse()), Xv=convert(sparse(XV)))
    same(got[:2], (sparse(), sparse(XV)))
    assert got.X.format == "csr"
    assert any("converted" in m for m in caplog.messages) == (layout != "csr")


def test_fault_22_dense_and_sparse_cannot_be_mixed():
    with pytest.raises(TypeError, match="both be dense or both be sparse"):
        data(X=sparse())


def broken(change):
    matrix = sparse()
    change(matrix)
    return matrix


def set_index(value):
    def change(matrix):
        matrix.indices[3] = value

    return change


def decrease(matrix):
    matrix.indptr[4] = matrix.indptr[6]


def lengthen(matrix):
    matrix.indptr[-1] += 5


def shift(matrix):
    matrix.indptr[0] = 1


def cut(matrix):
    matrix.indptr = matrix.indptr[:-1]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (set_index(D), "column index 5"),
        (set_index(-1), "column index -1"),
        (decrease, "must not decrease"),
        (lengthen, "indptr ends with"),
        (shift, "begins with"),
        (cut, "must have 13 elements"),
    ],
    ids=["too large", "negative", "decreasing", "too long", "shifted", "cut"],
)
def test_fault_23_broken_indices(change, what):
    with pytest.raises(ValueError, match=what):
        data(X=broken(change), Xv=sparse(XV))
    with pytest.raises(ValueError, match="Xv"):
        data(X=sparse(), Xv=broken(change), yv=Y)


@pytest.mark.parametrize("layout", ["csc", "coo", "bsr"])
def test_fault_23_broken_indices_of_other_formats(layout):
    matrix = sparse().asformat(layout)
    (matrix.col if layout == "coo" else matrix.indices)[2] = 10**6
    with pytest.raises(ValueError, match=r"index 1000000; it must be in \[0"):
        data(X=matrix, Xv=sparse(XV))


def wide_indices(matrix):
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)
    return matrix


def test_fault_24_int64_indices_are_taken():
    p = problem(wide_indices(sparse()), wide_indices(sparse(XV)))
    indptr, indices, _ = p.evaluation_arguments(1)[0][0][0]
    # Numbers of features fit into half the bytes; where rows begin may not.
    assert (indptr.dtype, indices.dtype) == (np.int64, np.int32)
    narrow = problem(sparse(), sparse(XV))
    assert narrow.evaluation_arguments(1)[0][0][0][1].dtype == np.int32
    W = RNG.standard_normal(D * C)
    np.testing.assert_array_equal(p.grad_lower_y(p.x0, W), narrow.grad_lower_y(p.x0, W))


def test_fault_25_mixed_index_dtypes():
    mixed = sparse()
    mixed.indptr = mixed.indptr.astype(np.int64)
    same(data(X=mixed, Xv=sparse(XV))[:2], (sparse(), sparse(XV)))
    p = problem(wide_indices(sparse()), sparse(XV))
    sides = p.evaluation_arguments(1)[0][:2]
    assert [side[0][1].dtype for side in sides] == [np.int32, np.int32]


def test_indices_are_wide_where_they_must_be():
    assert index_type_for(2**31 - 1) is np.int32
    assert index_type_for(2**31) is np.int64


def test_fault_26_explicit_zeros_empty_rows_and_columns():
    dense = sparse().toarray()
    dense[[2, 7]] = 0.0
    dense[:, 3] = 0.0
    plain = sp.csr_array(dense)
    full = sp.coo_array((dense.ravel(), np.indices(dense.shape).reshape(2, -1)), dense.shape)
    stored = full.tocsr()
    assert stored.nnz == dense.size
    x, W = RNG.standard_normal(D), RNG.standard_normal(D * C)
    val = sparse(XV).toarray()
    val[:, 3] = 0.0
    gradients = [
        problem(matrix, convert(val), reduction="sum").grad_lower_y(x, W)
        for matrix, convert in ((plain, sp.csr_array), (stored, sp.csr_array), (dense, np.asarray))
    ]
    for gradient in gradients:
        np.testing.assert_allclose(gradient, gradients[2], rtol=1e-12, atol=1e-14)
        penalty = np.exp(x[3]) * W.reshape(D, C)[3]
        np.testing.assert_allclose(gradient.reshape(D, C)[3], penalty, rtol=1e-14)


def test_fault_26_a_matrix_without_entries():
    empty = sp.csr_array((M, D))
    p = problem(sparse(), empty)
    W = RNG.standard_normal(D * C)
    assert p.value_upper(p.x0, W) == pytest.approx(np.log(C), rel=1e-14)
    assert not p.grad_upper_y(p.x0, W).any()


def test_fault_27_stored_nan_in_sparse_data():
    matrix = sparse()
    position = 5
    matrix.data[position] = np.nan
    row = int(np.searchsorted(matrix.indptr, position, side="right")) - 1
    where = rf"row {row}, col {matrix.indices[position]}\)"
    with pytest.raises(ValueError, match=rf"X contains NaN \(first at {where}"):
        data(X=matrix, Xv=sparse(XV))
    assert np.isnan(data(X=matrix, Xv=sparse(XV), check_finite=False).X.data[position])
