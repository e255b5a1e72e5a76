"""A chunk lasts at most 0.2 s, so that Ctrl-C, time limits and callbacks are seen."""

import types

import numpy as np
import pytest

import fastbilevel as fb
from fastbilevel._run import clock as clock_module
from fastbilevel._run import engine
from fastbilevel._run.result import Status
from fastbilevel.methods import F2SAp


class Clock:
    """A clock that moves with the iterations alone: iteration t takes ``seconds(t)``."""

    def __init__(self, seconds):
        self.seconds, self.now, self.chunks = seconds, 0.0, []
        self.running = False

    def perf_counter(self):
        return self.now

    def work(self, first, n):
        # Before the first iteration the schedules are asked for their types.
        if self.running:
            self.chunks.append(n)
            self.now += sum(self.seconds(t) for t in range(first, first + n))


@pytest.fixture
def run(monkeypatch):
    """Minimize on a clock of the test's own; the result, and the sizes of the chunks."""

    def run(seconds, maxiter, **options):
        clock = Clock(seconds)
        schedules, advance = F2SAp.schedules, engine.Run.advance

        def watched_schedules(self, plan, first, n, totals):
            clock.work(first, n)
            return schedules(self, plan, first, n, totals)

        def watched_advance(self, most):
            clock.running = True
            return advance(self, most)

        monkeypatch.setattr(F2SAp, "schedules", watched_schedules)
        monkeypatch.setattr(engine.Run, "advance", watched_advance)
        for module in (engine, clock_module):
            fake = types.SimpleNamespace(perf_counter=clock.perf_counter)
            monkeypatch.setattr(module, "time", fake)
            monkeypatch.setattr(module, "seconds_compiling", lambda: 0.0)
        arguments = {"maxiter": maxiter, "record_every": maxiter, "inner_steps": 1, **options}
        result = fb.minimize(fb.problems.Quadratic.random(2, 3), **arguments)
        assert sum(clock.chunks) == result.nit
        return result, clock.chunks

    return run


def test_a_chunk_takes_the_iterations_of_a_fifth_of_a_second(run):
    # Powers of 2, so that no quotient is rounded: 0.2 / 2**-7 is 25.6.
    assert run(lambda t: 2.0**-7, 1000)[1] == [1, *[25] * 39, 24]


def test_an_iteration_that_lasts_longer_is_a_chunk_of_its_own(run):
    assert run(lambda t: 0.3, 5)[1] == [1] * 5


def test_quick_iterations_are_one_chunk_after_the_first(run):
    assert run(lambda t: 2.0**-20, 1000)[1] == [1, 999]


def test_chunks_shrink_as_soon_as_iterations_have_become_slow(run):
    """The seconds of the last chunk count: a slow one is noticed after it, not at the end."""
    _, chunks = run(lambda t: 2.0**-7 if t < 26 else 2.0**-4, 60)
    assert chunks == [1, 25, 25, *[3] * 3]


def test_chunks_grow_again(run):
    """The first iteration may pay for what comes once."""
    assert run(lambda t: 2.0 if t == 0 else 2.0**-7, 60)[1] == [1, 1, 25, 25, 8]


def test_a_chunk_ends_where_a_record_is_due(run):
    assert run(lambda t: 2.0**-7, 60, record_every=10)[1] == [1, 9, *[10] * 5]


def test_a_time_limit_is_kept_to_a_chunk(run):
    result, chunks = run(lambda t: 2.0**-7, 10_000, time_limit=1.0)
    # 1 s is 128 iterations: seen after the chunk in which it passed.
    assert chunks == [1, *[25] * 6]
    assert result.status == Status.TIME_LIMIT


def test_an_interrupt_comes_between_chunks(run, monkeypatch):
    """Python raises it when compiled code returns; here the clock does, after 1 s."""
    work = Clock.work

    def interrupted(self, first, n):
        if self.now >= 1.0:
            raise KeyboardInterrupt
        work(self, first, n)

    monkeypatch.setattr(Clock, "work", interrupted)
    result, _ = run(lambda t: 2.0**-7, 10_000)
    assert result.nit == 1 + 6 * 25
    assert result.status == Status.INTERRUPTED


def clipped(x):
    return np.clip(x, -1, 1)


def test_x_leaves_compiled_code_after_every_iteration_for_a_projection_in_python(run):
    bounds = fb.projections.Custom(clipped)
    assert run(lambda t: 2.0**-20, 5, bounds=bounds)[1] == [1] * 5
