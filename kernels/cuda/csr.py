"""CUDA twin of `kernels.reference.csr`.

A step of a group is two launches: residuals, where a block owns a row, and the update, where a
block owns features. The rows of both levels share a launch, and so do the updates from both.

Minibatches that are no fixed blocks have no copy by features. They take a third launch, in which
every block looks through all entries for those of its own features: with m entries and b blocks
that is b*m feature numbers read from cache. On paper (an H100, minibatches of 1,000 rows of 20
Newsgroups) it takes about 0.1 ms, several times the rest of the step.
"""

from __future__ import annotations

import sys

from ..descent import make_descend
from . import draw
from .constants import FEATURES, OWNERS, THREADS
from .csr_arguments import MOST_ROWS, add_rows, columns_of, owners, row_threads, rows_of
from .launch import MOST_BLOCKS, launch, shift_arguments, table


def forward(X, rows, V, Z, width):
    types = V.dtype, X[1].dtype
    blocks = min(rows.size, MOST_ROWS)
    launch("csr.forward", types, blocks, row_threads(width), *rows_of((X,), rows), V, Z, width)


def backward(X, rows, Z, scale, G, width):
    minibatch = rows_of((X,), rows)
    add_rows(minibatch, (*minibatch[:-1], 0), Z, 0, width, scale, None, G, width, 0, width)


def descent_step(
    train, rows_g, block_g, val, rows_f, block_f, x, weights, penalty, lr,
    V, scale, work, g, C, kind, shift, n_threads,
):  # fmt: skip
    types, width = (V.dtype, train[0][1].dtype), g * C
    (Z,) = work
    lower, upper = rows_of(train, rows_g), rows_of(val, rows_f)
    launch(
        "csr.residuals",
        types,
        min(rows_g.size + rows_f.size, MOST_ROWS),
        row_threads(width),
        *(*lower, *train[1:3], *upper, *val[1:3], x, x.size, *shift_arguments(shift), kind),
        *(table(weights), V, scale, Z, g, C),
    )
    launch(
        "csr.update",
        types,
        owners(scale.size),
        OWNERS,
        *(*columns_of(train, rows_g, block_g), *columns_of(val, rows_f, block_f), rows_g.size),
        *(Z, V, scale, penalty, int(penalty.shape[1] == 1), float(lr), scale.size, g, C),
    )
    if min(block_g, block_f) < 0:
        without = [
            minibatch if block < 0 else (*minibatch[:-1], 0)
            for minibatch, block in ((lower, block_g), (upper, block_f))
        ]
        add_rows(*without, Z, rows_g.size, width, -lr, scale, V, width, 0, width)


descent_step_threaded = descent_step


def flush(V, scale, width):
    blocks = min(-(-scale.size // FEATURES), MOST_BLOCKS)
    launch("csr.flush", (V.dtype,), blocks, THREADS, V, scale, scale.size, width)


descend = make_descend(draw, sys.modules[__name__], False)
descend_threaded = descend
