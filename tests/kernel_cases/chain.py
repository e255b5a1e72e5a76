"""Cases of the chains."""

import numpy as np

from kernel_cases import Case, cases_of
from kernel_cases.draws import KEY

SIZES = (1, 2, 7, 64)
# float32 input is exact in both; what differs is libm and the order of sums, all in float64.
ROUNDINGS = 64


def points(dtype, n):
    """Points that have discovered all, half and none of the chain, with both signs."""
    rng = np.random.default_rng(n)
    for found in (n, n // 2, 0):
        x = np.zeros(n, dtype)
        x[:found] = 1.5 * rng.standard_normal(found)
        yield x


def pairs(dtype):
    for n in SIZES:
        for y in points(dtype, n):
            yield np.array([0.7], dtype), y


@cases_of("chain.carmon_value")
def carmon_value(dtype):
    for n in SIZES:
        for x in points(dtype, n):
            yield Case((x, 3.0, 0.8, np.ones(1)), ROUNDINGS)


@cases_of("chain.carmon_gradient")
def carmon_gradient(dtype):
    for n in SIZES:
        for x in points(dtype, n):
            yield Case((x, 3.0, 0.8, np.ones(n, dtype)), ROUNDINGS)


@cases_of("chain.coin")
def coin(dtype):
    for sample in (0, 1, 2, 2**32 + 7, 2**53 - 1):
        yield Case((sample, 0.5, *KEY), 0)


@cases_of("chain.progress")
def progress(dtype):
    for n in SIZES:
        for x in points(dtype, n):
            for threshold in (0.0, 0.25):
                yield Case((x, threshold), 0)


@cases_of("chain.hide_next")
def hide_next(dtype):
    gradient = np.arange(1.0, 8.0).astype(dtype)
    for rows in (np.arange(5), np.array([3]), np.array([2**40, 1, 1]), np.empty(0, np.int64)):
        for x in points(dtype, 7):
            for threshold in (0.0, 0.25):
                yield Case((x, threshold, rows, 0.3, *KEY, gradient))


@cases_of("chain.path_value")
def path_value(dtype):
    for _, y in pairs(dtype):
        yield Case((y, 0.5, np.ones(1)), ROUNDINGS)


@cases_of("chain.path_gradient")
def path_gradient(dtype):
    for _, y in pairs(dtype):
        yield Case((y, 0.5, np.ones(y.size, dtype)))


@cases_of("chain.tail_value")
def tail_value(dtype):
    for x, y in pairs(dtype):
        yield Case((x, y, np.ones(1)), ROUNDINGS)


@cases_of("chain.tail_gradient_x")
def tail_gradient_x(dtype):
    for x, y in pairs(dtype):
        yield Case((x, y, np.ones(1, dtype)), ROUNDINGS)


@cases_of("chain.tail_gradient_y")
def tail_gradient_y(dtype):
    for x, y in pairs(dtype):
        yield Case((x, y, np.ones(y.size, dtype)), ROUNDINGS)
