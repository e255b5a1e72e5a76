"""How a run is cut into chunks, what it asks of memory, and which iteration it says failed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import fastbilevel as fb
from fastbilevel import methods
from fastbilevel._run import engine
from fastbilevel._texts.samplers import key_of


def run_of(bounds=None, **options):
    """A run on a quadratic problem of 2 upper and 3 lower variables."""
    problem = fb.problems.Quadratic.random(2, 3)
    x, y = np.zeros(2), np.zeros(3)
    method = methods.resolve("f2sa-p", {"lr_x": 0.01, "lr_y": 0.1, **options})
    method = method.complete(problem, x, y)
    return engine.Run(problem, method, key_of(0), x, y, bounds, 1)


class Clock:
    """Between two looks at it `chunk` seconds pass."""

    def __init__(self):
        self.now, self.chunk = 100.0, 0.0

    def perf_counter(self):
        self.now += self.chunk
        return self.now


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(engine, "time", found)
    return found


def test_a_chunk_lasts_a_fifth_of_a_second(clock):
    run = run_of()
    # The first iteration is timed alone.
    clock.chunk = 0.03
    assert run.advance(100) == 1
    # 0.2 / 0.03 = 6.7.
    clock.chunk = 6 * 0.1
    assert run.advance(100) == 6
    assert run.norms.shape == (6,)
    # An iteration took 0.1 s, but no more than are wanted are done.
    clock.chunk = 1.0
    assert run.advance(1) == 1
    # An iteration took a second: one at a time is done at least.
    assert run.advance(100) == 1
    clock.chunk = 0.0
    assert run.advance(100) == 1
    # No time passed: nothing says how many are too many.
    assert run.advance(30) == 30
    assert run.nit == 1 + 6 + 1 + 1 + 1 + 30
    assert np.all(np.isfinite(run.norms))


def test_after_each_iteration_python_is_asked_where_the_projection_is_the_callers(clock):
    def half_line(x):
        return np.maximum(x, 0.25)

    run = run_of(bounds=fb.projections.Custom(half_line))
    for nit in range(1, 4):
        assert run.advance(100) == 1
        assert run.nit == nit
        assert run.state.x.min() >= 0.25


def test_chunks_leave_no_trace():
    """The iterates and the calls counted are those of single iterations."""
    whole, single = run_of(momentum=0.9), run_of(momentum=0.9)
    whole.advance(1)
    whole._seconds = 1e-9
    assert whole.advance(7) == 7
    for _ in range(8):
        single._seconds = 1e9
        assert single.advance(7) == 1
    np.testing.assert_array_equal(whole.state.x, single.state.x)
    np.testing.assert_array_equal(whole.lower_iterate(), single.lower_iterate())
    assert whole.oracle_calls() == single.oracle_calls()
    assert whole.oracle_calls()["g_y"] > 0


@pytest.mark.parametrize("order", [1, 2, 4])
def test_memory_asked_for_is_that_of_the_iterates(monkeypatch, order):
    """q lower iterates, and x, m and phi of the state."""
    asked = []
    monkeypatch.setattr(engine, "check_memory", lambda *given: asked.append(given[:2]))
    run = run_of(order=order)
    n = run.plan.n_groups * run.plan.g
    assert asked == [((n * 3 + 3 * 2) * 8, f"The {n} lower iterates")]
    assert run.state.Y.size == n * 3
    assert run.state.x.size + run.state.m.size + run.state.phi.size == 3 * 2


def test_lower_iterates_are_copies_at_a_cache_line():
    packed = np.arange(6.0).reshape(1, 3, 1, 2)
    Y = engine._stacked(packed, (2, 3, 4, 2))
    assert Y.ctypes.data % 64 == 0
    assert Y.shape == (2, 24)
    for group in Y.reshape(2, 3, 4, 2):
        for offset in range(4):
            np.testing.assert_array_equal(group[:, offset], packed[0, :, 0])


def test_the_iteration_that_failed_is_counted_from_the_start_of_the_run():
    def failed(norms, nit, stopped=True):
        run = SimpleNamespace(norms=np.array(norms), nit=nit, stopped=stopped)
        return engine.Run.failed_iteration(run)

    assert failed([1.0, 2.0, np.nan, np.inf], 10) == 8
    assert failed([np.inf], 1) == 0
    assert failed([np.nan, 1.0], 10, stopped=False) is None
    assert failed([1.0, 1.0], 10) is None
