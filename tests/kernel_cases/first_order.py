"""Cases of the momentum, proximal and barrier kernels of the first-order methods."""

import numpy as np

from kernel_cases import Case, cases_of
from kernel_cases.projections import domains
from kernel_cases.vectors import BAD, SIZES, arrays

SHAPES = (*((n,) for n in SIZES), (3, 5), (2, 64))


@cases_of("momentum.recursive_momentum")
def recursive_momentum(dtype):
    for shape in SHAPES:
        for momentum in (0.3, 1.0):
            yield Case((*arrays(dtype, 3, *shape), momentum), 4 if momentum < 1 else 0)
    for bad in BAD:
        for position in range(3):
            vectors = arrays(dtype, 3, 9)
            vectors[position, 4] = bad
            yield Case((*vectors, 0.3))
            yield Case((*vectors, 1.0), 0)


@cases_of("momentum.extrapolate")
def extrapolate(dtype):
    for shape in SHAPES:
        yield Case((*arrays(dtype, 2, *shape), 0.9))
    for bad in BAD:
        for position in range(2):
            vectors = arrays(dtype, 2, 9)
            vectors[position, 4] = bad
            yield Case((*vectors, 0.9))


@cases_of("momentum.restart")
def restart(dtype):
    for n in SIZES:
        for limits in ((1e-3, 1e-4), (1e-4, 1e-3), (100.0, 0.1)):
            memory = np.array([3.0, 0.25, *limits])
            yield Case((*arrays(dtype, 2, n), memory), 64)
    for bad in BAD:
        vectors = arrays(dtype, 2, 9)
        vectors[0, 4] = bad
        yield Case((*vectors, np.array([3.0, 0.25, 1.0, 0.1])))


@cases_of("proximal.proximal_step")
def proximal_step(dtype):
    for n in SIZES:
        for kind, a, b in domains(n):
            domain = kind, a.astype(dtype), b.astype(dtype)
            # The projection gets y after it was rounded to its dtype, and shrinks it.
            yield Case((*arrays(dtype, 3, n), 0.37, *domain), 64)
    for bad in BAD:
        vectors = arrays(dtype, 3, 9)
        vectors[0, 4] = bad
        kind, a, b = domains(9)[1]
        yield Case((*vectors, 0.37, kind, a.astype(dtype), b.astype(dtype)))


@cases_of("proximal.smooth")
def smooth(dtype):
    for n in SIZES:
        for smoothing in (0.0, 0.3, 1.0):
            yield Case((*arrays(dtype, 2, n), smoothing))
    for bad in BAD:
        center, y = arrays(dtype, 2, 9)
        y[4] = bad
        yield Case((center, y, 0.3))


@cases_of("barrier.dynamic_barrier")
def dynamic_barrier(dtype):
    def call(n_x, n_y, eta, *, use_values=0, domain=0, factor=1.0, bad=None, flag=0):
        x, m, f_x, *G_x = arrays(dtype, 5, n_x)
        y, f_y, g_y = factor * arrays(dtype, 3, n_y, seed=1)
        G_x = (factor * np.array(G_x)).astype(dtype)
        if bad is not None:
            f_y[-1] = bad
        kind, a, b = domains(n_x)[domain]
        outputs = np.full(4, 7.0), np.full(1, 7.0), np.array([flag])
        values = np.array([0.25, 1.75])
        domain = kind, a.astype(dtype), b.astype(dtype)
        arguments = (x, y, m, f_x, f_y, G_x, g_y, values, eta, use_values, 0.37, *domain, *outputs)
        # The norm is that of m after it was rounded to its dtype.
        return Case(arguments, 64, arithmetic=dtype)

    for n_x in SIZES:
        for use_values in (0, 1):
            for eta in (-5.0, 0.5):
                yield call(n_x, 65 - n_x, eta, use_values=use_values)
        for domain in range(4):
            yield call(n_x, 7, 0.5, domain=domain)
    yield call(9, 7, 0.5, factor=0)
    yield call(9, 7, 0.5, flag=1)
    for bad in BAD:
        case = call(9, 7, 0.5, bad=bad)
        # Reassociated, an infinite direction may be NaN; flag, x and y say what counts.
        yield case._replace(scratch=(2, 14, 15) if np.isinf(bad) else ())
