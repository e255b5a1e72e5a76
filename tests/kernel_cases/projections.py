"""Cases of the projections: every set, points inside and outside, ties, NaN, infinity."""

import numpy as np

from fastbilevel.kernels.reference.projection import BALL, BOX, NONE, SIMPLEX
from kernel_cases import Case, cases_of
from kernel_cases.vectors import BAD, SIZES, arrays


def domains(n, width=0.5):
    """Kind, a and b of one set of every kind; all but NONE are about `width` wide."""
    nothing = np.empty(0)
    return (
        (NONE, nothing, nothing),
        (BOX, np.full(n, -width), np.full(n, width / 2)),
        (BALL, np.linspace(0, width, n), np.array([width])),
        (SIMPLEX, nothing, np.array([width])),
    )


def by_sorting(v, total):
    """The projection onto the simplex from the sorted elements, in float64."""
    v = np.asarray(v, np.float64)
    ordered = np.sort(v)[::-1]
    thresholds = (np.cumsum(ordered) - total) / np.arange(1, v.size + 1)
    return np.maximum(v - thresholds[ordered > thresholds][-1], 0.0)


def projection_of(v, kind, a, b, roundings=4.0):
    return Case((v, kind, a.astype(v.dtype), b.astype(v.dtype)), roundings)


@cases_of("projection.project")
def project(dtype):
    for n in SIZES:
        (v,) = arrays(dtype, 1, n)
        for domain in domains(n):
            yield projection_of(v, *domain)
    with_ties = np.array([1.0, 1.0, -3.0, 1.0, 0.75, 0.75], dtype)
    for scale in (1e-20, 1.0, 1e20):
        for width in (1e-3, 1.0, 1e3):
            for domain in domains(6, width * scale):
                yield projection_of((scale * with_ties).astype(dtype), *domain)
    for bad in BAD:
        (v,) = arrays(dtype, 1, 9)
        v[4] = bad
        for domain in domains(9):
            yield projection_of(v, *domain)
