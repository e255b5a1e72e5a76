"""Small problems with the types that most callers use: what `warmup` compiles for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from fastbilevel.problems.base import BilevelProblem
from fastbilevel.problems.hyper_cleaning import HyperCleaning
from fastbilevel.problems.learn_to_regularize import LearnToRegularize

ROWS, FEATURES = 24, 6


def typical_problems(classes: int = 2) -> Iterator[BilevelProblem]:
    """Dense and CSR, float64 and float32, a penalty per feature and a weight per row."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2 * ROWS, FEATURES))
    y = np.arange(2 * ROWS) % classes
    for dtype in (np.float64, np.float32):
        for convert in (np.ascontiguousarray, sparse.csr_array):
            halves = [convert(X[:ROWS].astype(dtype)), convert(X[ROWS:].astype(dtype))]
            for problem in (LearnToRegularize, HyperCleaning):
                yield problem(halves[0], y[:ROWS], halves[1], y[ROWS:])
