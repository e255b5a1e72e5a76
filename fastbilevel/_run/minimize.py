"""The one call: validate, run chunks, record, stop, return."""

from __future__ import annotations

import contextlib
import logging
import time
import warnings
from collections.abc import Iterator
from typing import Any

from fastbilevel import methods
from fastbilevel._checks.values import check_flag
from fastbilevel._run.arguments import (
    check_limits,
    resolve_bounds,
    resolve_threads,
    starting_point,
    threads_limited_to,
)
from fastbilevel._run.callback import as_callback
from fastbilevel._run.clock import Clock
from fastbilevel._run.engine import Run
from fastbilevel._run.progress import Silent, progress_of
from fastbilevel._run.recorder import Recorder
from fastbilevel._run.result import BilevelResult, Status
from fastbilevel._texts.samplers import key_of
from fastbilevel.kernels.compiling import listening, seconds_compiling
from fastbilevel.problems.base import BilevelProblem, require_problem
from fastbilevel.problems.on_host import on_host

logger = logging.getLogger("fastbilevel")

# Seconds of compiling after which it is said.
NOTICE_AFTER = 2.0
NOTICE = "compiling, once per machine"


def minimize(
    problem: BilevelProblem,
    x0: Any = None,
    y0: Any = None,
    *,
    method: Any = "f2sa-p",
    maxiter: int = 1000,
    tol: float | None = None,
    time_limit: float | None = None,
    bounds: Any = None,
    seed: Any = 0,
    callback: Any = None,
    record_every: int = 10,
    progress: bool = False,
    n_threads: int | None = None,
    **options: Any,
) -> BilevelResult:
    """Minimise phi(x) = f(x, y*(x)), where y*(x) minimises g(x, .).

    Parameters
    ----------
    problem : BilevelProblem
        One of `fastbilevel.problems`, or your own.
    x0, y0 : (n_x,), (n_y,) array_like, optional
        Starting point, `problem.x0` and `problem.y0` by default. Never modified.
    method : str or options object
        For example ``"f2sa-p"`` or ``F2SAp(order=4)``; see `fastbilevel.methods.list`.
    maxiter : int
        Outer iterations.
    tol : float, optional
        Stop when the norm of the estimated hypergradient, averaged over the iterations since the
        last record, is below this.
    time_limit : float, optional
        Stop after so many seconds, setup and compiling included.
    bounds : (lower, upper), Bounds, sequence of pairs, Projection or callable, optional
        Bounds of x: two scalars or (n_x,) arrays, a `scipy.optimize.Bounds`, n_x pairs (lower,
        upper) with None for no bound, another set of `fastbilevel.projections`, or a function that
        returns the projection of its argument; every iterate is projected. By default the
        problem's own, which keep it inside the range of its dtype.
    seed : int, SeedSequence, Generator or None
        The same seed gives the same minibatches on any number of threads, and the same bits.
    callback : callable, optional
        ``callback(intermediate_result=...)`` after every record, with the `BilevelResult` of the
        moment, or ``callback(x)``. A true return value or `StopIteration` ends the run.
    record_every : int
        Every so many outer iterations the upper objective is evaluated on the full validation data
        and `history` gets a row.
    progress : bool
        Show a progress bar (tqdm if it is installed, else plain lines).
    n_threads : int, optional
        Threads of the kernels: one by default, -1 takes all that Numba may use. Their results are
        the same bits. Several threads pay on free cores; where other work shares them, each waits
        for the other, and a run can take several times as long.
    **options
        Options of the method, if it is given by name.

    Returns
    -------
    BilevelResult
        See `fastbilevel.BilevelResult`. Interrupted and diverged runs return it too, with a
        `status` that names the cause.

    Raises
    ------
    TypeError, ValueError
        Before any work, if an argument, a name or an option is wrong.
    """
    require_problem(problem)
    problem = problem.following(x0, y0)
    chosen = methods.resolve(method, options)
    limits = check_limits(maxiter, tol, time_limit, record_every)
    threads = resolve_threads(n_threads)
    inside = resolve_bounds(bounds, problem)
    x, y = starting_point(problem, x0, y0, inside)
    key = key_of(seed)
    notify = as_callback(callback)
    progress = check_flag("progress", progress)
    _check_oracles(problem, chosen)
    host = on_host(problem)
    chosen.check(host)
    clock = Clock(limits.time_limit)

    with threads_limited_to(threads), progress_of(progress, limits.maxiter) as bar, _notice(bar):
        recorder = Recorder(problem, chosen, x, y, inside, clock)
        status, detail = Status.MAXITER, ""
        nit = 0
        try:
            recorder.start()
            if not clock.is_over():
                recorder.method = chosen = chosen.complete(host, x, y)
                logger.info("%s on %s: %s", chosen.name, type(problem).__name__, chosen)
            if not clock.is_over():
                recorder.run = run = Run(problem, chosen, key, x, y, inside, threads)
            clock.begin()
            while nit < limits.maxiter:
                if clock.is_over():
                    status = Status.TIME_LIMIT
                    break
                due = min(limits.maxiter, (nit // limits.record_every + 1) * limits.record_every)
                nit += run.advance(due - nit)
                failed = run.failed_iteration()
                recorder.follow(nit, run.norms)
                if failed is not None:
                    status, detail = Status.DIVERGED, f"at outer iteration {failed}"
                    nit = failed
                    break
                if nit == due:
                    recorder.record()
                    bar.update(nit, recorder)
                    if not recorder.is_finite:
                        status, detail = Status.DIVERGED, f"before outer iteration {nit}"
                        break
                    if limits.tol is not None and recorder.grad_norm < limits.tol:
                        status = Status.CONVERGED
                        break
                    if notify is not None and notify(recorder.result(status=Status.MAXITER)):
                        status = Status.CALLBACK
                        break
        except KeyboardInterrupt:
            status = Status.INTERRUPTED
        recorder.close(nit)
    return recorder.result(status=status, detail=detail, tol=limits.tol)


@contextlib.contextmanager
def _notice(bar: Silent) -> Iterator[None]:
    """Say so, once, if compiling takes long."""
    start, said = seconds_compiling(), [False]

    def listener(seconds: float) -> None:
        if seconds - start > NOTICE_AFTER and not said[0]:
            said[0] = True
            logger.info(NOTICE)
            bar.say(NOTICE)

    with listening(listener):
        yield


def _check_oracles(problem: BilevelProblem, method: Any) -> None:
    """Refuse a method whose needs the problem cannot meet, by name."""
    missing = [name for name in method.requires if name not in problem.oracles]
    if missing:
        raise TypeError(
            f"Method {method.name!r} needs {', '.join(missing)}, which {type(problem).__name__} "
            "does not have."
        )


def warmup(problem: BilevelProblem | None = None, **arguments: Any) -> float:
    """Compile ahead of time what a run needs, and return the seconds it took.

    Parameters
    ----------
    problem : BilevelProblem, optional
        Compile for this problem; by default for small dense and sparse problems of both dtypes and
        both built-in classification tasks.
    **arguments
        Passed to `minimize`: the method and its options decide what is compiled.

    Returns
    -------
    float
        Seconds.
    """
    from fastbilevel.problems.typical import typical_problems

    start = time.perf_counter()
    arguments = {**arguments, "maxiter": 1, "record_every": 1}
    for each in typical_problems() if problem is None else [problem]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            minimize(each, **arguments)
    return time.perf_counter() - start
