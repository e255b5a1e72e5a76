"""Calls of the kernels that work on whole vectors: steps, averages, projections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fastbilevel._rates.case import Case
from fastbilevel.kernels.reference.projection import BALL, BOX, NONE, SIMPLEX

LR = 1e-6


def make_axpy(k: Any) -> Any:
    def axpy(repeats, x, y):
        for _ in range(repeats):
            k.vector.axpy(1e-6, x, y)

    return axpy


def make_normalized_momentum(k: Any) -> Any:
    def normalized_momentum(repeats, x, m, phi, nothing, norm, flag):
        for _ in range(repeats):
            k.vector.normalized_momentum(x, m, phi, LR, 0.5, 1, NONE, nothing, nothing, norm, flag)

    return normalized_momentum


def make_recursive_momentum(k: Any) -> Any:
    def recursive_momentum(repeats, h, new, old):
        for _ in range(repeats):
            k.momentum.recursive_momentum(h, new, old, 0.5)

    return recursive_momentum


def make_extrapolate(k: Any) -> Any:
    def extrapolate(repeats, v, previous):
        for _ in range(repeats):
            k.momentum.extrapolate(v, previous, 0.5)

    return extrapolate


def make_proximal_step(k: Any) -> Any:
    def proximal_step(repeats, y, previous, center, kind, a, b):
        for _ in range(repeats):
            k.proximal.proximal_step(y, previous, center, LR, kind, a, b)

    return proximal_step


def make_project(k: Any) -> Any:
    def project(repeats, v, kind, a, b):
        for _ in range(repeats):
            k.projection.project(v, kind, a, b)

    return project


def vector_cases(n: int, dtype: np.dtype[Any]) -> Iterator[Case]:
    """Calls on vectors of n elements."""
    x, y, phi = np.zeros(n, dtype), np.zeros(n, dtype), np.ones(n, dtype)
    size, pass_ = f"{n}", n * dtype.itemsize
    yield Case("vector.axpy", size, make_axpy, (), (x, y), 3 * pass_, 2 * n)
    nothing = np.empty(0, dtype)
    rest = phi, nothing, np.empty(1), np.zeros(1, np.int64)
    make = make_normalized_momentum
    yield Case("vector.normalized_momentum", size, make, (), (x, y, *rest), 6 * pass_, 7 * n)
    make = make_recursive_momentum
    yield Case("momentum.recursive_momentum", size, make, (), (x, y, phi), 4 * pass_, 3 * n)
    yield Case("momentum.extrapolate", size, make_extrapolate, (), (x, y), 4 * pass_, 3 * n)
    low, high = np.full(n, -1, dtype), np.full(n, 1, dtype)
    one = np.ones(1, dtype)
    sets = {
        "box": (BOX, low, high, 4 * pass_),
        "ball": (BALL, x.copy(), one, 3 * pass_),
        "simplex": (SIMPLEX, nothing, one, 3 * pass_),
    }
    make = make_proximal_step
    proximal = (y, x, phi, NONE, nothing, nothing)
    yield Case("proximal.proximal_step", size, make, (), proximal, 4 * pass_, 3 * n)
    for name, (kind, a, b, touched) in sets.items():
        v = np.linspace(-0.5, 0.5, n, dtype=dtype)
        yield Case(
            "projection.project", f"{size} {name}", make_project, (), (v, kind, a, b), touched
        )
