"""Bad and unusual data: one test or more per row of the project's list of faults, by its number."""

from __future__ import annotations

import logging
import warnings

import numpy as np
import pytest
import scipy.sparse as sp

import fastbilevel as fb
from fastbilevel import _memory, _validation, _validation_dense
from fastbilevel._validation import check_data

N, M, D, C = 12, 8, 5, 3
RNG = np.random.default_rng(7)
X = RNG.standard_normal((N, D))
XV = RNG.standard_normal((M, D))
Y, YV = np.arange(N) % C, np.arange(M) % C


def data(X=X, y=Y, Xv=XV, yv=YV, **options):
    return check_data(X, y, Xv, yv, **options)


def sparse(X=X):
    return sp.csr_array(np.where(np.abs(X) < 0.7, 0.0, X))


def problem(X=X, Xv=XV, y=Y, yv=YV, **options):
    return fb.problems.LearnToRegularize(X, y, Xv, yv, **options)


def with_value(value, row=4, col=2):
    changed = X.copy()
    changed[row, col] = value
    return changed


def same(got, expected):
    """Both data sets, once canonical, are equal bit for bit."""
    for a, b in zip(got, expected, strict=True):
        a, b = (m.toarray() if sp.issparse(m) else m for m in (a, b))
        np.testing.assert_array_equal(a, b)


# ------------------------------------------------------------------------------ values and shapes


@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
def test_fault_1_nan_in_X(convert):
    with pytest.raises(ValueError, match=r"X contains NaN \(first at row 4, col 2\)"):
        data(X=convert(with_value(np.nan)), Xv=convert(XV))
    with pytest.raises(ValueError, match=r"Xv contains NaN \(first at row 4, col 2\)"):
        data(X=convert(X), Xv=convert(with_value(np.nan)), yv=Y)
    assert np.isnan(data(X=with_value(np.nan), check_finite=False).X[4, 2])


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_fault_2_infinity_in_X(value):
    with pytest.raises(ValueError, match=r"X contains infinity \(first at row 4, col 2\)"):
        data(X=with_value(value))


def test_fault_2_a_value_too_large_for_float32_is_infinite():
    with pytest.raises(ValueError, match="X contains infinity"):
        data(X=with_value(1e39), dtype=np.float32)


def test_fault_1_is_found_beyond_the_first_piece(monkeypatch):
    monkeypatch.setattr(_validation_dense, "PIECE", 2 * D)
    with pytest.raises(ValueError, match="row 11, col 4"):
        data(X=with_value(np.nan, 11, 4))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_fault_3_nan_in_y(value):
    y = Y.astype(float)
    y[3] = value
    with pytest.raises(ValueError, match="y must be finite; element 3"):
        data(y=y)
    with pytest.raises(ValueError, match="yv must be finite; element 3"):
        data(yv=y[:M])


@pytest.mark.parametrize("name", ["x0", "y0"])
def test_fault_4_nan_in_the_starting_point(name):
    start = np.zeros(D if name == "x0" else D * C)
    start[1] = np.nan
    with pytest.raises(ValueError, match=f"{name} must be finite; element 1"):
        fb.minimize(problem(), **{name: start})


@pytest.mark.parametrize("shape", [(N * D,), (N, D, 1)])
def test_fault_5_X_without_two_axes(shape):
    with pytest.raises(ValueError, match=r"X must have two axes.*Reshape"):
        data(X=X.reshape(shape))


@pytest.mark.parametrize(("shape", "what"), [((0, D), "sample"), ((N, 0), "feature")])
@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
def test_fault_6_nothing_in_X(shape, what, convert):
    with pytest.raises(ValueError, match=rf"X has 0 {what}\(s\)"):
        data(X=convert(np.empty(shape)), Xv=convert(XV))


def test_fault_7_number_of_labels():
    with pytest.raises(ValueError, match=r"y must have one label per row of X, .*; got 11"):
        data(y=Y[:-1])
    with pytest.raises(ValueError, match="yv must have one label per row of Xv"):
        data(yv=Y)


def test_fault_8_other_features_in_validation():
    with pytest.raises(ValueError, match="Xv must have the 5 features of X; it has 4"):
        data(Xv=XV[:, :4])


@pytest.mark.parametrize(
    "pair",
    [(X, X), (X, X[: M + 1]), (X[2:], X[:4]), (sparse(), None)],
    ids=["same object", "a part", "overlap", "same sparse"],
)
def test_fault_9_validation_shares_memory_with_training(pair):
    train, val = pair if pair[1] is not None else (pair[0], pair[0])
    with pytest.warns(UserWarning, match="share memory") as caught:
        data(X=train, y=Y[: train.shape[0]], Xv=val, yv=Y[: val.shape[0]])
    assert caught[0].filename == __file__


def test_fault_9_two_parts_of_one_array_are_fine():
    both = np.concatenate([X, XV])
    data(X=both[:N], Xv=both[N:])
    data(X=both[::2], y=Y[:10], Xv=both[1::2], yv=Y[:10])


# ----------------------------------------------------------------------------------------- labels


@pytest.mark.parametrize(
    "names",
    [
        np.array(["b", "a", "c"]),
        np.array(["b", "a", "c"], object),
        np.array([b"b", b"a", b"c"]),
        np.array([-5, -7, 900]),
        np.array([2.0, 1.0, 5.0]),
        np.array([250, 3, 255], np.uint8),
    ],
    ids=["strings", "objects", "bytes", "negative with gaps", "integral floats", "unsigned"],
)
def test_fault_10_labels_of_any_kind_are_numbered(names):
    got = data(y=names[Y], yv=names[YV])
    place = np.argsort(np.argsort(names.astype(str) if names.dtype == object else names))
    np.testing.assert_array_equal(got.labels, place[Y])
    np.testing.assert_array_equal(got.labels_v, place[YV])
    assert got.labels.dtype == np.int32
    assert got.classes.size == C


def test_fault_10_booleans_and_lists_are_labels():
    got = data(y=[bool(v % 2) for v in range(N)], yv=[True] * M)
    assert got.classes.tolist() == [False, True]
    assert (got.labels_v == 1).all()


def test_fault_10_class_of_the_validation_data_without_training_rows():
    with pytest.raises(ValueError, match="do not occur in y: 7, 9"):
        data(yv=np.array([0, 1, 2, 9, 7, 9, 0, 0]))


def test_fault_10_labels_of_two_kinds():
    with pytest.raises(TypeError, match="one kind"):
        data(yv=YV.astype(str))
    with pytest.raises(TypeError, match="one kind"):
        data(y=np.array([0, "a", None] * 4, object))


def test_fault_11_one_class():
    with pytest.raises(ValueError, match="at least two classes; all its labels are 4"):
        data(y=np.full(N, 4), yv=np.full(M, 4))


def test_fault_12_labels_that_are_not_integral():
    y = Y + 0.5
    with pytest.raises(TypeError, match=r"element 0 is 0\.5, which is not integral"):
        data(y=y, yv=y[:M])


# ----------------------------------------------------------------------------------------- dtypes


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint16, bool])
def test_fault_13_integers_become_float64(dtype):
    got = data(X=(np.abs(X) > 1).astype(dtype))
    assert got.dtype == got.X.dtype == got.Xv.dtype == np.float64
    np.testing.assert_array_equal(got.X, np.abs(X) > 1)


def test_fault_14_half_precision_becomes_float32_with_a_note(caplog):
    caplog.set_level(logging.INFO, "fastbilevel")
    got = data(X=X.astype(np.float16), Xv=XV.astype(np.float32))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got.X, X.astype(np.float16))
    assert "X is float16 and is computed in float32." in caplog.messages


def test_fault_14_bfloat16_becomes_float32():
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    got = data(X=X.astype(bfloat16), Xv=XV.astype(bfloat16))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got.X, X.astype(bfloat16).astype(np.float32))


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="long double is double here")
def test_fault_14_longdouble_becomes_float64_with_a_warning():
    with pytest.warns(UserWarning, match="X is .* and is computed in float64"):
        got = data(X=X.astype(np.longdouble))
    assert got.dtype == np.float64


@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
def test_fault_14_complex_is_refused(convert):
    with pytest.raises(TypeError, match="X must hold real numbers"):
        data(X=convert(X.astype(complex)), Xv=convert(XV))


@pytest.mark.parametrize(
    ("convert", "what"),
    [
        (lambda a: a.astype(object), "got dtype object"),
        (lambda a: a.astype(str), "got dtype <U"),
        (np.ma.masked_array, "masked array"),
        (np.matrix, r"numpy\.matrix"),
    ],
    ids=["object", "strings", "masked", "matrix"],
)
@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_fault_15_arrays_that_do_not_mean_what_they_hold(convert, what):
    with pytest.raises(TypeError, match=what):
        data(X=convert(X))
    with pytest.raises(TypeError, match=what):
        data(Xv=convert(XV))


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_fault_15_labels_and_weights_too():
    with pytest.raises(TypeError, match="masked"):
        data(y=np.ma.masked_array(Y))
    with pytest.raises(TypeError, match="masked"):
        data(sample_weight=np.ma.masked_array(np.ones(N)))


@pytest.mark.parametrize("dtype", [">f8", ">f4", ">i4", ">f2"])
def test_fault_16_big_endian(dtype):
    native = np.dtype(dtype).newbyteorder("=")
    got = data(X=X.astype(dtype), Xv=XV.astype(dtype))
    assert got.X.dtype.isnative
    same(got[:2], data(X=X.astype(native), Xv=XV.astype(native))[:2])


def shapes_of_memory():
    wide = np.zeros((N, 2 * D))
    wide[:, ::2] = X
    backwards = np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1]
    buffer = np.zeros(X.nbytes + 1, np.uint8)
    unaligned = buffer[1:].view(np.float64).reshape(X.shape)
    unaligned[:] = X
    return {
        "Fortran": np.asfortranarray(X),
        "strided": wide[:, ::2],
        "negative strides": backwards,
        "transposed": np.ascontiguousarray(X.T).T,
        "unaligned": unaligned,
        "list": X.tolist(),
    }


@pytest.mark.parametrize("layout", shapes_of_memory())
def test_fault_17_any_memory_layout_gives_the_same_data(layout):
    given = shapes_of_memory()[layout]
    got = data(X=given).X
    np.testing.assert_array_equal(got, X)
    assert got.flags.c_contiguous
    assert got.flags.aligned


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fault_18_canonical_arrays_are_used_without_a_copy(dtype, tmp_path):
    plain, frozen = X.astype(dtype), XV.astype(dtype)
    frozen.flags.writeable = False
    got = data(X=plain, Xv=frozen)
    assert np.shares_memory(got.X, plain)
    assert np.shares_memory(got.Xv, frozen)
    assert plain.flags.writeable
    assert not got.X.flags.writeable

    mapped = np.memmap(tmp_path / "X", dtype, "w+", shape=X.shape)
    mapped[:] = X
    got = data(X=mapped, Xv=frozen)
    assert np.shares_memory(got.X, mapped)
    assert type(got.X) is np.ndarray


def test_fault_19_arrays_of_another_device():
    gpu = type("ndarray", (), {"__module__": "cupy._core", "shape": X.shape})()
    for name in ("X", "y", "Xv", "yv", "sample_weight"):
        with pytest.raises(TypeError, match="mixture of arrays of CuPy and NumPy"):
            data(**{name: gpu})


@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
@pytest.mark.parametrize(
    ("left", "right", "requested", "expected"),
    [
        (np.float32, np.float32, None, np.float32),
        (np.float32, np.float64, None, np.float64),
        (np.float32, np.int64, None, np.float64),
        (np.float64, np.float64, np.float32, np.float32),
        (np.float32, np.float32, "float64", np.float64),
    ],
)
def test_fault_20_one_dtype_for_everything(convert, left, right, requested, expected):
    weight = np.ones(N, np.float16)
    got = data(
        X=convert(X.astype(left)),
        Xv=convert(XV.astype(right)),
        sample_weight=weight,
        dtype=requested,
    )
    for array in (got.X, got.Xv, got.weight, got.weight_v):
        assert array.dtype == expected
    assert got.dtype == expected


def test_fault_20_the_starting_point_is_cast_to_the_dtype_of_the_data():
    p = problem(X.astype(np.float32), XV.astype(np.float32))
    assert p.x0.dtype == p.y0.dtype == np.float32
    assert p.grad_lower_y(np.zeros(D), np.zeros(D * C)).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float16, int, "complex", "f9"])
def test_fault_20_other_dtypes_cannot_be_requested(dtype):
    with pytest.raises(TypeError, match="dtype must be float32 or float64"):
        data(dtype=dtype)


# ----------------------------------------------------------------------------------------- sparse


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


def test_fault_24_int64_indices_stay():
    p = problem(wide_indices(sparse()), wide_indices(sparse(XV)))
    indptr, indices, _ = p.evaluation_arguments(1)[0][0][0]
    assert indices.dtype == indptr.dtype == np.int64
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
    assert [side[0][1].dtype for side in sides] == [np.int64, np.int64]


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


# ----------------------------------------------------------------------------------------- memory


def test_fault_28_large_dense_zeros_get_a_hint(monkeypatch):
    monkeypatch.setattr(_validation_dense, "LARGE_BYTES", 100)
    with pytest.warns(UserWarning, match=r"95 % of it are zeros: scipy\.sparse") as caught:
        got = data(X=np.eye(20), y=np.arange(20) % C, Xv=np.ones((M, 20)))
    assert len(caught) == 1
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(got.X, np.eye(20))


@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
def test_fault_29_too_little_memory(monkeypatch, convert):
    monkeypatch.setattr(_memory, "available_memory", lambda: 100)
    with pytest.raises(MemoryError, match=r"would take about .* MB"):
        problem(convert(X), convert(XV))


def test_fault_29_too_many_lower_iterates(monkeypatch):
    p = problem()
    monkeypatch.setattr(_memory, "available_memory", lambda: 3000)
    with pytest.raises(MemoryError, match="40 lower iterates would take"):
        fb.minimize(p, order=40, lr_y=0.1, batch_size=4, val_batch_size=4)


def test_fault_29_what_the_system_says_is_used():
    available = _memory.available_memory()
    assert available is None or available > 2**20


# --------------------------------------------------------------------------- starting point, bounds


def test_fault_30_outputs_never_share_memory_with_inputs():
    buffer = np.zeros(D * C)
    p = problem()
    result = fb.minimize(p, x0=buffer[:D], y0=buffer, maxiter=2, lr_y=0.1)
    assert not buffer.any()
    outputs = (result.x, result.y, result.x_last, result.y_last)
    for i, array in enumerate(outputs):
        assert not np.shares_memory(array, buffer)
        assert not any(np.shares_memory(array, other) for other in outputs[:i])
    assert not np.shares_memory(p.coef(p.y0), p.y0)


def test_fault_31_bounds():
    p = problem()
    with pytest.raises(ValueError, match="lower <= upper"):
        fb.minimize(p, bounds=(1.0, -1.0))
    with pytest.raises(ValueError, match="NaN"):
        fb.minimize(p, bounds=(np.nan, 1.0))
    with pytest.warns(UserWarning, match="projected"):
        result = fb.minimize(p, x0=np.full(D, 5.0), bounds=(-1.0, 1.0), maxiter=1, lr_y=0.1)
    assert np.abs(result.x_last).max() <= 1.0


# ------------------------------------------------------------------------------ weights and options


@pytest.mark.parametrize("name", ["sample_weight", "sample_weight_val"])
@pytest.mark.parametrize(
    ("value", "error", "what"),
    [
        (-1.0, ValueError, "not negative; element 2 is -1"),
        (np.nan, ValueError, "element 2 is nan"),
        (np.inf, ValueError, "element 2 is inf"),
    ],
)
def test_row_weights_must_be_finite_and_not_negative(name, value, error, what):
    weights = np.ones(N if name == "sample_weight" else M)
    weights[2] = value
    with pytest.raises(error, match=f"{name} must be finite and {what}" if "not" in what else what):
        data(**{name: weights})


def test_row_weights_have_mean_one_and_may_be_zero():
    weights = np.arange(N)
    got = data(sample_weight=weights).weight
    np.testing.assert_allclose(got, weights / weights.mean(), rtol=1e-15)
    with pytest.raises(ValueError, match="zero everywhere"):
        data(sample_weight=np.zeros(N))
    with pytest.raises(ValueError, match=r"shape \(12,\)"):
        data(sample_weight=np.ones(N - 1))
    with pytest.raises(TypeError, match="real numbers"):
        data(sample_weight=["heavy"] * N)


def test_options_of_the_problems():
    with pytest.raises(ValueError, match=r"penalty must be one of.*'feature'\?"):
        problem(penalty="features")
    with pytest.raises(ValueError, match="reduction must be one of mean, sum"):
        problem(reduction="max")
    with pytest.raises(ValueError, match="groups must name the group of each of the 5 features"):
        problem(penalty="group")
    with pytest.raises(ValueError, match="one element per feature, 5; got 4"):
        problem(penalty="group", groups=[0, 1, 1, 0])
    with pytest.raises(ValueError, match="penalty='group' only"):
        problem(groups=np.zeros(D))
    cleaning = fb.problems.HyperCleaning
    with pytest.raises(ValueError, match="weights must be one of sigmoid, clip, softmax"):
        cleaning(X, Y, XV, YV, weights="relu")
    with pytest.raises(ValueError, match="reg must be finite and not negative"):
        cleaning(X, Y, XV, YV, reg=-1.0)
    with pytest.raises(TypeError, match="reg must be a number"):
        cleaning(X, Y, XV, YV, reg="small")


def test_good_data_give_no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(data(), _validation.Data)
        assert isinstance(data(X=sparse(), Xv=sparse(XV)), _validation.Data)
