"""Data of given shapes for the benchmarks of the CUDA backend, on the host and on the device."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

import fastbilevel as fb
from fastbilevel.datasets import make_text

from .gpu_work import Run, Shape
from .ours import Stepper

SEED, NU = 0, 0.1
# Steps on y and x, as in the benchmarks of the CPU backend.
TEXT_STEPS, IMAGE_STEPS, NARROW_STEPS = (100.0, 0.1), (0.05, 1.0), (0.5, 0.01)


class Rows(NamedTuple):
    """Training and validation rows of a shape, on the host."""

    shape: Shape
    X: Any
    y: np.ndarray
    X_val: Any
    y_val: np.ndarray


def rows_of(shape: Shape) -> Rows:
    """Generated rows, as many of them for validation as for training."""
    n, d, C = shape.n, shape.d, shape.C
    rng = np.random.default_rng(SEED)
    if not shape.sparse:
        X = rng.standard_normal((2 * n, d), dtype=np.float32)
        y = np.argmax(X @ rng.standard_normal((d, C), dtype=np.float32), axis=1)
        y[:C] = np.arange(C)
        return Rows(shape, X[:n], y[:n], X[n:], y[n:])
    X, y = make_text(2 * n, d, C, nnz=shape.entries, dtype=np.float32)
    blocks = [np.sort(rng.permutation(n)[: shape.batch]) + n * side for side in range(2)]
    one, both = (np.unique(X[block].indices).size for block in (blocks[0], np.concatenate(blocks)))
    shape = dataclasses.replace(shape, entries=X.nnz / X.shape[0], features=(one, both))
    return Rows(shape, X[:n], y[:n], X[n:], y[n:])


def problem_of(rows: Rows, cupy: Any = None) -> Any:
    """The bilevel problem of a shape, on the device if `cupy` is given."""
    arrays = rows[1:] if cupy is None else tuple(_on_device(cupy, array) for array in rows[1:])
    if rows.shape.cleaning:
        return fb.problems.HyperCleaning(*arrays, reg=1e-3)
    return fb.problems.LearnToRegularize(*arrays)


def _on_device(cupy: Any, array: Any) -> Any:
    if not sp.issparse(array):
        return cupy.asarray(array)
    from cupyx.scipy.sparse import csr_matrix

    return csr_matrix(sp.csr_matrix(array))


def stepper(problem: Any, run: Run, count: int, n_threads: int = 1) -> Stepper:
    """F2SA-p on fixed blocks with shared minibatches, `count` outer iterations at a time."""
    shape = run.shape
    narrow = IMAGE_STEPS if shape.cleaning else NARROW_STEPS
    lr_y, lr_x = TEXT_STEPS if shape.sparse else narrow
    return Stepper(
        problem,
        count,
        method="f2sa-p",
        order=run.q,
        nu=NU,
        lr_y=lr_y,
        lr_x=lr_x,
        inner_steps=shape.steps,
        batch_size=shape.batch,
        val_batch_size=shape.batch,
        sampling="blocks",
        seed=SEED,
        n_threads=n_threads,
    )
