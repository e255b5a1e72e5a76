"""The set to which a method confines the lower iterates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastbilevel._arrays.placement import fetch, place, place_domain
from fastbilevel._texts import compile as _compile
from fastbilevel.projections import Box, Custom, Projection, as_projection, domain_of

if TYPE_CHECKING:
    from fastbilevel.problems.base import BilevelProblem


def make_keep(k: Any) -> Any:
    """Leave an iterate as it is: the kernel has projected it already."""

    def keep(v):
        return

    return keep


def projection_of(problem: BilevelProblem, given: Any) -> Projection | None:
    """The option `lower_projection` as an object; the problem's own bounds if it is None."""
    if given is None and problem.lower_bounds is not None:
        return Box(*problem.lower_bounds)
    return as_projection(given, "lower_projection")


def lower_domain(problem: BilevelProblem, projection: Projection | None) -> tuple[Any, Any]:
    """``(kind, a, b)`` of the kernel, and a function that projects what the kernel cannot."""
    y = np.zeros(problem.n_y, problem.dtype)
    if not isinstance(projection, Custom):
        keep = _compile.text(make_keep, problem.kernels, compiled=problem.compiled)
        domain = domain_of(projection, problem.n_y, problem.dtype, problem.pack_lower)
        return place_domain(problem.kernels, domain), _compile.pointer(keep, (y,))

    def project(packed: Any) -> None:
        # On a device the function gets device arrays; the layout is the host's business.
        y = place(problem.kernels, problem.unpack_lower(fetch(packed)))
        packed[:] = place(problem.kernels, problem.pack_lower(projection(y)))

    nothing = domain_of(None, problem.n_y, problem.dtype)
    return place_domain(problem.kernels, nothing), project
