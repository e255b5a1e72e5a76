"""What a run has recorded so far, its best pair, and the result made of both."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from fastbilevel._arrays.placement import fetch, library_of, place
from fastbilevel._run.clock import Clock
from fastbilevel._run.engine import CALLS, Run
from fastbilevel._run.result import BilevelResult, Status, versions
from fastbilevel.problems.base import BilevelProblem
from fastbilevel.problems.kept import Point
from fastbilevel.projections import Projection, clipped_count

ADVICE = {
    Status.CONVERGED: "The averaged hypergradient norm {grad_norm:.3g} is below tol = {tol:.3g}.",
    Status.MAXITER: "The {nit} outer iterations of maxiter are done; raise maxiter to go on.",
    Status.TIME_LIMIT: "The time limit ended the run after {nit} outer iterations.",
    Status.CALLBACK: "The callback ended the run after {nit} outer iterations.",
    Status.INTERRUPTED: "The run was interrupted after {nit} outer iterations; the best pair so "
    "far is returned.",
    Status.DIVERGED: "A value was not finite {detail}; the best finite pair is returned. Try "
    "{advice}.",
}


class Recorder:
    """Evaluates, remembers and reports.

    Parameters
    ----------
    problem : BilevelProblem
    method : Options
        Complete once there is a `run`.
    x, y : (n_x,), (n_y,) arrays
        Starting point, on the host.
    bounds : Projection or None
        Of x, to count the coordinates that lie on them.
    clock : Clock

    Attributes
    ----------
    run : Run or None
        None in the setup.
    fun, grad_norm : float
        Of the last record.
    """

    def __init__(
        self,
        problem: BilevelProblem,
        method: Any,
        x: np.ndarray,
        y: np.ndarray,
        bounds: Projection | None,
        clock: Clock,
    ):
        self.problem, self.method, self.bounds, self.clock = problem, method, bounds, clock
        self.run: Run | None = None
        self.nit = 0
        self.fun = self.grad_norm = np.nan
        self._norms: list[np.ndarray] = []
        self._recorded = 0
        self._last: tuple[Any, Any] | None = None
        self._rows: list[dict[str, float]] = []
        self._best = np.nan, *place(problem.kernels, (x, problem.pack_lower(y)))
        self._point = Point(x, y)

    @property
    def seconds(self) -> float:
        """Seconds of iterations so far."""
        return self.clock.timings()["run"]

    def start(self) -> None:
        """Evaluate the upper objective at the starting point."""
        self._evaluate = self.problem.evaluator()
        _, x, packed = self._best

        def value(latest: Any) -> float:
            return self._evaluate(x, packed)["fun"]

        self._best = self.problem.keep("value at the start", self._point, value), x, packed

    def follow(self, nit: int, norms: np.ndarray) -> None:
        """Take note of the hypergradient norms of the iterations just done."""
        self.nit = nit
        self._norms.append(norms)

    def record(self) -> None:
        """Evaluate the upper objective at the current pair and add a row to the history."""
        assert self.run is not None
        x, packed = self._pair()
        found = self._evaluate(x, packed)
        self.fun = found["fun"]
        self.grad_norm = float(np.mean(np.concatenate(self._norms)))
        self._norms = []
        self._recorded = self.nit
        self._last = x, packed
        row = {
            "nit": self.nit,
            "time": self.seconds,
            "fun": self.fun,
            "grad_norm": self.grad_norm,
            "samples": sum(self.run.oracle_calls().values()),
        }
        if np.isfinite(self.fun) and not (self._rows and self._best[0] <= self.fun):
            self._best = self.fun, x, packed
        self._rows.append(row | found)

    def _pair(self) -> tuple[Any, Any]:
        """The pair that the run has reached, a copy."""
        assert self.run is not None
        return self.run.state.x.copy(), self.run.lower_iterate()

    @property
    def is_finite(self) -> bool:
        """True if the last recorded upper value is finite."""
        return bool(np.isfinite(self.fun))

    def close(self, nit: int) -> None:
        """Record the last pair too, if it is finite and was not recorded yet."""
        self.nit = nit
        finite = self.run is not None and not self.run.stopped and nit > self._recorded
        if finite and self._norms:
            self.record()

    def result(
        self, *, status: Status, detail: str = "", tol: float | None = None
    ) -> BilevelResult:
        """The result of the moment; arrays are copies."""
        run, problem = self.run, self.problem
        fun, *best = self._best
        jac, last = np.zeros(problem.n_x, problem.dtype), tuple(best)
        if run is not None:
            recorded = self._recorded == self.nit
            jac = run.state.m
            last = self._last if recorded and self._last else self._pair()
        x, x_last, jac = (np.array(fetch(each)) for each in (best[0], last[0], jac))
        y = problem.unpack_lower(fetch(best[1]))
        y_last = y.copy() if last[1] is best[1] else problem.unpack_lower(fetch(last[1]))
        outputs = (x, y, x_last, y_last, jac)
        message = ADVICE[status].format(
            grad_norm=self.grad_norm,
            nit=self.nit,
            detail=detail,
            tol=tol or 0.0,
            advice=self.method.advice(),
        )
        at_bound = clipped_count(x_last, self.bounds)
        is_finite = all(np.isfinite(each).all() for each in (*outputs, fun))
        x, y, x_last, y_last, jac = place(problem.kernels, outputs)
        cupy = {}
        if problem.kernels.ON_DEVICE:
            cupy = {"cupy": library_of(problem.kernels).__version__}
        if status == Status.TIME_LIMIT and run is None:
            message += " All of it went into setup and compiling."
        if at_bound:
            message += f" {at_bound} coordinates of x lie on a bound."
        return BilevelResult(
            x=x,
            y=y,
            fun=fun,
            jac=jac,
            x_last=x_last,
            y_last=y_last,
            nit=self.nit,
            success=status == Status.CONVERGED and is_finite,
            status=status,
            message=message,
            oracle_calls=run.oracle_calls() if run else dict.fromkeys(CALLS, 0),
            history=self._history(),
            timings=self.clock.timings(),
            hypergrad_error=None,
            at_bound=at_bound,
            method=self.method.name,
            options=_as_dict(self.method),
            backend=problem.kernels.NAME,
            versions=versions() | cupy,
        )

    def _history(self) -> dict[str, np.ndarray]:
        if not self._rows:
            names = ("nit", "time", "fun", "grad_norm", "samples")
            return {name: np.empty(0) for name in names}
        return {name: np.array([row[name] for row in self._rows]) for name in self._rows[0]}


def _as_dict(method: Any) -> dict[str, Any]:
    return {f.name: getattr(method, f.name) for f in dataclasses.fields(method)}
