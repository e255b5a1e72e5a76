"""The set to which a method confines the lower iterates."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastbilevel._arrays.placement import fetch, place
from fastbilevel._bounds import as_projection
from fastbilevel._texts.compile import compile_text, pointer_to
from fastbilevel._texts.protocol import Domain, FloatRows, record
from fastbilevel.problems.base import BilevelProblem
from fastbilevel.projections import Box, Custom, Projection, domain_of, place_domain


@record
class Fixed(NamedTuple):
    """Stencil, prox parameter, and the set that the lower iterates are projected on.

    ``project_lower(y)`` projects where the set is none that the kernel knows.
    """

    offsets: FloatRows
    alpha: FloatRows
    prox: float
    lower: Domain
    project_lower: Any


def make_keep(k: Any) -> Any:
    """Leave an iterate as it is: the kernel has projected it already."""

    def keep(v):
        return

    return keep


def projection_of(problem: BilevelProblem, given: Any) -> Projection | None:
    """The option `lower_projection` as an object; the problem's own bounds if it is None."""
    if given is None and problem.lower_bounds is not None:
        return Box(*problem.lower_bounds)
    return as_projection(given, "lower_projection", problem.n_y)


def projected(
    problem: BilevelProblem,
    stencil: tuple[np.ndarray, np.ndarray],
    prox: float,
    projection: Projection | None,
) -> Fixed:
    """A stencil, and the set where the kernel and the text want it."""
    inside = projection
    if isinstance(projection, Custom):
        inside, project = None, _by_function(problem, projection)
    else:
        keep = compile_text(make_keep, problem.kernels, compiled=problem.compiled)
        project = pointer_to(keep, (np.zeros(problem.n_y, problem.dtype),))
    domain = domain_of(inside, problem.n_y, problem.dtype, problem.pack_lower)
    return Fixed(
        offsets=stencil[0],
        alpha=stencil[1],
        prox=prox,
        lower=place_domain(problem.kernels, domain),
        project_lower=project,
    )


def _by_function(problem: BilevelProblem, projection: Custom) -> Any:
    def project(packed: Any) -> None:
        # On a device the function gets device arrays; the layout is the host's business.
        y = place(problem.kernels, problem.unpack_lower(fetch(packed)))
        packed[:] = place(problem.kernels, problem.pack_lower(projection(y)))

    return project
