"""Cases of gradients, curvature and linear steps of softmax regression, on CSR and dense data."""

import numpy as np

from fastbilevel.kernels.reference.csr_curvature import POWERS, SOLVE, SUM
from kernel_cases import Case, Laid, cases_of
from kernel_cases.regression import (
    BATCH,
    NONE,
    ORDER,
    ROWS,
    SIGMOID,
    C,
    D,
    N,
    csr,
    dense,
    random,
    side,
)
from kernel_cases.rows import LABELS, logits
from kernel_cases.rows import ROWS as FEW_ROWS

LR = 0.3
# Blocks read from copies, the shorter last one among them, and rows with repetitions.
BATCHES = ((1, NONE), (2, NONE), (-1, SIGMOID))


@cases_of("softmax.derivatives")
def derivatives_of_rows(dtype):
    for classes in (2, 3, 20):
        Z, coefficients = logits(dtype, classes), random(dtype, FEW_ROWS.size, seed=1)
        # Directions of their own size: results are compared with the largest in an array.
        U = random(dtype, Z.size, seed=2)
        cross = np.full(FEW_ROWS.size + 1, -1.0)
        arguments = Z, U, LABELS, FEW_ROWS, coefficients, cross, classes
        yield Case(arguments, 32, dtype)


def batches(dtype, make, family):
    """(side, rows, block, x, kind) of each minibatch."""
    data, x = side(make(dtype, 5), family, dtype, 5), random(dtype, N, seed=2)
    for block, kind in BATCHES:
        rows = ROWS if block < 0 else ORDER[BATCH * block : BATCH * (block + 1)]
        yield data, rows, block, x, kind


def penalties(family):
    """e for one number everywhere or per feature, and for one per entry."""
    rng = np.random.default_rng(4)
    for shape in ((D, 1), (D, C)) if family == "csr" else ((1, 1), (1, C * D)):
        yield rng.uniform(0.1, 1.0, shape)


def work(dtype, family):
    return Laid(family, "curvature_workspace", (D, BATCH, C, dtype))


def gradients(dtype, make, family):
    y, out = random(dtype, 2, D * C)
    for data, rows, block, x, kind in batches(dtype, make, family):
        for penalty in (*penalties(family), np.empty((0, 1))):
            arguments = data, rows, block, x, y, penalty, out, work(dtype, family)
            yield Case((*arguments, C, kind, 0.0), 64, None, (7,))


def products(dtype, make, family):
    Y, out = random(dtype, 2, D * C), random(dtype, D * C)
    for data, rows, block, x, kind in batches(dtype, make, family):
        for penalty in penalties(family):
            arguments = data, rows, block, x, Y, penalty, out, work(dtype, family)
            yield Case((*arguments, C, kind, 0.0), 64, None, (7,))


def directionals(dtype, make, family):
    Y = random(dtype, 2, D * C)
    for data, rows, block, _, _ in batches(dtype, make, family):
        cross = np.full(rows.size + 3, -1.0)
        yield Case((data, rows, block, Y, cross, work(dtype, family), C), 64, dtype, (5,))


def all_derivatives(dtype, make, family):
    Y, G = random(dtype, 2, D * C), random(dtype, 2, D * C)
    for data, rows, block, x, kind in batches(dtype, make, family):
        for penalty in penalties(family):
            cross = np.full(rows.size + 3, -1.0)
            arguments = data, rows, block, x, Y, penalty, G, cross, work(dtype, family)
            yield Case((*arguments, C, kind, 0.0), 64, dtype, (8,))


def linear_steps(dtype, make, family):
    """Every mode at the first step and at a later one, where some features lag behind."""
    Y, (b, total) = random(dtype, 2, D * C), random(dtype, 2, D * C, seed=1)
    blocks = -(-N // BATCH)
    lagging = np.arange(D, dtype=np.int32) % 4
    done = lagging if family == "csr" else np.zeros(1, np.int32)
    memory = Laid(family, "linear_memory", (D, blocks, BATCH, C, dtype))
    for penalty in penalties(family):
        for mode in (POWERS, SUM, SOLVE):
            for step, count in ((0, np.zeros_like(done)), (3, done)):
                for data, rows, block, x, kind in batches(dtype, make, family):
                    if step and family == "dense":
                        continue
                    yield Case(
                        (
                            *(data, rows, block, x, Y, penalty, b, total, LR, mode, step),
                            *(count, memory, work(dtype, family), C, kind, 0.0),
                        ),
                        roundings=64,
                        scratch=(12, 13),
                    )


def finished(dtype, family):
    Y, (b, total) = random(dtype, 2, D * C), random(dtype, 2, D * C, seed=1)
    memory = Laid(family, "linear_memory", (D, 0, BATCH, C, dtype))
    done = np.arange(D, dtype=np.int32) % 4
    for penalty in penalties(family):
        for mode in (POWERS, SUM, SOLVE):
            yield Case((Y, penalty, b, total, LR, mode, 3, done, memory, C), 16, None, (8,))


@cases_of("csr_curvature.gradient")
def csr_gradient(dtype):
    yield from gradients(dtype, csr, "csr")


@cases_of("dense_curvature.gradient")
def dense_gradient(dtype):
    yield from gradients(dtype, dense, "dense")


@cases_of("csr_curvature.product")
def csr_product(dtype):
    yield from products(dtype, csr, "csr")


@cases_of("dense_curvature.product")
def dense_product(dtype):
    yield from products(dtype, dense, "dense")


@cases_of("csr_curvature.directional")
def csr_directional(dtype):
    yield from directionals(dtype, csr, "csr")


@cases_of("dense_curvature.directional")
def dense_directional(dtype):
    yield from directionals(dtype, dense, "dense")


@cases_of("csr_curvature.derivatives")
def csr_derivatives(dtype):
    yield from all_derivatives(dtype, csr, "csr")


@cases_of("dense_curvature.derivatives")
def dense_derivatives(dtype):
    yield from all_derivatives(dtype, dense, "dense")


@cases_of("csr_curvature.linear_step")
def csr_linear_step(dtype):
    yield from linear_steps(dtype, csr, "csr")


@cases_of("dense_curvature.linear_step")
def dense_linear_step(dtype):
    yield from linear_steps(dtype, dense, "dense")


@cases_of("csr_curvature.finish")
def csr_finish(dtype):
    yield from finished(dtype, "csr")


@cases_of("dense_curvature.finish")
def dense_finish(dtype):
    yield from finished(dtype, "dense")
