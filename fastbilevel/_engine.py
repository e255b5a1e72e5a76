"""Bind a method's text to a problem's oracles, and run it in chunks of outer iterations."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastbilevel import _compile
from fastbilevel._memory import check_memory
from fastbilevel.kernels.memory import aligned_empty

if TYPE_CHECKING:
    from fastbilevel._problem import BilevelProblem

# Python sees a Ctrl-C, a time limit or a callback only between chunks.
CHUNK_SECONDS = 0.2


@dataclass
class State:
    """Everything that changes during a run.

    Attributes
    ----------
    x, m, phi : (n_x,) arrays
        Upper variable, direction of its steps, latest hypergradient estimate.
    Y : (n_groups, rows*g*cols) array
        Stacked lower iterates.
    weights : (n_groups, g) float64 array
        Weights j nu of the upper objective.
    flag : (1,) int64 array
        Not 0 once a direction was not finite.
    """

    x: np.ndarray
    Y: np.ndarray
    m: np.ndarray
    phi: np.ndarray
    weights: np.ndarray
    flag: np.ndarray


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
        From `_random.key_of`.
    x, y : (n_x,), (n_y,) arrays
        Starting point.
    bounds : tuple of two arrays
        Lower and upper bounds of x, (n_x,) each, or both empty.
    n_threads : int
    """

    def __init__(
        self,
        problem: BilevelProblem,
        method: Any,
        key: tuple[int, int],
        x: np.ndarray,
        y: np.ndarray,
        bounds: tuple[np.ndarray, np.ndarray],
        n_threads: int,
    ):
        self.problem, self.method = problem, method
        self.plan = plan = method.plan(problem, key, n_threads)
        offsets, alpha, positive = method.stencil()
        rows, cols = problem.lower_shape
        self._data, self._work = problem.fused_arguments(plan)
        packed = problem.pack_lower(y).reshape(1, rows, 1, cols)
        shape = (plan.n_groups, rows, plan.g, cols)
        dtype = problem.dtype
        numbers = math.prod(shape) + 3 * problem.n_x
        check_memory(numbers * dtype.itemsize, f"The {offsets.size} lower iterates")
        self.state = State(
            x=np.array(x, dtype),
            Y=_stacked(packed, shape),
            m=np.zeros(problem.n_x, dtype),
            phi=np.zeros(problem.n_x, dtype),
            weights=np.zeros(offsets.shape),
            flag=np.zeros(1, np.int64),
        )
        self.norms = np.empty(0)
        self._samplers = plan.samplers()
        self._stencil, self._bounds = (offsets, alpha, positive), bounds
        self._lower_estimate = method.lower_estimate()
        self._oracles = self._fused_oracles()
        self._chunk = self._compile_chunk()
        self._seconds = 0.0

    def _fused_oracles(self) -> tuple[Any, Any]:
        problem, state = self.problem, self.state
        texts = problem.fused_texts(self.plan)
        common = (self._data, self._samplers, self._work, state.x, state.Y, state.weights)
        arguments = {
            "perturbed_descent": (*common, 1.0, 1, 0),
            "perturbed_gradient": (*common, state.weights, 1.0, 0, state.phi),
        }
        compiled = {
            name: _compile.text(make, problem.kernels, *constants, compiled=problem.compiled)
            for name, (make, *constants) in texts.items()
        }
        descent, gradient = (_compile.pointer(compiled[n], arguments[n]) for n in arguments)
        return descent, gradient

    def _compile_chunk(self) -> Any:
        problem = self.problem
        make, *constants = self.method.chunk_text()
        chunk = _compile.text(make, problem.kernels, *constants, compiled=problem.compiled)
        return _compile.specialize(chunk, self._arguments(0, 1))

    def _arguments(self, first: int, n: int) -> tuple[Any, ...]:
        s = self.state
        self.norms = np.full(n, np.nan)
        state = (s.x, s.Y, s.m, s.phi, s.weights, self.norms, s.flag)
        return (
            self._oracles,
            self._data,
            self._work,
            self._samplers,
            state,
            self._stencil,
            self._bounds,
            self.method.schedules(first, n),
            self.method.fixed(self.problem, self.plan),
            first,
            n,
        )

    def advance(self, first: int, most: int) -> int:
        """Do up to `most` outer iterations from number `first` on; return how many were done.

        Their hypergradient norms are left in `norms`. How the iterations are cut into chunks has
        no influence on the iterates.
        """
        n = most
        if self._seconds > 0.0:
            n = max(1, min(most, int(CHUNK_SECONDS / self._seconds)))
        elif first == 0:
            n = 1
        start = time.perf_counter()
        arguments = self._arguments(first, n)
        self._chunk(*_compile.plain(arguments))
        self._seconds = (time.perf_counter() - start) / n
        return n

    def lower_iterate(self) -> np.ndarray:
        """The method's estimate of y*(x) in the internal layout, (n_y,)."""
        rows, cols = self.problem.lower_shape
        out = np.empty(rows * cols, self.problem.dtype)
        average = self.problem.kernels.vector.average_offsets
        average(self.state.Y, self._lower_estimate, rows, self.plan.g, cols, out)
        return out

    def failed_iteration(self, first: int) -> int | None:
        """Number of the first iteration of the last chunk whose direction was not finite."""
        bad = np.flatnonzero(~np.isfinite(self.norms))
        return first + int(bad[0]) if self.state.flag[0] and bad.size else None
