"""The one call: results, stopping rules, reproducibility."""

import logging
import pickle
import time

import numpy as np
import pytest
from scipy.optimize import OptimizeResult

import fastbilevel as fb
from fastbilevel._run import engine as _engine
from fastbilevel.methods._options import option_names

FIELDS = {
    "x",
    "y",
    "fun",
    "jac",
    "x_last",
    "y_last",
    "nit",
    "success",
    "status",
    "message",
    "oracle_calls",
    "history",
    "timings",
    "hypergrad_error",
    "method",
    "options",
    "backend",
    "versions",
}


@pytest.fixture
def problem():
    return fb.problems.Quadratic.random(4, 5, n=40, spread=0.2)


def test_result_has_every_field_and_pickles(problem):
    result = fb.minimize(problem, maxiter=25)
    assert isinstance(result, OptimizeResult)
    assert set(result) >= FIELDS
    again = pickle.loads(pickle.dumps(result))
    np.testing.assert_array_equal(again.x, result.x)
    assert again.status is fb.Status.MAXITER
    assert result.options["lr_y"] > 0
    assert set(result.versions) >= {"fastbilevel", "numpy", "numba", "scipy", "python"}


def test_best_pair_is_the_best_record_and_its_value_is_exact(problem):
    result = fb.minimize(problem, batch_size=4, val_batch_size=4, lr_x=0.3, maxiter=60)
    assert result.fun == result.history["fun"].min()
    assert result.fun == pytest.approx(problem.value_upper(result.x, result.y), rel=1e-14)


def test_history_has_a_row_per_record_and_one_for_the_end(problem):
    history = fb.minimize(problem, maxiter=25, record_every=10).history
    np.testing.assert_array_equal(history["nit"], [10, 20, 25])
    assert {len(column) for column in history.values()} == {3}
    assert (np.diff(history["time"]) >= 0).all()


def test_no_iterations_return_the_start():
    problem = fb.problems.Quadratic.random(4, 5)
    result = fb.minimize(problem, x0=np.ones(4), maxiter=0)
    np.testing.assert_array_equal(result.x, np.ones(4))
    assert not result.success
    assert result.status == fb.Status.MAXITER
    assert result.nit == 0
    assert result.fun == pytest.approx(problem.value_upper(result.x, result.y))


def test_tol_is_the_only_success(problem):
    options = {"lr_x": 0.3, "normalize": False, "inner_steps": 30}
    converged = fb.minimize(problem, tol=1e-6, maxiter=2000, **options)
    assert converged.success
    assert converged.status == fb.Status.CONVERGED
    assert converged.history["grad_norm"][-1] < 1e-6
    assert (converged.history["grad_norm"][:-1] >= 1e-6).all()
    ended = fb.minimize(problem, tol=1e-6, maxiter=20, **options)
    assert not ended.success


def test_same_seed_same_bits_on_any_number_of_threads_and_chunks(problem, monkeypatch):
    options = {"batch_size": 5, "val_batch_size": 5, "maxiter": 37, "order": 3}
    first = fb.minimize(problem, seed=3, **options)
    for threads in (1, -1):
        again = fb.minimize(problem, seed=3, n_threads=threads, **options)
        np.testing.assert_array_equal(first.x_last, again.x_last)
        np.testing.assert_array_equal(first.y_last, again.y_last)
    monkeypatch.setattr(_engine, "CHUNK_SECONDS", 0.0)
    cut = fb.minimize(problem, seed=3, **options)
    np.testing.assert_array_equal(first.x_last, cut.x_last)
    np.testing.assert_array_equal(first.history["fun"], cut.history["fun"])
    other = fb.minimize(problem, seed=4, **options)
    assert not np.array_equal(first.x_last, other.x_last)


def test_seeds_of_every_kind(problem):
    options = {"batch_size": 5, "val_batch_size": 5, "maxiter": 5}
    sequence = fb.minimize(problem, seed=np.random.SeedSequence(7), **options)
    number = fb.minimize(problem, seed=7, **options)
    np.testing.assert_array_equal(sequence.x_last, number.x_last)
    ends = [
        fb.minimize(problem, seed=seed, **options).x_last
        for seed in (None, None, np.random.default_rng(7))
    ]
    assert not np.array_equal(ends[0], ends[1])


def test_callback_by_keyword_sees_the_moment_and_stops(problem):
    seen = []

    def stop_at_20(intermediate_result):
        seen.append(intermediate_result.nit)
        return intermediate_result.nit >= 20

    result = fb.minimize(problem, maxiter=100, callback=stop_at_20)
    assert seen == [10, 20]
    assert result.status == fb.Status.CALLBACK
    assert result.nit == 20


def test_callback_with_x_and_stop_iteration(problem):
    def stop(x):
        assert x.shape == (4,)
        raise StopIteration

    assert fb.minimize(problem, maxiter=100, callback=stop).nit == 10


def test_callback_error_carries_the_partial_result(problem):
    def fail(intermediate_result):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine") as caught:
        fb.minimize(problem, maxiter=100, callback=fail)
    assert caught.value.partial_result.nit == 10


def test_time_limit_ends_the_run(problem):
    result = fb.minimize(problem, maxiter=10**9, record_every=1000, time_limit=0.05)
    assert result.status == fb.Status.TIME_LIMIT
    assert result.timings["run"] < 2.0
    assert result.history["nit"][-1] == result.nit


def test_divergence_returns_the_best_finite_pair(problem):
    result = fb.minimize(problem, lr_y=50.0, maxiter=2000, record_every=1)
    assert result.status == fb.Status.DIVERGED
    assert not result.success
    assert np.isfinite(result.x).all()
    assert np.isfinite(result.y).all()
    assert np.isfinite(result.fun)
    assert result.fun == pytest.approx(problem.value_upper(result.x, result.y))
    assert "lr_y" in result.message


def test_divergence_before_any_record_returns_the_start(problem):
    result = fb.minimize(problem, lr_y=1e6, maxiter=500, record_every=500)
    assert result.status == fb.Status.DIVERGED
    np.testing.assert_array_equal(result.x, problem.x0)
    assert "at outer iteration" in result.message


def interrupting_problem(after):
    calls = {"n": 0}

    def grad_lower_y(data, x, y, rows):
        calls["n"] += 1
        if calls["n"] == after:
            raise KeyboardInterrupt
        return y - x

    return fb.problems.Problem(
        None,
        grad_lower_y=grad_lower_y,
        grad_upper_y=lambda data, x, y, rows: y - 1,
        grad_lower_x=lambda data, x, y, rows: -y,
        value_upper=lambda data, x, y, rows: 0.5 * float((y - 1) @ (y - 1)),
        x0=[0.0],
        y0=[0.0],
    )


def test_interrupt_returns_what_was_computed():
    result = fb.minimize(interrupting_problem(2000), lr_y=0.5, maxiter=10**6, record_every=5)
    assert result.status == fb.Status.INTERRUPTED
    assert result.nit > 0
    assert result.fun == pytest.approx(0.5 * (result.y[0] - 1) ** 2)


def test_bounds_hold_at_every_iterate():
    problem, points = fb.problems.Quadratic.random(4, 5), []
    result = fb.minimize(
        problem,
        bounds=(-0.01, np.full(4, 0.02)),
        lr_x=0.5,
        maxiter=20,
        record_every=1,
        callback=lambda intermediate_result: points.append(intermediate_result.x_last),
    )
    assert (np.array(points) >= -0.01).all()
    assert (np.array(points) <= 0.02).all()
    assert result.at_bound > 0
    assert "on a bound" in result.message


def test_arguments_are_not_modified_and_outputs_do_not_alias():
    problem = fb.problems.Quadratic.random(4, 4)
    shared = np.linspace(0, 1, 4)
    before = shared.copy()
    result = fb.minimize(problem, shared, shared, maxiter=3)
    np.testing.assert_array_equal(shared, before)
    arrays = [result.x, result.y, result.x_last, result.y_last, result.jac, shared]
    for i, a in enumerate(arrays):
        assert not any(np.shares_memory(a, b) for b in arrays[i + 1 :])
        assert a.flags.writeable


def test_nothing_is_printed_unless_asked(problem, capsys, caplog):
    with caplog.at_level(logging.INFO, logger="fastbilevel"):
        fb.minimize(problem, maxiter=11)
    assert capsys.readouterr() == ("", "")
    assert "f2sa-p" in caplog.text


def test_progress_shows_value_norm_and_rate(problem, capsys, monkeypatch):
    fb.minimize(problem, maxiter=20, progress=True)
    assert "upper" in capsys.readouterr().err
    monkeypatch.setitem(__import__("sys").modules, "tqdm", None)
    fb.minimize(problem, maxiter=20, progress=True)
    assert "iterations/s" in capsys.readouterr().err


def test_method_object_equals_name_with_options(problem):
    a = fb.minimize(problem, method=fb.F2SAp(order=4, lr_y=0.2), maxiter=5)
    b = fb.minimize(problem, method="f2sa-p", order=4, lr_y=0.2, maxiter=5)
    np.testing.assert_array_equal(a.x, b.x)


def test_warmup_compiles_for_a_problem(problem):
    assert fb.warmup(problem) >= 0.0
    start = time.perf_counter()
    fb.minimize(problem, maxiter=1)
    assert time.perf_counter() - start < 2.0


@pytest.mark.parametrize("name", fb.methods.list())
def test_methods_describe_themselves(name):
    described = fb.methods.describe(name)
    assert described.name == name
    assert described.complexity
    assert described.assumptions
    assert {"grad_lower_y", "grad_upper_y"} <= set(described.oracles)
    first_order = "grad_lower_x" in described.oracles
    assert first_order != ({"hvp_lower_yy", "jvp_lower_xy"} <= set(described.oracles))
    text = str(described)
    for part in (described.calls, described.reference, "Parameters", *described.assumptions):
        assert part in text
    for option in option_names(fb.methods.METHODS[name]):
        assert option in text or option in ("batch_size", "val_batch_size", "sampling")


def test_complexity_of_f2sa_p():
    assert "eps**(-4 - 2/p)" in fb.methods.describe("f2sa-p").complexity["both"]
