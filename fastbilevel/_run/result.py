"""What a run returns."""

from __future__ import annotations

import enum
import platform
from functools import cache
from importlib import metadata

from scipy.optimize import OptimizeResult


class Status(enum.IntEnum):
    """Why a run ended."""

    CONVERGED = 0
    MAXITER = 1
    TIME_LIMIT = 2
    CALLBACK = 3
    INTERRUPTED = 4
    DIVERGED = 5
    WORKER_LOST = 6


class BilevelResult(OptimizeResult):
    """Result of `fastbilevel.minimize`, a `scipy.optimize.OptimizeResult`.

    Attributes
    ----------
    x, y : (n_x,), (n_y,) arrays
        The best recorded pair by upper value; the last one if nothing was recorded.
    fun : float
        Upper value f(x, y) on the full validation data at exactly that pair.
    jac : (n_x,) array
        Last hypergradient estimate (the direction that the method stepped along).
    x_last, y_last : arrays
        The last pair.
    nit : int
        Outer iterations done.
    success : bool
        True only if `tol` was reached and every output is finite.
    status : Status
    message : str
        The cause of the end, and what to try.
    oracle_calls : dict
        Calls of `f_x, f_y, g_x, g_y, hvp, jvp`, counted in single samples.
    history : dict of 1-D arrays
        `nit, time, fun, grad_norm, samples` and the problem's metrics, one row a record.
    timings : dict
        Seconds: `setup` (step sizes, layout), `compile` (or loading what was compiled before; much
        of it when something is first called) and `run`, the iterations and their records.
    hypergrad_error : None
        Methods that give error bars put them here.
    at_bound : int
        Coordinates of x that lie on a bound.
    method, options, backend, versions : str, dict, str, dict
        What was run, where.
    """


@cache
def versions() -> dict[str, str]:
    """Versions of the package, of Python and of the numerical libraries."""
    names = ("fastbilevel", "numpy", "scipy", "numba")
    return {"python": platform.python_version(), **{n: metadata.version(n) for n in names}}
