"""Cases of the vector kernels: sizes around vector and cache-line edges, NaN, infinity."""

import numpy as np

from fastbilevel.kernels.reference.projection import BALL, BOX, NONE, SIMPLEX
from kernel_cases import Case, cases_of

SIZES = (0, 1, 2, 3, 7, 8, 63, 64, 65)
BAD = (np.nan, np.inf, -np.inf)
NU = 0.25
NOTHING = (NONE, (), ())


def arrays(dtype, count, *shape, seed=0):
    return np.random.default_rng(seed).standard_normal((count, *shape)).astype(dtype)


@cases_of("vector.axpy")
def axpy(dtype):
    for n in SIZES:
        yield Case((0.37, *arrays(dtype, 2, n)))
    for bad in BAD:
        x, y = arrays(dtype, 2, 9)
        x[8] = bad
        yield Case((0.37, x, y))


@cases_of("vector.scale")
def scale(dtype):
    for shape in (*((n,) for n in SIZES), (3, 2), (5, 1)):
        x, out = arrays(np.float64, 2, *shape)
        yield Case((0.37, x, out))


@cases_of("vector.norm")
def norm(dtype):
    for n in SIZES:
        yield Case((*arrays(dtype, 1, n), np.ones(1)), 64)
    for bad in BAD:
        (x,) = arrays(dtype, 1, 65)
        x[64] = bad
        yield Case((x, np.ones(1)))


@cases_of("vector.perturbed_step")
def perturbed_step(dtype):
    for n in SIZES:
        for weight in (0.0, -0.2):
            yield Case((*arrays(dtype, 3, n), weight, 0.37))
    for bad in BAD:
        y, g, f = arrays(dtype, 3, 9)
        f[4] = bad
        yield Case((y, g, f, 0.0, 0.37))
        yield Case((y, g, f, 0.2, 0.37))


@cases_of("vector.combine_offsets")
def combine_offsets(dtype):
    for alpha in ([-1.0, 1.0], [1 / 12, -2 / 3, 2 / 3, -1 / 12]):
        weights = NU * np.arange(len(alpha))
        for n in SIZES:
            F, G = arrays(dtype, 2, len(alpha), n)
            yield Case((F, G, weights, np.array(alpha), NU, np.ones(n, dtype)), 16)
    for bad in BAD:
        F, G = arrays(dtype, 2, 2, 9)
        G[1, 3], F[0, 5] = bad, bad
        yield Case((F, G, np.array([-NU, NU]), np.array([-0.5, 0.5]), NU, np.ones(9, dtype)), 16)


@cases_of("vector.normalized_momentum")
def normalized_momentum(dtype):
    def call(x, m, phi, momentum=0.9, normalize=1, domain=NOTHING, flag=0):
        kind, *sets = domain
        sets = [np.asarray(values, dtype) for values in sets]
        outputs = np.full(1, 7.0), np.array([flag])
        # The norm is that of m after it was rounded to its dtype.
        arguments = (x, m, phi, 0.37, momentum, normalize, kind, *sets, *outputs)
        return Case(arguments, 16, arithmetic=dtype)

    for n in SIZES:
        vectors = arrays(dtype, 3, n)
        for normalize in (0, 1):
            yield call(*vectors, normalize=normalize)
            box = BOX, np.full(n, -0.5), np.full(n, 0.5)
            for domain in (box, (BALL, np.zeros(n), [0.5]), (SIMPLEX, [], [0.5])):
                yield call(*vectors, momentum=0.0, normalize=normalize, domain=domain)
    yield call(*arrays(dtype, 3, 9), flag=1)
    yield call(*arrays(dtype, 1, 9), np.zeros(9, dtype), np.zeros(9, dtype))
    for bad in BAD:
        x, m, phi = arrays(dtype, 3, 65)
        phi[64] = bad
        # Reassociated, an infinite average and its norm may be NaN; flag and x say what counts.
        yield call(x, m, phi)._replace(scratch=(1, 9) if np.isinf(bad) else ())


def stacked(dtype, rows, g, cols):
    return arrays(dtype, 3, rows * g * cols), (rows, g, cols)


@cases_of("vector.recenter")
def recenter(dtype):
    for shape in ((1, 1, 1), (4, 2, 3), (1, 2, 9)):
        Y, sizes = stacked(dtype, *shape)
        for positive in (np.arange(3 * shape[1]) % 2, np.zeros(3 * shape[1], np.int64)):
            yield Case((Y, positive.reshape(3, shape[1]), *sizes))


@cases_of("vector.average_offsets")
def average_offsets(dtype):
    for shape in ((1, 1, 1), (4, 2, 3), (1, 2, 9)):
        Y, sizes = stacked(dtype, *shape)
        weights = np.linspace(0, 1, 3 * shape[1]).reshape(3, shape[1])
        Y[0, : shape[2]] = np.nan
        yield Case((Y, weights, *sizes, np.ones(shape[0] * shape[2], dtype)))
