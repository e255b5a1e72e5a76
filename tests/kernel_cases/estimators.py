"""Cases of the averages of gradients and of the steps on a linear system."""

from kernel_cases import Case, cases_of
from kernel_cases.vectors import BAD, SIZES, arrays


def with_bad(vectors):
    """Copies of the vectors, one for every position of a number that is not finite."""
    for bad in BAD:
        for position in range(len(vectors)):
            spoilt = vectors.copy()
            spoilt[position, ..., 4] = bad
            yield spoilt


@cases_of("averages.moving_average")
def moving_average(dtype):
    for n in SIZES:
        yield Case((*arrays(dtype, 2, n), 0.3))
    for vectors in with_bad(arrays(dtype, 2, 9)):
        yield Case((*vectors, 0.3))


@cases_of("averages.saga")
def saga(dtype):
    for n in SIZES:
        yield Case((*arrays(dtype, 3, n), 0.3))
    for vectors in with_bad(arrays(dtype, 3, 9)):
        yield Case((*vectors, 0.3))


@cases_of("linear_system.joint_step")
def joint_step(dtype):
    for n in SIZES:
        for sign in (1.0, -1.0):
            (b,) = arrays(dtype, 1, n, seed=1)
            yield Case((*arrays(dtype, 2, 2, n), b, sign, 0.37, 0.11))
    for Y, G in with_bad(arrays(dtype, 2, 2, 9)):
        yield Case((Y, G, arrays(dtype, 1, 9, seed=1)[0], 1.0, 0.37, 0.11))


@cases_of("linear_system.inverse_scaling")
def inverse_scaling(dtype):
    for n in SIZES:
        for power, floor in ((2.0, 1e-3), (3.0, 1e-3), (4.5, 0.1)):
            y, out = arrays(dtype, 2, n)
            y[:1] = 0.0
            yield Case((y, power, floor, out), 16)


@cases_of("linear_system.scaled_axpy")
def scaled_axpy(dtype):
    for n in SIZES:
        yield Case((0.37, *arrays(dtype, 3, n)))
    for vectors in with_bad(arrays(dtype, 3, 9)):
        yield Case((0.37, *vectors))
