"""Cases of the kernels on powers of residuals and of the uniformly convex instance."""

import numpy as np

from kernel_cases import Case, cases_of

POWERS = (2.0, 2.5, 3.0, 4.0, 7.3, 8.0)
ROWS = np.array([3, 0, 3, 8, 5])
M, N = ROWS.size, 9
KINDS = (0, 1, 2)
SCALE = 0.3


def random(dtype, *shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def residuals(dtype):
    """M residuals and one more, among them zero, a tiny and a large one."""
    Z = 2 * random(dtype, M + 1)
    Z[0], Z[1], Z[2] = 0.0, -1e-3, 30.0
    return Z


def coefficients():
    return np.linspace(0.0, 2.0, M + 1)


def beyond(m=M + 1):
    return np.full(m, -1.0)


@cases_of("powers.absolute_power")
def absolute_power(dtype):
    for power in (0.0, 0.5, 1.0, *POWERS, 16.0, 17.0):
        for value in (0.0, -1e-3, 0.7, -30.0, np.inf, np.nan):
            yield Case((value, power), 32)


@cases_of("powers.subtract_targets")
def subtract_targets(dtype):
    yield Case((residuals(dtype), random(dtype, N, seed=1), ROWS))


@cases_of("powers.losses")
def losses(dtype):
    for power in POWERS:
        yield Case((residuals(dtype), M, power, beyond()), 32)


@cases_of("powers.slopes")
def slopes(dtype):
    for power in POWERS:
        yield Case((residuals(dtype), coefficients(), M, power), 32)


@cases_of("powers.curvatures")
def curvatures(dtype):
    for power in POWERS:
        U = random(dtype, M + 1, seed=2)
        yield Case((residuals(dtype), U, coefficients(), M, power), 32)


@cases_of("powers.directional")
def directional(dtype):
    for power in POWERS:
        yield Case((residuals(dtype), random(dtype, M + 1, seed=2), M, power, beyond()), 32)


def row_weights(dtype):
    """x and the caller's weights."""
    x = np.array([*np.linspace(-0.5, 1.5, N - 3), 0.0, 1.0, -2.0], dtype)
    return x, np.linspace(0.5, 2.0, N).astype(dtype)


@cases_of("powers.row_coefficients")
def row_coefficients(dtype):
    for kind in KINDS:
        for power in POWERS[:4]:
            yield Case((kind, *row_weights(dtype), ROWS, power, SCALE, beyond()), 32)


@cases_of("powers.weight_gradient")
def weight_gradient(dtype):
    terms = np.linspace(-1, 3, M)
    for kind in KINDS:
        for power in POWERS[:4]:
            yield Case(
                (kind, *row_weights(dtype), ROWS, terms, power, SCALE, np.ones(N, dtype)), 32
            )


@cases_of("powers.add_norm")
def add_norm(dtype):
    for power in POWERS:
        yield Case((residuals(dtype), power, SCALE, np.ones(1)), 64)


@cases_of("powers.add_norm_gradient")
def add_norm_gradient(dtype):
    for power in POWERS:
        yield Case((residuals(dtype), power, SCALE, np.ones(M + 1, dtype)), 32)


@cases_of("powers.add_norm_product")
def add_norm_product(dtype):
    for power in POWERS:
        v, out = random(dtype, M + 1, seed=3), np.ones(M + 1, dtype)
        yield Case((residuals(dtype), v, power, SCALE, out), 32)


def points(dtype):
    """x and y, before and after f is cut off."""
    for x, y in ((0.7, 0.3), (-2.0, 0.0), (0.0, -0.9), (1.0, 1.9), (1.0, -1.9)):
        yield np.array([x], dtype), np.array([y], dtype)


@cases_of("sine.signed_power")
def signed_power(dtype):
    for power in POWERS:
        for value in (0.0, 0.7, -1.3):
            yield Case((value, power), 32)


@cases_of("sine.lower_value")
def lower_value(dtype):
    for power in POWERS:
        for x, y in points(dtype):
            yield Case((x, y, power, np.ones(1)), 64)


@cases_of("sine.lower_gradient")
def lower_gradient(dtype):
    for power in POWERS:
        for x, y in points(dtype):
            yield Case((x, y, power, np.ones(1, dtype)), 64)


@cases_of("sine.cross")
def cross(dtype):
    for x, y in points(dtype):
        yield Case((x, y, np.ones(1, dtype)), 16)


@cases_of("sine.upper_value")
def upper_value(dtype):
    for power in POWERS:
        for _, y in points(dtype):
            yield Case((y, power, np.full(1, 7.0)), 64)


@cases_of("sine.upper_gradient")
def upper_gradient(dtype):
    for power in POWERS:
        for _, y in points(dtype):
            yield Case((y, power, np.full(1, 7.0, dtype)), 64)
