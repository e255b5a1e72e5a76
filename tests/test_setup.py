"""What comes before the first iteration: done once, within its bounds, on the clock."""

import copy
import os
import pickle
import subprocess
import sys
import time

import numpy as np
import pytest
from small_problems import text_problem

import fastbilevel as fb
from fastbilevel._numerics import curvature
from fastbilevel._run import clock as clock_module
from fastbilevel.kernels.cpu import layout_csr

OPTIONS = {"batch_size": 10, "val_batch_size": 10, "maxiter": 2, "inner_steps": 2}


@pytest.fixture
def calls(monkeypatch):
    """How often blocks were laid out, by rows and by features, and curvature was looked for."""
    seen = {"build_by_rows": 0, "build_by_features": 0, "_ritz_values": 0}

    def count(module, name):
        original = getattr(module, name)

        def counting(*arguments):
            seen[name] += 1
            return original(*arguments)

        monkeypatch.setattr(module, name, counting)

    count(layout_csr, "build_by_rows")
    count(layout_csr, "build_by_features")
    count(curvature, "_ritz_values")
    return seen


def test_a_second_call_finds_layout_and_step(calls):
    problem = text_problem()
    first = fb.minimize(problem, **OPTIONS)
    # Both levels; g and g + nu f.
    assert calls == {"build_by_rows": 2, "build_by_features": 2, "_ritz_values": 2}
    second = fb.minimize(problem, **OPTIONS)
    assert calls == {"build_by_rows": 2, "build_by_features": 2, "_ritz_values": 2}
    np.testing.assert_array_equal(first.x, second.x)
    assert first.options["lr_y"] == second.options["lr_y"]


def test_another_method_shares_the_layout(calls):
    problem = text_problem()
    fb.minimize(problem, lr_y=0.1, **OPTIONS)
    laid = calls["build_by_features"]
    fb.minimize(problem, method="stocbio", lr_y=0.1, neumann_lr=0.1, **OPTIONS)
    assert calls["build_by_features"] == laid


def test_blocks_of_another_size_share_the_rows_and_another_seed_shares_nothing(calls):
    problem = text_problem()
    fb.minimize(problem, lr_y=0.1, **OPTIONS)
    fb.minimize(problem, lr_y=0.1, **OPTIONS | {"batch_size": 20})
    assert (calls["build_by_rows"], calls["build_by_features"]) == (2, 3)
    fb.minimize(problem, lr_y=0.1, seed=1, **OPTIONS)
    assert (calls["build_by_rows"], calls["build_by_features"]) == (4, 5)


def test_what_is_kept_does_not_travel():
    problem = text_problem()
    bare = len(pickle.dumps(problem))
    result = fb.minimize(problem, **OPTIONS)
    assert len(pickle.dumps(problem)) == bare
    again = fb.minimize(copy.deepcopy(problem), **OPTIONS)
    np.testing.assert_array_equal(result.x, again.x)


def test_another_start_is_looked_at_anew(calls):
    problem = text_problem()
    fb.minimize(problem, **OPTIONS)
    looked = calls["_ritz_values"]
    fb.minimize(problem, problem.x0 + 1.0, **OPTIONS)
    assert calls["_ritz_values"] == 2 * looked


def test_own_functions_are_asked_again():
    """Their data may have changed."""
    data = [2.0]
    problem = fb.problems.Problem(
        data,
        grad_lower_y=lambda d, x, y, rows: d[0] * y - x,
        grad_upper_y=lambda d, x, y, rows: y - 1.0,
        grad_lower_x=lambda d, x, y, rows: -y,
        value_upper=lambda d, x, y, rows: d[0] * 0.5 * np.sum((y - 1.0) ** 2),
        x0=np.zeros(2),
        y0=np.full(2, 0.5),
    )
    first = fb.minimize(problem, maxiter=1)
    data[0] = 200.0
    second = fb.minimize(problem, maxiter=1)
    assert second.options["lr_y"] < 0.02 * first.options["lr_y"]
    assert second.fun > 10 * first.fun


# -- the clock -----------------------------------------------------------------------------------


def test_timings_are_of_setup_compiling_and_iterations(monkeypatch):
    """A clock of the test's own: 3 s of step sizes, 5 s of compiling in the setup, 7 in the run."""
    now, compiled = [0.0], [0.0]
    monkeypatch.setattr(clock_module.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(clock_module, "seconds_compiling", lambda: compiled[0])
    clock = clock_module.Clock(20.0)
    now[0] += 8.0
    compiled[0] += 5.0
    assert clock.timings() == {"setup": 3.0, "compile": 5.0, "run": 0.0}
    clock.begin()
    now[0] += 9.0
    compiled[0] += 7.0
    assert clock.timings() == {"setup": 3.0, "compile": 12.0, "run": 2.0}
    assert not clock.is_over()
    now[0] += 3.0
    assert clock.is_over()


def test_timings_add_up():
    problem = text_problem()
    fb.minimize(problem, **OPTIONS)
    start = time.perf_counter()
    result = fb.minimize(problem, **OPTIONS | {"maxiter": 300})
    wall = time.perf_counter() - start
    assert set(result.timings) == {"setup", "compile", "run"}
    assert all(seconds > 0 for seconds in result.timings.values())
    # Arguments are checked before the clock starts.
    assert 0.5 * wall < sum(result.timings.values()) <= wall


def test_a_time_limit_that_the_setup_exceeds_returns_the_start(monkeypatch):
    problem = text_problem()
    monkeypatch.setattr(clock_module.Clock, "is_over", lambda self: True)
    result = fb.minimize(problem, time_limit=1e-9, **OPTIONS)
    assert result.status == fb.Status.TIME_LIMIT
    assert "went into setup and compiling" in result.message
    assert (result.nit, result.success) == (0, False)
    np.testing.assert_array_equal(result.x, problem.x0)
    np.testing.assert_array_equal(result.y, problem.y0)
    assert result.fun == pytest.approx(problem.value_upper(problem.x0, problem.y0))
    assert result.history["nit"].size == 0
    assert sum(result.oracle_calls.values()) == 0


@pytest.mark.parametrize("where", ["_ritz_values", "_gradient"])
def test_ctrl_c_in_the_setup_returns_the_start(monkeypatch, where):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(curvature, where, interrupt)
    problem = text_problem()
    result = fb.minimize(problem, **OPTIONS)
    assert result.status == fb.Status.INTERRUPTED
    np.testing.assert_array_equal(result.x, problem.x0)
    assert np.isfinite(result.fun)
    assert pickle.loads(pickle.dumps(result)).message == result.message
    # It is not kept as if it had been done.
    monkeypatch.undo()
    assert fb.minimize(problem, **OPTIONS).status == fb.Status.MAXITER


def test_ctrl_c_while_the_start_is_evaluated_returns_it_too(monkeypatch):
    problem = text_problem()

    def interrupt(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(problem), "evaluator", interrupt)
    result = fb.minimize(problem, **OPTIONS)
    assert result.status == fb.Status.INTERRUPTED
    assert np.isnan(result.fun)
    np.testing.assert_array_equal(result.y, problem.y0)


INTERRUPTED = """
import os, signal, sys, threading
import numpy as np
import fastbilevel as fb

X, y = np.random.default_rng(0).standard_normal((4000, 200)), np.arange(4000) % 10
problem = fb.problems.HyperCleaning(X[:2000], y[:2000], X[2000:], y[2000:])
# An import that is interrupted is left in pieces; it comes before.
import fastbilevel.kernels.cpu
fb.methods.resolve("f2sa-p", {})
minimize = fb.minimize
threading.Timer(float(sys.argv[1]), os.kill, (os.getpid(), signal.SIGINT)).start()
options = dict(batch_size=None, inner_steps=400, n_threads=1)
print(minimize(problem, maxiter=10**6, **options).status.name)
print(fb.minimize(problem, maxiter=1, inner_steps=1).status.name)
"""


@pytest.mark.slow
def test_an_interrupt_at_any_moment_of_a_first_call(tmp_path):
    """Of compiling, of a callback from machine code, of machine code itself; then all goes on."""
    for delay in (0.3, 1.0, 2.0, 3.0, 4.0, 6.0):
        done = subprocess.run(
            [sys.executable, "-c", INTERRUPTED, str(delay)],
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / str(delay))},
            capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        assert done.stdout.split() == ["INTERRUPTED", "MAXITER"], (delay, done.stderr)
        assert done.stderr == ""


def test_long_compiling_is_said_once(monkeypatch, caplog, capsys):
    module = sys.modules["fastbilevel._run.minimize"]
    monkeypatch.setattr(module, "NOTICE_AFTER", -1.0)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with caplog.at_level("INFO", logger="fastbilevel"):
        # Loading counts as well; it is what a second process of the tests may do.
        fb.minimize(text_problem(), progress=True, **OPTIONS)
    assert [r.message for r in caplog.records].count(module.NOTICE) == 1
    assert capsys.readouterr().err.count(module.NOTICE) == 1
    monkeypatch.setattr(module, "NOTICE_AFTER", 1e9)
    caplog.clear()
    fb.minimize(text_problem(), **OPTIONS)
    assert module.NOTICE not in [r.message for r in caplog.records]
