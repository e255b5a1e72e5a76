"""Checks of the arguments of `minimize` that do not belong to a method or a problem."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from fastbilevel._arrays.placement import place
from fastbilevel._bounds import as_projection
from fastbilevel._checks.arrays import check_vector
from fastbilevel._checks.points import check_same_library
from fastbilevel._checks.values import check_integer, check_number
from fastbilevel.problems.base import BilevelProblem
from fastbilevel.projections import Projection, domain_of


class Limits(NamedTuple):
    """When a run ends, and how often it is recorded."""

    maxiter: int
    tol: float | None
    time_limit: float | None
    record_every: int


def check_limits(maxiter: Any, tol: Any, time_limit: Any, record_every: Any) -> Limits:
    """The stopping rules, or a sentence."""

    def positive(name: str, value: Any) -> float | None:
        if value is None:
            return None
        return check_number(name, value, above=0, finite=False, or_else=" or None")

    return Limits(
        maxiter=check_integer("maxiter", maxiter, 0),
        tol=positive("tol", tol),
        time_limit=positive("time_limit", time_limit),
        record_every=check_integer("record_every", record_every, 1),
    )


def resolve_threads(n_threads: Any) -> int:
    """The number of threads to use: 1 for None, all that Numba may use for -1."""
    import numba

    most = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    if n_threads is None:
        return 1
    wanted = check_number("n_threads", n_threads, int, or_else=" or None")
    if wanted == -1:
        return int(most)
    if not 1 <= wanted <= most:
        raise ValueError(
            f"n_threads must be between 1 and {most} (NUMBA_NUM_THREADS), -1 for all, or None for "
            f"1; got {wanted}."
        )
    return wanted


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
    projection = as_projection(given, "bounds", problem.n_x)
    domain_of(projection, problem.n_x, problem.dtype)
    return projection


def starting_point(
    problem: BilevelProblem, x0: Any, y0: Any, bounds: Projection | None
) -> tuple[np.ndarray, np.ndarray]:
    """Copies of the starting point, on the host; x projected on the bounds, with a warning."""
    check_same_library(problem, x0, y0)
    own = problem.start()
    x, y = (
        check_vector(name, mine if given is None else given, size, problem.dtype, shape=shape)
        for name, mine, given, size, shape in (
            ("x0", own[0], x0, problem.n_x, problem.x_shape),
            ("y0", own[1], y0, problem.n_y, problem.y_shape),
        )
    )
    if bounds is not None:
        inside = check_vector(
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
