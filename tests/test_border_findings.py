"""What a user's trial of the border found, one test each."""

import copy
import time

import numpy as np
import pytest
import scipy.sparse as sp
from small_data import XV, YV, M, N, X, Y, problem

import fastbilevel as fb
from fastbilevel._checks.values import check_number

Q = fb.problems.Quadratic.random(3, 4)


@pytest.mark.parametrize(
    ("method", "option"),
    [("unibio", "lower_budget"), ("bsa", "inner_steps"), ("prox-f2sa", "outer_batches")],
)
@pytest.mark.parametrize("value", [1e19, lambda k: 1e300], ids=["number", "schedule"])
def test_counts_beyond_what_arrays_hold(method, option, value):
    with pytest.raises(ValueError, match=f"{option} must be at most 2147483647"):
        fb.minimize(Q, method=method, **{option: value})


def test_steps_beyond_what_arrays_hold():
    with pytest.raises(ValueError, match="inner_steps must be at most 2147483647; got"):
        fb.F2SA(inner_steps=2**31)


def test_durations_and_dates_are_no_numbers():
    for value in (np.timedelta64(3, "ns"), np.datetime64(3, "ns"), np.timedelta64(3)):
        for name in ("maxiter", "time_limit", "seed", "lr_x", "inner_steps"):
            with pytest.raises(TypeError, match=f"{name} must be"):
                fb.minimize(Q, **{name: value})
        with pytest.raises(TypeError, match="lr_x is a schedule"):
            fb.minimize(Q, lr_x=lambda k, value=value: value)


def test_sparse_frames_of_other_than_real_numbers():
    pd = pytest.importorskip("pandas")
    for value in (1j, "a"):
        column = np.array([value] + [0] * (N - 1), object if value == "a" else complex)
        frame = pd.DataFrame({"odd": pd.arrays.SparseArray(column, fill_value=0)})
        with pytest.raises(TypeError, match="X must hold real numbers; its column 'odd'"):
            problem(X=frame, Xv=sp.csr_array(np.ones((M, 1))))


@pytest.mark.parametrize("dtype", [np.int64, "float16", complex, "abc", X, ","])
def test_a_problem_is_converted_to_floats_only(dtype):
    for each in (problem(), Q):
        with pytest.raises(TypeError, match="dtype must be float32 or float64"):
            each.astype(dtype)


def test_masks_one_level_down():
    masked = np.ma.masked_array(X[0], mask=[1, 0, 0, 0, 0])

    class Holder:
        shape = X.shape

        def __array__(self, dtype=None, copy=None):
            return np.ma.masked_array(X)

    with pytest.raises(TypeError, match="X must not be a masked array"):
        problem(X=[masked, *X[1:]])
    with pytest.raises(TypeError, match="X must not be a masked array"):
        problem(X=Holder())
    with pytest.raises(TypeError, match="grad_lower_y returns must not be a masked array"):
        fb.problems.Problem(
            None, grad_lower_y=lambda *a: np.ma.masked_array([1.0], mask=[True]),
            grad_upper_y=lambda *a: np.ones(1), grad_lower_x=lambda *a: np.ones(1),
            x0=[0.0], y0=[0.0],
        )  # fmt: skip


@pytest.mark.parametrize(
    "labels",
    [
        [2**63, 2**63 + 1, -1],
        [2**53, 2**53 + 1, 1.0],
        ["a\0", "a", "b"],
    ],
)
def test_distinct_labels_stay_distinct(labels):
    for make in (list, lambda values: np.array(values, object)):
        p = problem(y=make(labels * (N // 3)), yv=make(labels[:1] * M))
        assert sorted(p.classes.tolist()) == sorted(labels)


def test_strings_and_bytes_are_two_kinds():
    with pytest.raises(TypeError, match=r"one kind.*bytes, str"):
        problem(y=np.array(["1", b"1"] * (N // 2), object), yv=["1"] * M)


def test_options_keep_nothing_of_the_callers():
    lower = np.zeros(3)
    options = fb.ProxF2SA(lower_projection=(lower, np.ones(3)))
    lower[:] = 99
    assert options == fb.ProxF2SA(lower_projection=(np.zeros(3), [1.0] * 3))
    assert hash(options) == hash(fb.ProxF2SA(lower_projection=((0.0,) * 3, (1.0,) * 3)))
    with pytest.raises(TypeError, match="lower_projection must be None, a pair"):
        fb.ProxF2SA(lower_projection=["a", 1, 2])
    ragged = fb.ProxF2SA(lower_projection=([[1], [1, 2]], 1))
    with pytest.raises(ValueError, match="lower_projection: The lower bound could not be read"):
        fb.minimize(Q, method=ragged)


def test_columns_in_another_order():
    pd = pytest.importorskip("pandas")
    train = pd.DataFrame(X, columns=list("abcde"))
    val = pd.DataFrame(XV, columns=list("edcba"))
    with pytest.raises(ValueError, match=r"Xv must have the columns of X.*Xv\[X\.columns\]"):
        problem(X=train, Xv=val)
    other = pd.DataFrame(XV, columns=list("vwxyz"))
    with pytest.raises(ValueError, match="Xv must have the columns of X"):
        problem(X=train, Xv=other)
    assert problem(X=train, Xv=val[train.columns]).n_lower == N


@pytest.mark.parametrize("dtype", ["category", "Int64", "string", "Int8"])
def test_corrupted_labels_keep_their_dtype(dtype):
    pd = pytest.importorskip("pandas")
    y = pd.Series(Y).astype(dtype)
    if dtype == "category":
        y = y.cat.reorder_categories([2, 0, 1], ordered=True)
    noisy, _ = fb.datasets.corrupt_labels(y, 0.5)
    assert noisy.dtype == y.dtype


def test_tuples_of_other_classes_keep_theirs():
    moment = time.gmtime(0)
    p = fb.problems.Problem(
        (moment, np.ones(1)), grad_lower_y=lambda d, x, y, r: y - x,
        grad_upper_y=lambda d, x, y, r: y, grad_lower_x=lambda d, x, y, r: x - y,
        x0=[1.0], y0=[0.0],
    )  # fmt: skip
    assert type(copy.copy(p).data[0]) is time.struct_time


def test_closed_forms_check_their_points():
    hard = fb.problems.hard
    with pytest.raises(TypeError, match="x must hold real numbers"):
        hard.UniformlyConvex(4).generalized_hessian("a", [1.0])
    for each in (hard.UniformlyConvex(4), hard.Nasty(), hard.SinePL()):
        for x in ("a", 1j, np.ma.masked_array([1.0], mask=[True])):
            with pytest.raises(TypeError, match="x must"):
                each.phi(x)
    with pytest.raises(TypeError, match="x must hold real numbers"):
        Q.metrics("a", np.zeros(4))


def test_categories_of_bytes_and_intervals():
    pd = pytest.importorskip("pandas")
    kind = pd.CategoricalDtype([b"b", b"a", b"c"])
    p = problem(y=pd.Categorical([b"a", b"b", b"c"] * (N // 3), dtype=kind), yv=[b"a"] * M)
    assert p.classes.tolist() == [b"b", b"a", b"c"]
    with pytest.raises(TypeError, match=r"y must hold labels .*Interval.*str\(v\)"):
        problem(y=pd.Series(pd.cut(np.arange(N), 3)), yv=YV)
    with pytest.raises(TypeError, match="y must hold labels"):
        problem(y=pd.Series(pd.interval_range(0, N)), yv=YV)


def test_a_schedule_beyond_floats_and_one_of_its_own_class():
    with pytest.raises(ValueError, match="lr_x must be positive and finite; it is inf"):
        fb.minimize(Q, lr_x=lambda k: 10**400)

    class Halved(fb.schedules.Constant):
        def __call__(self, k):
            return self.c if k == 0 else self.c / 2

    run = fb.minimize(Q, lr_x=Halved(0.1), maxiter=3)
    same = fb.minimize(Q, lr_x=lambda k: 0.1 if k == 0 else 0.05, maxiter=3)
    np.testing.assert_array_equal(run.x_last, same.x_last)


def test_theory_beyond_floats():
    for wrong in ({"eps": 1e-300}, {"sigma": 1e300}, {"order": 2000}):
        with pytest.raises(ValueError, match="lead beyond the range of floats"):
            fb.schedules.theory("f2sa-p", Q, **wrong)


def test_a_function_with_other_arguments_is_named():
    import numba

    named = {
        "grad_upper_y": lambda d, x, y, r: y, "grad_lower_x": lambda d, x, y, r: x, "x0": [1.0],
        "y0": [0.0],
    }  # fmt: skip
    for function in (lambda x, y: y, numba.njit(lambda x, y: y)):
        with pytest.raises(TypeError, match=r"grad_lower_y\(data, x, y, rows\) at \(x0, y0\)"):
            fb.problems.Problem(None, grad_lower_y=function, **named)


@pytest.mark.parametrize(
    "callback",
    [lambda: None, lambda x, c: None, lambda *, other: None, lambda **named: None],
)
def test_a_callback_of_another_arity_is_refused_before_work(callback):
    with pytest.raises(TypeError, match=r"callback\(x\) or callback\(intermediate_result=...\)"):
        fb.minimize(Q, maxiter=0, callback=callback)


def test_sentences_with_the_way_out():
    with pytest.raises(ValueError, match="X looks transposed"):
        problem(X=X.T, Xv=np.ones((3, N)))
    with pytest.raises(ValueError, match=r"If rows are features, pass X\.T and Xv\.T"):
        problem(X=np.ones((4, N)), Xv=np.ones((4, M)))
    with pytest.raises(ValueError, match="x0 must be finite in float32; element 0 is 1e"):
        fb.minimize(problem(X=X.astype("f4"), Xv=XV.astype("f4")), np.full(5, 1e300))
    with pytest.raises(
        ValueError, match=r"X contains infinity .*1e.300 is beyond .* float32\. Scale"
    ):
        problem(X=np.full(X.shape, 1e300), dtype="float32")
    with pytest.raises(ValueError, match=r"^bounds: The lower bound must be a number or have"):
        fb.minimize(Q, bounds=([0] * 4, [1] * 4))
    with pytest.raises(TypeError, match=r"y0 must be an array .*Pass one of its values, .x or .y"):
        fb.minimize(Q, y0=fb.minimize(Q, maxiter=0))
    with pytest.raises(TypeError, match="Did you mean f2sa"):
        fb.minimize(Q, method="F2SA")
    with pytest.raises(TypeError, match="x0 must hold real numbers; got the class float64"):
        fb.minimize(Q, x0=np.float64)
    with pytest.raises(ValueError, match=r"v must be in \(-inf, 2\]; got 3"):
        check_number("v", 3.0, most=2)
    with pytest.raises(TypeError, match="Ball needs radius"):
        fb.projections.Ball()
    with pytest.raises(TypeError, match="Unknown argument of Power: 'decay'"):
        fb.schedules.Power(1.0, 0.5, decay=3)


def test_subclasses_of_int_become_int():
    import enum

    order = enum.IntEnum("Orders", ["ONE", "TWO"]).TWO
    assert type(fb.F2SAp(order=order).order) is int
    assert fb.F2SAp(order=np.array(np.int64(2), object)).order == 2


def test_sparse_matrices_whose_parts_do_not_fit():
    matrix = sp.csr_array(X)
    matrix.data = matrix.data.reshape(2, -1)
    with pytest.raises(ValueError, match=r"X\.data has shape"):
        problem(X=matrix, Xv=sp.csr_array(XV))
    triplets = sp.coo_array(X)
    triplets.data = triplets.data[:-1]
    with pytest.raises(ValueError, match="X must have as many row indices as values, 59; got 60"):
        problem(X=triplets, Xv=sp.csr_array(XV))


def test_a_singular_quadratic_is_named():
    flat = fb.problems.Quadratic(np.zeros((1, 1)), np.ones((1, 1)), np.ones((1, 1)))
    with pytest.raises(ValueError, match=r"H \+ weight F must be invertible"):
        flat.lower_solution([0.0])
    free = fb.problems.Quadratic(np.eye(1), np.zeros((1, 1)), np.eye(1))
    with pytest.raises(ValueError, match="The Hessian of phi must be invertible"):
        free.solution()
