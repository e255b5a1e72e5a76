"""Bind a method's text to a problem's oracles, and run it in chunks of outer iterations."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from fastbilevel._arrays.memory import check_memory
from fastbilevel._arrays.placement import fetch, library_of, place
from fastbilevel._checks.values import closest
from fastbilevel._oracles.binding import Binder
from fastbilevel._schedules import Totals, grown
from fastbilevel._texts.compile import compile_text, specialize
from fastbilevel._texts.protocol import Chunk, Progress, Samplers, State, check_record
from fastbilevel.kernels.compiling import seconds_compiling
from fastbilevel.kernels.memory import aligned_empty
from fastbilevel.problems.base import BilevelProblem
from fastbilevel.problems.on_host import on_host
from fastbilevel.projections import Custom, Projection, domain_of, place_domain

# Python sees a Ctrl-C, a time limit or a callback only between chunks.
CHUNK_SECONDS = 0.2
# What is counted, in single samples.
CALLS = ("f_x", "f_y", "g_x", "g_y", "hvp", "jvp")


def _check_progress(asked: Any, method: str) -> None:
    """Raise a sentence unless a method's `schedules` returned what can be counted."""
    if not (isinstance(asked, tuple | list) and len(asked) == 2 and isinstance(asked[1], Progress)):
        raise TypeError(
            f"The schedules of {method} must be a pair, its Schedules and a Progress; got "
            f"{type(asked).__name__}."
        )
    progress = asked[1]
    if not (isinstance(progress.growth, dict) and isinstance(progress.draws, tuple)):
        raise TypeError(f"The progress of {method} needs a dict of growth and a tuple of Draws.")
    for draws in progress.draws:
        check_record(draws, f"The draws of {method}")
        if draws.sampler not in Samplers._fields:
            raise ValueError(closest(draws.sampler, Samplers._fields, f"sampler of {method}:"))
        for name in draws.calls:
            if name not in CALLS:
                raise ValueError(closest(name, CALLS, f"oracle counted by {method}:"))


def _stacked(packed: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """One lower iterate repeated for all offsets, (n_groups, rows*g*cols).

    It begins at a cache line: elsewhere the sparse step took up to 13 % longer.
    """
    Y = aligned_empty(math.prod(shape), packed.dtype).reshape(shape)
    Y[...] = packed
    return Y.reshape(shape[0], -1)


class Run:
    """A method bound to a problem.

    Parameters
    ----------
    problem : BilevelProblem
    method : Options
        Options of the method, checked and complete.
    key : tuple of two int
        From `fastbilevel._texts.samplers.key_of`.
    x, y : (n_x,), (n_y,) arrays
        Starting point.
    bounds : Projection or None
        The set to which x is confined.
    n_threads : int

    Attributes
    ----------
    nit : int
        Outer iterations done.
    norms : (n,) array
        Hypergradient norms of the last chunk, on the host.
    stopped : bool
        Whether a direction was not finite, so that x does not move any more.
    xp : module
        The array library of the problem's kernels.
    """

    def __init__(
        self,
        problem: BilevelProblem,
        method: Any,
        key: tuple[int, int],
        x: np.ndarray,
        y: np.ndarray,
        bounds: Projection | None,
        n_threads: int,
    ):
        self.problem, self.method = problem, method
        self._host = on_host(problem)
        self.xp = library_of(problem.kernels)
        self.plan = plan = method.plan(problem, key, n_threads)
        self.compiled = problem.compiled and method.is_compiled
        self.state = self._first_state(x, problem.pack_lower(y))
        self.norms = np.empty(0)
        self.stopped = False
        self.nit = 0
        self._totals: Totals = {}
        self._calls = dict.fromkeys(CALLS, 0)
        self._samplers = place(problem.kernels, plan.samplers())
        self._custom = bounds if isinstance(bounds, Custom) else None
        inside = None if self._custom else bounds
        domain = domain_of(inside, problem.n_x, problem.dtype)
        self._domain = place_domain(problem.kernels, domain)
        self._fixed = method.fixed(self._host, plan)
        self._lower_estimate = method.lower_estimate(plan)
        self._oracles = self._bind_oracles()
        self._chunk = self._compile_chunk()
        self._seconds = 0.0

    def _first_state(self, x: np.ndarray, packed: np.ndarray) -> State:
        problem, plan = self.problem, self.plan
        rows, cols = problem.lower_shape
        shape = (plan.n_groups, rows, plan.g, cols)
        dtype = problem.dtype
        copies = self.method.copies_of_lower_iterates
        numbers = copies * math.prod(shape) + 3 * problem.n_x
        what = f"The {plan.n_groups * plan.g} lower iterates"
        check_memory(numbers * dtype.itemsize, what, problem.kernels)
        Y = _stacked(packed.reshape(1, rows, 1, cols), shape)
        Y[list(self.method.zero_groups)] = 0
        memory = self.method.memory(self._host, plan, x, Y)
        check_record(memory, f"The memory of {self.method.name}")
        x, Y, self.memory = place(problem.kernels, (np.array(x, dtype), Y, memory))
        return State(
            x=x,
            Y=Y,
            weights=np.zeros((plan.n_groups, plan.g)),
            m=self.xp.zeros(problem.n_x, dtype),
            phi=self.xp.zeros(problem.n_x, dtype),
            norms=self.xp.empty(0),
            flag=self.xp.zeros(1, np.int64),
        )

    def _bind_oracles(self) -> Any:
        """The bundle of oracles that the method's text calls."""
        method = self.method
        return Binder(self.problem, self.plan, method.estimate()).bind(method.oracles)

    def _compile_chunk(self) -> Any:
        make, *constants = self.method.chunk_text()
        chunk = compile_text(make, self.problem.kernels, *constants, compiled=self.compiled)
        _check_progress(self.method.schedules(self.plan, 0, 2, self._totals), self.method.name)
        # Two iterations: one row would not tell an array that has a row for each.
        arguments, _ = self._arguments(0, 2)
        check_record(arguments.fixed, f"The fixed numbers of {self.method.name}")
        return specialize(chunk, arguments) if self.compiled else chunk

    def _arguments(self, first: int, n: int) -> tuple[Chunk, Progress]:
        """What the chunk takes for iterations first, ..., first + n - 1, and what they count."""
        schedules, progress = self.method.schedules(self.plan, first, n, self._totals)
        # In every chunk: compiled code would read beyond an array that is too short.
        check_record(schedules, f"The schedules of {self.method.name}", n)
        arguments = Chunk(
            oracles=self._oracles,
            samplers=self._samplers,
            state=self.state._replace(norms=self.xp.full(n, np.nan)),
            memory=self.memory,
            domain=self._domain,
            schedules=schedules,
            fixed=self._fixed,
            n=n,
        )
        return arguments, progress

    def _count(self, progress: Progress) -> None:
        self._totals = grown(self._totals, progress.growth)
        for draws in progress.draws:
            sampler = getattr(self.plan, draws.sampler)
            samples = sampler.rows_drawn(draws.numbers, draws.offset)
            for name, times in draws.calls.items():
                self._calls[name] += times * samples

    def advance(self, most: int) -> int:
        """Do up to `most` outer iterations; return how many were done.

        Their hypergradient norms are left in `norms`. How the iterations are cut into chunks has
        no influence on the iterates.
        """
        n = most
        if self._custom is not None:
            n = 1
        elif self._seconds > 0.0:
            n = max(1, min(most, int(CHUNK_SECONDS / self._seconds)))
        elif self.nit == 0:
            n = 1
        start, compiled = time.perf_counter(), seconds_compiling()
        arguments, progress = self._arguments(self.nit, n)
        self._chunk(*arguments)
        self._count(progress)
        # The one place where the host waits for a device.
        self.norms, self.stopped = fetch(arguments.state.norms), bool(fetch(self.state.flag)[0])
        if self._custom is not None and not self.stopped:
            self.state.x[:] = place(self.problem.kernels, self._custom(self.state.x))
        compiled = seconds_compiling() - compiled
        self._seconds = (time.perf_counter() - start - compiled) / n
        self.nit += n
        return n

    def oracle_calls(self) -> dict[str, int]:
        """Single-sample oracle calls of all outer iterations so far."""
        return dict(self._calls)

    def lower_iterate(self) -> np.ndarray:
        """The method's estimate of y*(x) in the internal layout, (n_y,)."""
        rows, cols = self.problem.lower_shape
        out = self.xp.empty(rows * cols, self.problem.dtype)
        average = self.problem.kernels.vector.average_offsets
        average(self.state.Y, self._lower_estimate, rows, self.plan.g, cols, out)
        return out

    def failed_iteration(self) -> int | None:
        """Number of the first iteration of the last chunk whose direction was not finite."""
        bad = np.flatnonzero(~np.isfinite(self.norms))
        first = self.nit - self.norms.size
        return first + int(bad[0]) if self.stopped and bad.size else None
