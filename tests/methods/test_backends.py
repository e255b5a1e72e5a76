"""Every method on device arrays ends where the reference does, on data of every kind."""

from __future__ import annotations

import functools
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from backends import array_library
from methods.test_every_method import BUSY

import fastbilevel as fb

DEVICES = ["emulated", pytest.param("cuda", marks=pytest.mark.gpu)]
DTYPES = [np.float32, np.float64]
# Rows, features, classes: odd, and not multiples of a warp.
N, M, D, C = 37, 23, 7, 3
BATCHES = {"batch_size": 10, "val_batch_size": 9, "maxiter": 4, "seed": 3}
TOLERANCE = {np.float32: 2e-4, np.float64: 1e-9}
PROBLEMS = {
    "penalties": (fb.problems.LearnToRegularize, {"penalty": "both"}),
    "weights": (fb.problems.HyperCleaning, {"reg": 0.05, "weights": "softmax"}),
    "power": (fb.problems.LpRegression, {"power": 3.0, "reg": 0.05, "weights": "sigmoid"}),
}


@functools.cache
def data(problem, sparse, dtype):
    """X, y, Xv, yv; sparse data have an empty row and an empty column."""
    rng = np.random.default_rng(5)
    X, Xv = (rng.standard_normal((n, D)).astype(dtype) for n in (N, M))
    if problem == "power":
        y, yv = ((Z @ np.arange(D)).astype(dtype) for Z in (X, Xv))
    else:
        y, yv = np.arange(N) % C, np.arange(M) % C
    if sparse:
        X, Xv = (np.where(np.abs(Z) < 0.7, 0, Z) for Z in (X, Xv))
        X[4], X[:, 5], Xv[:, 5] = 0, 0, 0
        X, Xv = sp.csr_matrix(X), sp.csr_matrix(Xv)
    return X, y, Xv, yv


def placed(xp, arrays):
    if xp is np:
        return arrays
    sparse = sys.modules["cupyx.scipy.sparse"]
    return [sparse.csr_matrix(a) if sp.issparse(a) else xp.asarray(a) for a in arrays]


def run(backend, problem, sparse, dtype, method, **options):
    """x, y and the direction after a few iterations, and the result."""
    kind, arguments = PROBLEMS[problem]
    with array_library(backend) as xp:
        if backend == "cuda" and sparse:
            import cupyx.scipy.sparse  # noqa: F401
        made = kind(*placed(xp, data(problem, sparse, dtype)), **arguments)
        result = fb.minimize(made, method=method, **{**BATCHES, **options})
        outputs = result.x_last, result.y_last, result.jac
        assert {type(a) for a in (*outputs, result.x, result.y)} == {xp.ndarray}
        assert {a.dtype for a in outputs} == {np.dtype(dtype)}
        assert result.backend == {"reference": "reference"}.get(backend, "cuda")
        assert result.versions.get("cupy") == (None if xp is np else xp.__version__)
        if xp is not np:
            outputs = [a.get() for a in outputs]
        return [np.array(a) for a in outputs], dict(result.oracle_calls), result.history["fun"]


@functools.cache
def of_reference(problem, sparse, dtype, method, options):
    return run("reference", problem, sparse, dtype, method, **dict(options))


def assert_same_run(backend, problem, sparse, dtype, method, **options):
    arrays, calls, losses = run(backend, problem, sparse, dtype, method, **options)
    # The reference takes the same steps in the same dtype; a device rounds at other places.
    expected, their_calls, their_losses = of_reference(
        problem, sparse, dtype, method, tuple(options.items())
    )
    assert calls == their_calls
    for got, wanted in zip((*arrays, losses), (*expected, their_losses), strict=True):
        assert np.isfinite(wanted).all()
        size = np.abs(wanted).max()
        np.testing.assert_allclose(got, wanted, rtol=0, atol=TOLERANCE[dtype] * size)


@pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "csr"])
@pytest.mark.parametrize("method", fb.methods.list())
@pytest.mark.parametrize("backend", DEVICES)
def test_every_method_takes_the_steps_of_the_reference(backend, method, sparse, dtype):
    # One kind of data each for the two problems with fused oracles of their own.
    problem = "penalties" if sparse == (dtype is np.float32) else "weights"
    assert_same_run(backend, problem, sparse, dtype, method, **options_of(method))


def options_of(method):
    """The busy options, with steps that suit these problems."""
    options = dict(BUSY[method])
    options["lr" if method == "bome" else "lr_x"] = 0.05
    for name in ("lr_y", "lr_z", "lr_v"):
        if isinstance(options.get(name), float):
            options[name] *= 0.5
    return options


@pytest.mark.parametrize("method", ["f2sa-p", "f3sa", "bome", "stocbio", "unibio"])
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "csr"])
@pytest.mark.parametrize("backend", DEVICES)
def test_composed_oracles_on_a_device(backend, method, sparse):
    steps = ("lr_inner", "lr") if method == "bome" else ("lr_y", "lr_x")
    options = {**dict.fromkeys(steps, 0.002), "maxiter": 3}
    assert_same_run(backend, "power", sparse, np.float64, method, **options)


@pytest.mark.parametrize("sampling", ["replacement", "epochs"])
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "csr"])
@pytest.mark.parametrize("method", ["f2sa-p", "soba"])
@pytest.mark.parametrize("backend", DEVICES)
def test_the_minibatches_are_those_of_the_host(backend, method, sparse, sampling):
    """Other rows would give other steps: the tolerance is that of float64."""
    options = {"lr_y": 0.1, "sampling": sampling}
    assert_same_run(backend, "weights", sparse, np.float64, method, **options)


@pytest.mark.parametrize("order", range(1, 11))
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("backend", DEVICES)
def test_every_order(backend, order, shared):
    options = {"order": order, "shared_samples": shared, "lr_y": 0.1, "inner_steps": 3, "nu": 0.02}
    assert_same_run(backend, "penalties", order % 2 == 0, np.float64, "f2sa-p", **options)


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "csr"])
@pytest.mark.parametrize("backend", DEVICES)
def test_the_same_bits_twice(backend, sparse):
    runs = [
        run(backend, "penalties", sparse, np.float32, "f2sa-p", lr_y=0.1, order=3) for _ in "12"
    ]
    for first, second in zip(*(arrays for arrays, _, _ in runs), strict=True):
        np.testing.assert_array_equal(first, second)


def test_orders_that_do_not_fit_a_launch_are_refused():
    with pytest.raises(ValueError, match="at most 63 on a device"):
        run("emulated", "penalties", False, np.float64, "f2sa-p", order=64 + 1)


def test_a_callback_sees_device_arrays_and_can_stop():
    seen = []

    def note(*, intermediate_result):
        seen.append(type(intermediate_result.x))
        return len(seen) == 2

    with array_library("emulated") as xp:
        made = fb.problems.LearnToRegularize(*placed(xp, data("penalties", False, np.float64)))
        result = fb.minimize(made, batch_size=10, record_every=1, maxiter=5, callback=note)
        assert (result.status.name, result.nit) == ("CALLBACK", 2)
        assert seen == [xp.ndarray] * 2


def test_the_callers_functions_get_device_arrays():
    """phi(x) = (x - 1)^2 / 2 + x^2 / 2 with y* = x, by plain functions; bounds by one too."""
    with array_library("emulated") as xp:
        kinds = set()

        def f_y(_, x, y, rows):
            kinds.update(map(type, (x, y, rows)))
            return y - 1.0

        problem = fb.problems.Problem(
            None,
            grad_lower_y=lambda _, x, y, rows: y - x,
            grad_upper_y=f_y,
            grad_lower_x=lambda _, x, y, rows: x - y,
            grad_upper_x=lambda _, x, y, rows: x,
            value_upper=lambda _, x, y, rows: 0.5 * ((y - 1.0) ** 2 + x**2).sum(),
            x0=xp.zeros(1),
            y0=xp.zeros(1),
        )
        options = {"maxiter": 60, "lr_y": 0.5, "lr_x": 0.3, "nu": 1e-3, "normalize": False}
        result = fb.minimize(problem, **options)
        assert float(result.x_last[0]) == pytest.approx(0.5, abs=1e-6)
        below = fb.minimize(problem, bounds=lambda x: xp.minimum(x, 0.25), **options)
        assert float(below.x_last[0]) == 0.25
        assert kinds == {xp.ndarray}


@pytest.mark.filterwarnings("ignore::fastbilevel._numerics.curvature.ConditioningWarning")
def test_a_hard_instance_runs_where_its_start_is():
    from fastbilevel.problems import hard

    options = {"method": "f3sa", "maxiter": 20, "lr_z": 0.1, "lr_x": 0.05}
    with array_library("reference"):
        instances = (
            hard.ZeroChain(6),
            hard.PolyakLojasiewicz(),
            hard.UniformlyConvex(3.0, noise=0.1),
            hard.Separable(hard.CarmonChain(4), probability=0.5),
            hard.YStarOracle(hard.CarmonChain(4)),
        )
    for instance in instances:
        sizes = {"batch_size": 2, "val_batch_size": 2} if instance.infinite else {}
        expected = fb.minimize(instance, instance.x0, **options, **sizes)
        with array_library("emulated") as xp:
            start = xp.asarray(instance.x0)
            result = fb.minimize(instance, start, **options, **sizes)
            assert result.backend == "cuda"
            x = result.x_last.get()
        np.testing.assert_allclose(x, expected.x_last, rtol=1e-10, atol=1e-14)


def test_estimates_and_checks_on_a_device():
    """`solve_lower`, both hypergradients and `check_problem`, against the closed form."""
    host = fb.problems.Quadratic.random(3, 4)
    x = np.array([0.3, -0.2, 0.5])
    with array_library("emulated") as xp:
        problem = fb.problems.Quadratic(
            *(xp.asarray(a) for a in (host._H, host._B, host._F, host._c, host._b, host._R))
        )
        point = xp.asarray(x)
        y = fb.solve_lower(problem, point)
        implicit = fb.hypergradient(problem, point, method="implicit")
        differences = fb.hypergradient(problem, point, order=4, nu=0.005)
        gradient = problem.grad_lower_y(point, y)
        outputs = y, implicit, differences, gradient
        assert {type(a) for a in outputs} == {xp.ndarray}
        y, implicit, differences, gradient = (a.get() for a in outputs)
        fb.testing.check_problem(problem)
        dense = fb.problems.LearnToRegularize(*placed(xp, data("penalties", False, np.float64)))
        fb.testing.check_problem(dense)
    np.testing.assert_allclose(y, host.lower_solution(x), rtol=1e-7)
    assert np.abs(gradient).max() < 1e-8
    for estimate in (implicit, differences):
        np.testing.assert_allclose(estimate, host.hypergradient(x), rtol=1e-6)


def test_data_on_a_device_are_checked_there():
    X, y, Xv, yv = data("penalties", False, np.float64)
    with array_library("emulated") as xp:
        bad = X.copy()
        bad[4, 2] = np.nan
        arrays = placed(xp, (bad, y, Xv, yv))
        with pytest.raises(ValueError, match=r"X contains NaN \(first at row 4, col 2\)"):
            fb.problems.LearnToRegularize(*arrays)
        with pytest.raises(ValueError, match="two axes"):
            fb.problems.LearnToRegularize(arrays[2][0], *arrays[1:])
        with pytest.raises(ValueError, match="one label per row"):
            fb.problems.LearnToRegularize(arrays[2][:5], *arrays[1:])
        # Lists go with arrays of any library; other orders and dtypes are converted there.
        half, single = xp.asarray(X.astype("f2")), xp.asarray(np.asfortranarray(Xv, "f4"))
        problem = fb.problems.LearnToRegularize(half, y.tolist(), single, yv.tolist())
        assert problem.dtype == np.float32
        assert isinstance(problem.x0, xp.ndarray)
        same = fb.problems.LearnToRegularize(xp.asarray(X), y.tolist(), Xv.tolist(), yv.tolist())
        assert same.value_upper(same.x0, same.y0) == pytest.approx(np.log(C))
        with pytest.warns(UserWarning, match="share memory"):
            fb.problems.LearnToRegularize(arrays[2], arrays[3], arrays[2], arrays[3])


def test_data_are_copied_to_the_device_once():
    """Arrays that a problem made anew in every call would pile up there."""
    host = fb.problems.Quadratic.random(3, 4)
    with array_library("emulated") as xp:
        made = [
            kind(*placed(xp, data(name, sparse, np.float64)), **arguments)
            for name, (kind, arguments) in PROBLEMS.items()
            for sparse in (False, True)
        ]
        made.append(fb.problems.Quadratic(*(xp.asarray(a) for a in (host._H, host._B, host._F))))
        instance = fb.problems.hard.PolyakLojasiewicz()
        made.append(instance.following(xp.asarray(instance.x0)))
        for problem in made:
            problem.value_lower(problem.x0, problem.y0)
            copies = len(problem._mirror._copies)
            assert copies > 0
            problem.grad_lower_y(problem.x0, problem.y0)
            problem.value_lower(problem.x0, problem.y0)
            assert len(problem._mirror._copies) == copies
