"""Cases of gradients, curvature and linear steps of softmax regression, on CSR and dense data."""

import numpy as np

from fastbilevel.kernels import layout_csr, layout_dense
from fastbilevel.kernels.reference.csr_curvature import POWERS, SOLVE, SUM
from kernel_cases import Case, cases_of
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


def batches(dtype, make, layout):
    """(side, rows, block, x, kind) of each minibatch."""
    data, x = side(make(dtype, 5), layout, dtype, 5), random(dtype, N, seed=2)
    for block, kind in BATCHES:
        rows = ROWS if block < 0 else ORDER[BATCH * block : BATCH * (block + 1)]
        yield data, rows, block, x, kind


def penalties(layout):
    """e for one number everywhere or per feature, and for one per entry."""
    rng = np.random.default_rng(4)
    for shape in ((D, 1), (D, C)) if layout is layout_csr else ((1, 1), (1, C * D)):
        yield rng.uniform(0.1, 1.0, shape)


def work(dtype, layout):
    return layout.curvature_workspace(D, BATCH, C, dtype)


def gradients(dtype, make, layout):
    y, out = random(dtype, 2, D * C)
    for data, rows, block, x, kind in batches(dtype, make, layout):
        for penalty in (*penalties(layout), np.empty((0, 1))):
            arguments = data, rows, block, x, y, penalty, out, work(dtype, layout)
            yield Case((*arguments, C, kind, 0.0), 64, None, (7,))


def products(dtype, make, layout):
    Y, out = random(dtype, 2, D * C), random(dtype, D * C)
    for data, rows, block, x, kind in batches(dtype, make, layout):
        for penalty in penalties(layout):
            arguments = data, rows, block, x, Y, penalty, out, work(dtype, layout)
            yield Case((*arguments, C, kind, 0.0), 64, None, (7,))


def directionals(dtype, make, layout):
    Y = random(dtype, 2, D * C)
    for data, rows, block, _, _ in batches(dtype, make, layout):
        cross = np.full(rows.size + 3, -1.0)
        yield Case((data, rows, block, Y, cross, work(dtype, layout), C), 64, dtype, (5,))


def all_derivatives(dtype, make, layout):
    Y, G = random(dtype, 2, D * C), random(dtype, 2, D * C)
    for data, rows, block, x, kind in batches(dtype, make, layout):
        for penalty in penalties(layout):
            cross = np.full(rows.size + 3, -1.0)
            arguments = data, rows, block, x, Y, penalty, G, cross, work(dtype, layout)
            yield Case((*arguments, C, kind, 0.0), 64, dtype, (8,))


def linear_steps(dtype, make, layout):
    """Every mode at the first step and at a later one, where some features lag behind."""
    Y, (b, total) = random(dtype, 2, D * C), random(dtype, 2, D * C, seed=1)
    blocks = -(-N // BATCH)
    lagging = np.arange(D, dtype=np.int32) % 4
    done = lagging if layout is layout_csr else np.zeros(1, np.int32)
    memory = layout.linear_memory(D, blocks, BATCH, C, dtype)
    for penalty in penalties(layout):
        for mode in (POWERS, SUM, SOLVE):
            for step, count in ((0, np.zeros_like(done)), (3, done)):
                for data, rows, block, x, kind in batches(dtype, make, layout):
                    if step and layout is layout_dense:
                        continue
                    yield Case(
                        (
                            *(data, rows, block, x, Y, penalty, b, total, LR, mode, step),
                            *(count, memory, work(dtype, layout), C, kind, 0.0),
                        ),
                        roundings=64,
                        scratch=(12, 13),
                    )


def finished(dtype, layout):
    Y, (b, total) = random(dtype, 2, D * C), random(dtype, 2, D * C, seed=1)
    memory = layout.linear_memory(D, 0, BATCH, C, dtype)
    done = np.arange(D, dtype=np.int32) % 4
    for penalty in penalties(layout):
        for mode in (POWERS, SUM, SOLVE):
            yield Case((Y, penalty, b, total, LR, mode, 3, done, memory, C), 16, None, (8,))


@cases_of("csr_curvature.gradient")
def csr_gradient(dtype):
    yield from gradients(dtype, csr, layout_csr)


@cases_of("dense_curvature.gradient")
def dense_gradient(dtype):
    yield from gradients(dtype, dense, layout_dense)


@cases_of("csr_curvature.product")
def csr_product(dtype):
    yield from products(dtype, csr, layout_csr)


@cases_of("dense_curvature.product")
def dense_product(dtype):
    yield from products(dtype, dense, layout_dense)


@cases_of("csr_curvature.directional")
def csr_directional(dtype):
    yield from directionals(dtype, csr, layout_csr)


@cases_of("dense_curvature.directional")
def dense_directional(dtype):
    yield from directionals(dtype, dense, layout_dense)


@cases_of("csr_curvature.derivatives")
def csr_derivatives(dtype):
    yield from all_derivatives(dtype, csr, layout_csr)


@cases_of("dense_curvature.derivatives")
def dense_derivatives(dtype):
    yield from all_derivatives(dtype, dense, layout_dense)


@cases_of("csr_curvature.linear_step")
def csr_linear_step(dtype):
    yield from linear_steps(dtype, csr, layout_csr)


@cases_of("dense_curvature.linear_step")
def dense_linear_step(dtype):
    yield from linear_steps(dtype, dense, layout_dense)


@cases_of("csr_curvature.finish")
def csr_finish(dtype):
    yield from finished(dtype, layout_csr)


@cases_of("dense_curvature.finish")
def dense_finish(dtype):
    yield from finished(dtype, layout_dense)
