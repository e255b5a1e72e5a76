"""Small instances of the built-in problems with the types that callers use, to compile for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import sparse

from fastbilevel.problems import hard
from fastbilevel.problems.base import BilevelProblem
from fastbilevel.problems.hyper_cleaning import HyperCleaning
from fastbilevel.problems.learn_to_regularize import LearnToRegularize
from fastbilevel.problems.lp_regression import LpRegression
from fastbilevel.problems.quadratic import Quadratic

ROWS, FEATURES = 24, 6
LAYOUTS: dict[str, Any] = {"dense": np.ascontiguousarray, "CSR": sparse.csr_array}
DTYPES = (np.float64, np.float32)


def typical_problems(classes: int = 2) -> Iterator[BilevelProblem]:
    """Dense and CSR, float64 and float32, a penalty per feature and a weight per row."""
    for dtype in DTYPES:
        for layout in LAYOUTS:
            for problem in (LearnToRegularize, HyperCleaning):
                yield _on_data(problem, layout, dtype, classes)


def built_in() -> dict[str, Callable[[], BilevelProblem]]:
    """Makers of an instance of every built-in problem in each layout and dtype, by name."""
    found: dict[str, Callable[[], BilevelProblem]] = {}
    for dtype in DTYPES:
        for kind in (LearnToRegularize, HyperCleaning, LpRegression):
            for layout in LAYOUTS:
                name = f"{kind.__name__}, {layout}, {np.dtype(dtype).name}"
                found[name] = functools.partial(_on_data, kind, layout, dtype)
    found["Quadratic, float64"] = functools.partial(Quadratic.random, 3, 4)
    return found | {f"{name}, float64": functools.partial(_hard, name) for name in hard.names()}


def _on_data(kind: Any, layout: str, dtype: Any, classes: int = 2) -> BilevelProblem:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2 * ROWS, FEATURES)).astype(dtype)
    targets = np.arange(2 * ROWS) % classes
    if kind is LpRegression:
        targets = X.sum(axis=1)
    halves = [LAYOUTS[layout](half) for half in (X[:ROWS], X[ROWS:])]
    return kind(halves[0], targets[:ROWS], halves[1], targets[ROWS:])


def _hard(name: str) -> BilevelProblem:
    kind = getattr(hard, name)
    return kind(hard.CarmonChain(3)) if name in ("Separable", "YStarOracle") else kind()
