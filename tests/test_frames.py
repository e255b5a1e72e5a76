"""What people hand over instead of arrays: frames, series, tables, objects with ``__array__``."""

import numpy as np
import pytest
import scipy.sparse as sp
from small_data import XV, YV, M, N, X, Y, data

import fastbilevel as fb

pd = pytest.importorskip("pandas")

POSITIVE = np.abs(X) > 1
LETTERS = np.array(["b", "a", "c"])


def assert_canonical(got, expected, dtype):
    assert type(got) is np.ndarray
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    ("convert", "expected", "dtype"),
    [
        (pd.DataFrame, X, np.float64),
        (lambda a: pd.DataFrame(a).convert_dtypes(), X, np.float64),
        (lambda a: pd.DataFrame(a).astype("Float32"), X.astype(np.float32), np.float32),
        (lambda a: pd.DataFrame(a > 0).astype("boolean"), X > 0, np.float64),
        (lambda a: pd.DataFrame(a > 0), X > 0, np.float64),
        (lambda a: pd.DataFrame(np.rint(a)).astype("Int16"), np.rint(X), np.float64),
        (lambda a: pd.DataFrame(a).assign(**{"one": 1}).iloc[:, :-1], X, np.float64),
    ],
    ids=["plain", "Float64", "Float32", "boolean", "bool", "Int16", "a slice"],
)
def test_frames_of_numbers_of_every_dtype(convert, expected, dtype):
    got = data(X=convert(X), Xv=convert(XV))
    assert_canonical(got.X, expected, dtype)


@pytest.mark.parametrize("dtype", ["double[pyarrow]", "float[pyarrow]", "int64[pyarrow]"])
def test_frames_of_arrow(dtype):
    pytest.importorskip("pyarrow")
    numbers = np.rint(X)
    got = data(X=pd.DataFrame(numbers).astype(dtype), Xv=pd.DataFrame(np.rint(XV)).astype(dtype))
    assert_canonical(got.X, numbers, np.float32 if dtype.startswith("float[") else np.float64)


def test_columns_of_several_dtypes_become_one():
    frame = pd.DataFrame(X)
    frame[2] = np.rint(X[:, 2])
    frame = frame.astype({0: "Float32", 1: "float32", 2: "Int8", 3: "float64"})
    frame[4] = X[:, 4] > 0
    got = data(X=frame, Xv=XV)
    expected = X.copy()
    expected[:, :2] = X[:, :2].astype(np.float32)
    expected[:, 2], expected[:, 4] = np.asarray(frame[2], float), X[:, 4] > 0
    assert_canonical(got.X, expected, np.float64)


@pytest.mark.parametrize("dtype", ["Float64", "Float32", "Int64", "boolean", "double[pyarrow]"])
def test_a_missing_number_is_found(dtype):
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    frame = pd.DataFrame(POSITIVE.astype(float)).astype(dtype)
    frame.iloc[4, 2] = pd.NA
    with pytest.raises(ValueError, match=r"X contains NaN \(first at row 4, col 2\)"):
        data(X=frame)


def test_a_column_that_holds_no_numbers_is_named():
    for column, what in ((LETTERS[Y], "'word'"), (pd.to_datetime(["2026-01-01"] * N), "datetime")):
        frame = pd.DataFrame(X).assign(word=column)
        with pytest.raises(TypeError, match=rf"X must hold real numbers; its column .*{what}"):
            data(X=frame)


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_sparse_frames_become_csr_and_are_never_dense(index):
    matrix = sp.csr_array(np.where(X > 0.5, X, 0.0))
    matrix.indices, matrix.indptr = matrix.indices.astype(index), matrix.indptr.astype(index)
    frame = pd.DataFrame.sparse.from_spmatrix(matrix)
    got = data(X=frame, Xv=sp.csr_array(XV))
    assert got.X.format == "csr"
    np.testing.assert_array_equal(got.X.toarray(), matrix.toarray())
    mixed = frame.assign(dense=X[:, 0])
    got = data(X=mixed, Xv=sp.csr_array(np.column_stack([XV, XV[:, 0]])))
    np.testing.assert_array_equal(got.X.toarray(), np.column_stack([matrix.toarray(), X[:, 0]]))


def test_a_wide_sparse_frame_takes_no_dense_memory():
    import tracemalloc

    n, d = 2_000, 3_000
    rows = np.arange(d) % n
    wide = sp.csr_matrix((np.ones(d), (rows, np.arange(d))), shape=(n, d))
    frame = pd.DataFrame.sparse.from_spmatrix(wide)
    tracemalloc.start()
    got = data(X=frame, Xv=wide[:M], y=np.arange(n) % 3, yv=np.arange(M) % 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert got.X.nnz == d
    assert peak < n * d * 8 / 10


def test_a_sparse_frame_filled_with_something_else_is_refused():
    frame = pd.DataFrame({"a": pd.arrays.SparseArray(np.ones(N), fill_value=1.0)})
    with pytest.raises(ValueError, match=r"column 'a' whose fill value is 1\.0; it must be 0"):
        data(X=frame, Xv=sp.csr_array(np.ones((M, 1))))


# -- labels -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["string", "object", "str"])
def test_strings_of_every_dtype(dtype):
    y = pd.Series(LETTERS[Y]).astype(dtype)
    got = data(y=y, yv=LETTERS[YV])
    assert got.classes.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(got.classes[got.labels], LETTERS[Y])
    np.testing.assert_array_equal(got.classes[got.labels_v], LETTERS[YV])


def test_categories_keep_their_order_and_their_type():
    kind = pd.CategoricalDtype(["c", "unused", "a", "b"], ordered=True)
    got = data(y=pd.Series(LETTERS[Y]).astype(kind), yv=pd.Series(LETTERS[YV]).astype(kind))
    assert got.classes.tolist() == ["c", "a", "b"]
    np.testing.assert_array_equal(got.classes[got.labels], LETTERS[Y])
    np.testing.assert_array_equal(got.classes[got.labels_v], LETTERS[YV])
    numbers = data(y=pd.Series(Y).astype(pd.CategoricalDtype([2, 0, 1])), yv=YV)
    assert numbers.classes.tolist() == [2, 0, 1]
    assert numbers.classes.dtype.kind == "i"
    np.testing.assert_array_equal(numbers.classes[numbers.labels], Y)


@pytest.mark.parametrize("dtype", ["Int64", "Int8", "boolean", "category", "object", "string"])
def test_a_missing_label_is_named(dtype):
    y = pd.Series(Y % 2).astype("Int64").astype("object" if dtype == "category" else dtype)
    y.iloc[3] = None if dtype in ("object", "category") else pd.NA
    y = y.astype(dtype)
    with pytest.raises(ValueError, match=r"y .*element 3 is .*issing label|y has a missing label"):
        data(y=y, yv=YV % 2)


def test_an_index_does_not_matter_but_is_kept():
    order = np.random.default_rng(0).permutation(N)
    frame = pd.DataFrame(X, index=[f"row {i}" for i in order])
    problem = fb.problems.HyperCleaning(frame, pd.Series(Y), XV, YV)
    plain = fb.problems.HyperCleaning(X, Y, XV, YV)
    x = np.linspace(-1, 1, N)
    weights = problem.row_weights(x)
    assert isinstance(weights, pd.Series)
    assert weights.index.equals(frame.index)
    np.testing.assert_array_equal(weights.to_numpy(), plain.row_weights(x))
    assert isinstance(plain.row_weights(x), np.ndarray)
    assert problem.evaluate_all(x, problem.y0) == plain.evaluate_all(x, plain.y0)


def test_corrupted_labels_come_back_as_a_series():
    y = pd.Series(LETTERS[Y], index=np.arange(N) + 100)
    noisy, corrupted = fb.datasets.corrupt_labels(y, 0.5)
    plain, wrong = fb.datasets.corrupt_labels(LETTERS[Y], 0.5)
    assert noisy.index.equals(y.index)
    assert corrupted.index.equals(y.index)
    np.testing.assert_array_equal(noisy.to_numpy(), plain)
    np.testing.assert_array_equal(corrupted.to_numpy(), wrong)


def test_series_are_vectors_wherever_vectors_are():
    weight = pd.Series(np.arange(N) + 1.0).convert_dtypes()
    got = data(sample_weight=weight)
    np.testing.assert_allclose(got.weight, (np.arange(N) + 1.0) / np.mean(np.arange(N) + 1.0))
    problem = fb.problems.Quadratic.random(2, 3)
    x, y = np.array([0.5, -1.0]), np.arange(3.0)
    expected = problem.value_upper(x, y)
    assert problem.value_upper(pd.Series(x).astype("Float64"), pd.Index(y)) == expected
    assert fb.minimize(problem, pd.Series(x), maxiter=0).x.tolist() == x.tolist()


# -- other libraries ----------------------------------------------------------------------------


def test_polars_tables():
    pl = pytest.importorskip("polars")
    got = data(X=pl.DataFrame(X), Xv=pl.DataFrame(XV), y=pl.Series(LETTERS[Y]), yv=LETTERS[YV])
    assert_canonical(got.X, X, np.float64)
    np.testing.assert_array_equal(got.classes[got.labels], LETTERS[Y])
    hole = pl.DataFrame(X).with_columns(pl.when(pl.col("column_1") > -9).then(None).alias("z"))
    with pytest.raises((TypeError, ValueError), match="X "):
        data(X=hole, Xv=np.column_stack([XV, XV[:, 0]]))


def test_pyarrow_tables():
    pa = pytest.importorskip("pyarrow")
    table = pa.table({str(i): column for i, column in enumerate(X.T)})
    got = data(X=table, y=pa.array(LETTERS[Y]), yv=pa.array(LETTERS[YV]))
    assert_canonical(got.X, X, np.float64)
    np.testing.assert_array_equal(got.classes[got.labels], LETTERS[Y])


def test_objects_with_an_array():
    class Holder:
        def __init__(self, array):
            self.array = array

        def __array__(self, dtype=None, copy=None):
            return self.array if dtype is None else self.array.astype(dtype)

    got = data(X=Holder(X), y=Holder(Y), sample_weight=Holder(np.ones(N)))
    assert_canonical(got.X, X, np.float64)
    np.testing.assert_array_equal(got.labels, data().labels)
