"""Checks of the arguments of `minimize` that do not belong to a method or a problem."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from fastbilevel._dispatch import backend_of
from fastbilevel._problem import BilevelProblem
from fastbilevel.methods._options import check_integer


def require_problem(problem: Any) -> None:
    """Raise unless `problem` is a bilevel problem."""
    if not isinstance(problem, BilevelProblem):
        raise TypeError(
            "problem must be one of fastbilevel.problems (or another BilevelProblem); got "
            f"{type(problem).__name__}."
        )


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


def resolve_bounds(bounds: Any, problem: BilevelProblem) -> tuple[np.ndarray, np.ndarray]:
    """Bounds as two (n_x,) arrays, or two empty ones for "no bounds"."""
    nothing = np.empty(0, problem.dtype)
    bounds = problem.default_bounds if bounds is None else bounds
    if bounds is None:
        return nothing, nothing
    try:
        lower, upper = bounds
    except (TypeError, ValueError):
        raise TypeError(
            "bounds must be a pair (lower, upper) of numbers or arrays of the size of x; got "
            f"{bounds!r}."
        ) from None
    pair = []
    for name, value in (("lower", lower), ("upper", upper)):
        array = np.asarray(value, dtype=problem.dtype)
        if array.shape not in ((), (problem.n_x,)):
            raise ValueError(
                f"The {name} bound must be a number or have shape ({problem.n_x},); got "
                f"{array.shape}."
            )
        if np.isnan(array).any():
            raise ValueError(f"The {name} bound contains NaN; use -inf or inf for no bound.")
        pair.append(np.ascontiguousarray(np.broadcast_to(array, problem.n_x)))
    crossed = np.flatnonzero(pair[0] > pair[1])
    if crossed.size:
        i = int(crossed[0])
        raise ValueError(
            f"bounds must have lower <= upper everywhere; at coordinate {i} they are {pair[0][i]} "
            f"and {pair[1][i]}."
        )
    return pair[0], pair[1]


def starting_point(
    problem: BilevelProblem, x0: Any, y0: Any, limits: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Copies of the starting point, x projected on the bounds (with a warning if it moved)."""
    backend_of(*(start for start in (x0, y0) if start is not None))
    x = finite_vector("x0", problem.x0 if x0 is None else x0, problem.n_x, problem.dtype)
    y = finite_vector("y0", problem.y0 if y0 is None else y0, problem.n_y, problem.dtype)
    if limits[0].size:
        inside = np.clip(x, *limits)
        if not np.array_equal(inside, x):
            warnings.warn(
                f"x0 lies outside the bounds in {np.count_nonzero(inside != x)} coordinates and "
                "was projected on them.",
                UserWarning,
                stacklevel=3,
            )
        x = inside
    return x, y


def finite_vector(name: str, value: Any, size: int, dtype: Any) -> np.ndarray:
    """A copy of `value` as a finite vector of `size` numbers of `dtype`, or a sentence."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must hold real numbers; got dtype {array.dtype}.")
    if array.size != size:
        raise ValueError(f"{name} must have {size} elements; got shape {array.shape}.")
    array = np.array(array, dtype=dtype, order="C").reshape(-1)
    if not np.isfinite(array).all():
        i = int(np.flatnonzero(~np.isfinite(array))[0])
        raise ValueError(f"{name} must be finite; element {i} is {array[i]}.")
    return array


def clipped_count(x: np.ndarray, limits: tuple[np.ndarray, np.ndarray]) -> int:
    """How many coordinates of x lie on a bound."""
    if not limits[0].size:
        return 0
    return int(np.count_nonzero((x == limits[0]) | (x == limits[1])))
