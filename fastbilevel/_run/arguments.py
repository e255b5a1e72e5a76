"""Checks of the arguments of `minimize` that do not belong to a method or a problem."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from fastbilevel._arrays.placement import place
from fastbilevel._checks.points import check_same_library
from fastbilevel._checks.values import check_integer, finite_vector
from fastbilevel.problems.base import BilevelProblem
from fastbilevel.projections import Projection, as_projection, domain_of


def check_limits(maxiter: Any, tol: Any, time_limit: Any, record_every: Any) -> None:
    """Raise unless the stopping rules make sense."""
    check_integer("maxiter", maxiter, 0)
    check_integer("record_every", record_every, 1)
    for name, value in (("tol", tol), ("time_limit", time_limit)):
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise TypeError(f"{name} must be a number or None; got {value!r}.")
        if not value > 0:
            raise ValueError(f"{name} must be positive; got {value}.")


def resolve_threads(n_threads: Any) -> int:
    """The number of threads to use: 1 for None, all that Numba may use for -1."""
    import numba

    most = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    if n_threads is None:
        return 1
    if isinstance(n_threads, bool) or not isinstance(n_threads, int | np.integer):
        raise TypeError(f"n_threads must be an integer or None; got {n_threads!r}.")
    if n_threads == -1:
        return int(most)
    if not 1 <= n_threads <= most:
        raise ValueError(
            f"n_threads must be between 1 and {most} (NUMBA_NUM_THREADS), -1 for all, or None for "
            f"1; got {n_threads}."
        )
    return int(n_threads)


@contextlib.contextmanager
def threads_limited_to(n: int) -> Iterator[None]:
    """Let Numba use `n` threads inside the block."""
    import numba

    # Also launches the threads: code that comes from the disk cache does not do it itself.
    before = numba.get_num_threads()
    numba.set_num_threads(n)
    try:
        yield
    finally:
        numba.set_num_threads(before)


def resolve_bounds(bounds: Any, problem: BilevelProblem) -> Projection | None:
    """The set to which x is confined, the problem's own bounds by default."""
    given = problem.default_bounds if bounds is None else bounds
    projection = as_projection(given, "bounds")
    domain_of(projection, problem.n_x, problem.dtype)
    return projection


def starting_point(
    problem: BilevelProblem, x0: Any, y0: Any, bounds: Projection | None
) -> tuple[np.ndarray, np.ndarray]:
    """Copies of the starting point, on the host; x projected on the bounds, with a warning."""
    check_same_library(problem, x0, y0)
    own = problem.start()
    x = finite_vector("x0", own[0] if x0 is None else x0, problem.n_x, problem.dtype)
    y = finite_vector("y0", own[1] if y0 is None else y0, problem.n_y, problem.dtype)
    if bounds is not None:
        inside = finite_vector(
            "bounds(x0)", bounds(place(problem.kernels, x)), problem.n_x, problem.dtype
        )
        # Projections on curved sets round.
        moved = ~np.isclose(inside, x, rtol=4 * np.finfo(problem.dtype).eps, atol=0.0)
        if moved.any():
            warnings.warn(
                f"x0 lies outside the bounds in {moved.sum()} coordinates and was projected on "
                "them.",
                UserWarning,
                stacklevel=3,
            )
        x = inside
    return x, y
