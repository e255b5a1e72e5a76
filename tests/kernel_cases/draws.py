"""Cases of the draws and of the quadratic kernels."""

import numpy as np

from kernel_cases import Case, cases_of

KEY = (0xA4093822, 0x299F31D0)
ROWS = np.array([2, 0, 2, 6])


@cases_of("draw.philox")
def philox(dtype):
    yield Case((1, 2**32 - 1, 3, 2**31, *KEY))


@cases_of("draw.uniform")
def uniform(dtype):
    yield Case((np.uint64(2**32 - 5), np.uint64(12345)), roundings=0)


@cases_of("draw.draw_index")
def draw_index(dtype):
    for position in (0, 1, 7):
        yield Case((position, 2**33 + 5, 3, 2, 1000, *KEY))


@cases_of("draw.permute")
def permute(dtype):
    for index in (0, 5, 99):
        yield Case((index, 100, 7, 1, 2, *KEY))


@cases_of("draw.draw_batch")
def draw_batch(dtype):
    nothing = np.empty(0, np.int64)
    for mode, order, buffer in (
        (0, np.arange(23)[::-1].copy(), nothing),
        (1, nothing, np.full(5, -1)),
        (2, nothing, np.full(5, -1)),
    ):
        for step in (0, 3, 2**33):
            yield Case(((order, buffer, mode, 23, 5, 1, *KEY), step, 2))


@cases_of("draw.normals")
def normals(dtype):
    for n in (0, 1, 2, 7):
        yield Case((2**40 + 3, 5, *KEY, np.zeros(n, dtype)))


def random(*shape):
    return np.random.default_rng(0).standard_normal(shape)


SHAPES = ((1, 1, 1), (1, 3, 5), (7, 4, 2))


@cases_of("quadratic.add_product")
def add_product(dtype):
    for samples, p, q in SHAPES:
        yield Case((random(samples, p, q), ROWS % samples, random(q), 0.7, random(p)), 16)


@cases_of("quadratic.add_transposed_product")
def add_transposed_product(dtype):
    for samples, p, q in SHAPES:
        yield Case((random(samples, q, p), ROWS % samples, random(q), -1.3, random(p)), 16)


@cases_of("quadratic.add_vector")
def add_vector(dtype):
    for samples, p, _ in SHAPES:
        yield Case((random(samples, p), ROWS % samples, 0.4, random(p)))


@cases_of("quadratic.add_noise")
def add_noise(dtype):
    for rows in (ROWS, np.empty(0, np.int64)):
        yield Case((rows, 2, 0.5, *KEY, np.zeros(5), random(5)), scratch=(5,))


@cases_of("quadratic.add_dot")
def add_dot(dtype):
    yield Case((random(9), random(9)[::-1].copy(), 2.0, np.array([0.25])), 16)
