"""Cases of the kernels on rows of logits, on row weights and on penalties."""

import numpy as np

from kernel_cases import Case, cases_of

ROWS = np.array([3, 0, 3, 11, 7])
M, N = ROWS.size, 12
LABELS = (np.arange(N) % 2).astype(np.int32)
KINDS = (0, 1, 2, 3)
SCALE, NU = 0.3, 0.05


def random(dtype, *shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def logits(dtype, width):
    """Logits of M rows and some more, two rows with a huge one."""
    Z = 3 * random(dtype, M + 1, width)
    Z[1, 0], Z[2, -1] = 1e4, -1e4
    return Z.reshape(-1)


@cases_of("softmax.residual")
def residual(dtype):
    for C in (2, 3, 20):
        coefficients = random(dtype, M + 1, seed=1)
        yield Case((logits(dtype, C), LABELS, ROWS, coefficients, C), 16)
    Z = logits(dtype, 3)
    Z[4] = np.nan
    yield Case((Z, LABELS, ROWS, np.ones(M, dtype), 3), 16)


@cases_of("softmax.losses")
def losses(dtype):
    for C in (2, 3, 20):
        yield Case((logits(dtype, C), LABELS, ROWS, np.full(M + 1, -1.0), C), 16, dtype)


@cases_of("softmax.curvature")
def curvature(dtype):
    for C in (2, 3, 20):
        U = random(dtype, (M + 1) * C, seed=2)
        yield Case((logits(dtype, C), U, ROWS, random(dtype, M, seed=1), C), 16)


@cases_of("softmax.combine_losses")
def combine_losses(dtype):
    for g, C in ((1, 3), (2, 3), (2, 20)):
        alpha = np.linspace(-1, 2, g)
        yield Case((logits(dtype, g * C), LABELS, ROWS, alpha, np.ones(M + 1), g, C), 16, dtype)


def row_weights(dtype):
    """x and the caller's weights."""
    x = np.array([*np.linspace(-0.5, 1.5, N - 3), 0.0, 1.0, -2.0], dtype)
    return x, np.linspace(0.0, 2.0, N).astype(dtype)


@cases_of("weights.shift_of")
def shift_of(dtype):
    for kind in KINDS:
        yield Case((kind, row_weights(dtype)[0], np.full(1, 7.0)), 16)


@cases_of("weights.row_weight")
def row_weight(dtype):
    for kind in KINDS:
        for value in (-900.0, -0.5, 0.0, 0.5, 2.0):
            yield Case((kind, value, 2.5, N), 16)


@cases_of("weights.row_slope")
def row_slope(dtype):
    for kind in KINDS:
        for value in (-900.0, -0.5, 0.0, 0.5, 2.0):
            yield Case((kind, value), 16)


@cases_of("weights.row_coefficients")
def row_coefficients(dtype):
    for kind in KINDS:
        yield Case((kind, *_with_shift(dtype), ROWS, SCALE, np.full(M + 1, -1.0, dtype)), 16)


def _with_shift(dtype):
    x, given = row_weights(dtype)
    return x, 2.5, given


@cases_of("weights.weighted_sum")
def weighted_sum(dtype):
    losses = np.linspace(0, 3, M)
    for kind in KINDS:
        yield Case((kind, *_with_shift(dtype), ROWS, losses, SCALE, np.ones(1)), 16)


@cases_of("weights.weight_gradient")
def weight_gradient(dtype):
    losses = np.linspace(0, 3, M)
    for kind in KINDS:
        yield Case((kind, *_with_shift(dtype), ROWS, losses, SCALE, np.ones(N, dtype)), 16)


@cases_of("weights.row_products")
def row_products(dtype):
    for C in (1, 2, 20):
        Z, U = random(dtype, 2, M * C + 3)
        yield Case((Z, U, M, C, np.full(M + 1, -1.0)), 64)


def penalties():
    """Row and column numbers, number of coefficients, and sizes (rows, cols) of an iterate."""
    zero = np.zeros(1, np.int64)
    yield np.array([3, 1, 0, 2]), zero, 4, (4, 3)
    yield np.array([0, 3, 6, 9]), np.arange(3), 12, (4, 3)
    yield zero, np.tile(np.arange(4), 3), 4, (1, 12)
    yield np.array([0, 1, 1, 0]), zero, 2, (4, 3)


@cases_of("penalty.penalty_values")
def penalty_values(dtype):
    for row_index, col_index, n, _ in penalties():
        for learned in (True, False):
            out = np.ones((row_index.size, col_index.size))
            x = random(dtype, n)
            yield Case((learned, row_index, col_index, SCALE, x, np.empty(n), out), 16, None, (5,))


def placed():
    for row_index, col_index, _, (rows, cols) in penalties():
        yield np.abs(random(np.float64, row_index.size, col_index.size)), rows * cols


@cases_of("penalty.add_penalty_gradient")
def add_penalty_gradient(dtype):
    for penalty, size in placed():
        yield Case((penalty, *random(dtype, 2, size)), 16)


@cases_of("penalty.add_penalty")
def add_penalty(dtype):
    for penalty, size in placed():
        yield Case((penalty, random(dtype, size), np.ones(1)), 64)


@cases_of("penalty.penalty_products")
def penalty_products(dtype):
    for row_index, col_index, n, (rows, cols) in penalties():
        x, (u, v) = random(dtype, n), random(dtype, 2, rows * cols, seed=1)
        outputs = np.empty(n), np.ones(n, dtype)
        yield Case((row_index, col_index, SCALE, x, u, v, *outputs), 16, None, (6,))


@cases_of("penalty.penalty_gradient")
def penalty_gradient(dtype):
    alpha = np.array([[0.5, -0.5], [0.25, -0.25]])
    for row_index, col_index, n, (rows, cols) in penalties():
        x, Y = random(dtype, n), random(dtype, 2, rows * 2 * cols, seed=1)
        yield Case(
            (row_index, col_index, SCALE, x, Y, alpha, NU, np.empty(n), np.ones(n, dtype), 2, 3),
            64,
            None,
            (7,),
        )
