"""Problems are values: they travel to other processes, are copied, and say what they are."""

import concurrent.futures
import copy
import multiprocessing
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from small_problems import every_problem

import fastbilevel as fb

# Functions made inside others do not pickle; those that do have a test of their own.
PROBLEMS = {name: make() for name, make in every_problem().items() if name != "Problem"}


def computed(problem):
    """What a problem computes at a point: every oracle, the metrics, and a start."""
    x, y = problem.start()
    x, y = x + 0.25, y + 0.5
    rows = np.array([0])
    found = {"start": np.concatenate(problem.start()), **problem.evaluate_all(x, y)}
    for name in sorted(problem.oracles):
        vectors = (x, y, y) if name.startswith(("hvp", "jvp")) else (x, y)
        found[name] = problem.evaluate(name, *vectors)
        found[f"{name}, one sample"] = problem.evaluate(name, *vectors, rows=rows)
    return found


def assert_same(left, right):
    assert left.keys() == right.keys()
    for name, value in left.items():
        np.testing.assert_array_equal(value, right[name], err_msg=name)


@pytest.mark.parametrize("travel", [
    lambda problem: pickle.loads(pickle.dumps(problem)),
    lambda problem: pickle.loads(pickle.dumps(problem, protocol=2)),
    copy.deepcopy,
    copy.copy,
], ids=["pickle", "protocol 2", "deepcopy", "copy"])  # fmt: skip
@pytest.mark.parametrize("name", PROBLEMS)
def test_a_copy_computes_the_same(name, travel):
    problem = PROBLEMS[name]
    fresh = travel(problem)
    before = computed(problem)
    used = travel(problem)
    for other in (fresh, used):
        assert type(other) is type(problem)
        assert repr(other) == repr(problem)
        assert_same(computed(other), before)
    assert_same(computed(problem), before)


def test_a_copy_is_compiled_for_the_same_types():
    """Arrays that were read-only are so again: kernels are compiled for these only."""
    problem = PROBLEMS["LearnToRegularize"]
    other = pickle.loads(pickle.dumps(problem))

    def flags(value):
        if isinstance(value, tuple):
            return [flag for each in value for flag in flags(each)]
        return [value.flags.writeable] if isinstance(value, np.ndarray) else []

    assert flags(problem._sides)
    assert flags(other._sides) == flags(problem._sides) == [False] * len(flags(problem._sides))
    assert flags(other._penalty) == flags(problem._penalty)


def test_copies_share_nothing_that_is_written():
    problem = fb.problems.Quadratic.random(2, 3)
    other = copy.deepcopy(problem)
    other._H[...] = 0.0
    other.x0 = np.ones(2)
    assert problem._H.any()
    np.testing.assert_array_equal(problem.x0, 0.0)


def test_worker_processes_compute_the_same():
    """In processes started anew, by `concurrent.futures` and by joblib where it is installed."""
    sent = [PROBLEMS[name] for name in ("LearnToRegularize", "Quadratic", "SinePL")]
    points = [problem.start() for problem in sent]
    expected = [p.value_upper(*at) for p, at in zip(sent, points, strict=True)]
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        jobs = [pool.submit(p.value_upper, *at) for p, at in zip(sent, points, strict=True)]
        assert [job.result() for job in jobs] == expected


def test_joblib_workers_compute_the_same():
    joblib = pytest.importorskip("joblib")
    # Large enough for joblib to hand the data over as a read-only memory map.
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((300, 900)), np.arange(300) % 2
    problem = fb.problems.LearnToRegularize(X[:200], y[:200], X[200:], y[200:])
    at = problem.start()
    found = joblib.Parallel(n_jobs=2)(joblib.delayed(problem.value_upper)(*at) for _ in range(2))
    assert found == [problem.value_upper(*at)] * 2


def g_y(data, x, y, rows):
    return y - x


def f_y(data, x, y, rows):
    return y - data


def g_x(data, x, y, rows):
    return x - y


def test_functions_that_pickle_make_a_problem_that_pickles():
    import numba

    for wrap in (lambda function: function, numba.njit):
        problem = fb.problems.Problem(
            np.ones(1), grad_lower_y=wrap(g_y), grad_upper_y=wrap(f_y), grad_lower_x=wrap(g_x),
            x0=[2.0], y0=[0.0],
        )  # fmt: skip
        before = problem.grad_lower_y([2.0], [0.5])
        other = pickle.loads(pickle.dumps(problem))
        assert other.compiled == problem.compiled
        np.testing.assert_array_equal(other.grad_lower_y([2.0], [0.5]), before)
        np.testing.assert_array_equal(other.grad_upper_y([2.0], [0.5]), [-0.5])


def test_results_travel():
    problem = fb.problems.Quadratic.random(2, 3)
    result = fb.minimize(problem, maxiter=2, lr_x=fb.schedules.Power(0.1, 0.5))
    other = pickle.loads(pickle.dumps(result))
    assert other.keys() == result.keys()
    np.testing.assert_array_equal(other.x, result.x)
    assert other.options == result.options
    assert other.status is result.status


@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
def test_a_problem_says_what_it_is(convert):
    X = np.eye(6, 4, dtype=np.float32)
    y = np.arange(6) % 3
    problem = fb.problems.LearnToRegularize(convert(X[:4]), y[:4], convert(X[3:].copy()), y[3:])
    said = repr(problem)
    nonzeros = "nonzeros=5, " if convert is sp.csr_array else ""
    assert said == (
        f"LearnToRegularize(penalty=feature, reduction=mean, rows=4, validation_rows=3, {nonzeros}"
        "features=4, classes=3, dtype=float32, arrays=NumPy)"
    )
    page = problem._repr_html_()
    assert page.startswith("<table><caption>LearnToRegularize</caption><tr><th>penalty</th>")
    assert "<th>rows</th><td>4</td>" in page


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_problem_prints_its_class_and_where_it_is(name):
    problem = PROBLEMS[name]
    said = repr(problem)
    assert said.startswith(f"{type(problem).__name__}(")
    assert "dtype=float64, arrays=NumPy" in said
    assert " at 0x" not in said
