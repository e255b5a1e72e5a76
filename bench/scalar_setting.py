"""Problems with one or two variables, on which the cost of an iteration is that of its loop."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba
import numpy as np

import fastbilevel as fb

BAR, AIM = 200_000, 1_000_000
SAMPLES = 1000
BATCHES_OF_ONE = {"batch_size": 1, "val_batch_size": 1}


class Case(NamedTuple):
    """A problem, how its samples are drawn, and from which weight w on g + w f has a minimum."""

    problem: Any
    batches: dict[str, int]
    least_weight: float = -math.inf

    def suits(self, method: str, **options: Any) -> bool:
        """Whether a method accepts the problem and all of its lower problems have minimisers."""
        chosen = fb.methods.resolve(method, options)
        try:
            chosen.check(self.problem)
        except TypeError:
            return False
        return bool(chosen.nodes()[0].min() >= self.least_weight)


def q1(**options: Any) -> fb.problems.Quadratic:
    """g = y^2/2 - x y, f = (y - 1)^2/2 + x^2/2."""
    one = [[1.0]]
    return fb.problems.Quadratic(one, one, one, c=[-1.0], R=one, **options)


@numba.njit
def mean(values, rows):
    total = 0.0
    for i in rows:
        total += values[i]
    return total / rows.size


@numba.njit
def new_lower_y(data, x, y, rows):
    return np.array([y[0] - x[0] - mean(data, rows)])


@numba.njit
def new_lower_x(data, x, y, rows):
    return np.array([-y[0]])


@numba.njit
def new_upper_y(data, x, y, rows):
    return np.array([y[0] - 1.0 - mean(data, rows)])


@numba.njit
def new_upper_x(data, x, y, rows):
    return np.array([x[0]])


@numba.njit
def value_upper(data, x, y, rows):
    return (y[0] - 1.0) ** 2 / 2 - y[0] * mean(data, rows) + x[0] ** 2 / 2


@numba.njit
def lower_y(data, x, y, rows):
    data[1][0] = y[0] - x[0] - mean(data[0], rows)
    return data[1]


@numba.njit
def lower_x(data, x, y, rows):
    data[1][0] = -y[0]
    return data[1]


@numba.njit
def upper_y(data, x, y, rows):
    data[1][0] = y[0] - 1.0 - mean(data[0], rows)
    return data[1]


@numba.njit
def upper_x(data, x, y, rows):
    data[1][0] = x[0]
    return data[1]


@numba.njit
def value(data, x, y, rows):
    return value_upper(data[0], x, y, rows)


def own_problem(scratch: bool) -> fb.problems.Problem:
    """Q1 from compiled functions, g and f shifted by ``-s_i y`` in sample i; the s_i add up to 0.

    With `scratch` the functions return an array of `data`, which they overwrite; otherwise a new
    array each time.
    """
    shifts = 0.1 * np.random.default_rng(0).standard_normal(SAMPLES)
    shifts -= shifts.mean()
    data = (shifts, np.zeros(1)) if scratch else shifts
    functions = (
        (lower_y, upper_y, lower_x, upper_x, value)
        if scratch
        else (new_lower_y, new_upper_y, new_lower_x, new_upper_x, value_upper)
    )
    names = ("grad_lower_y", "grad_upper_y", "grad_lower_x", "grad_upper_x", "value_upper")
    return fb.problems.Problem(
        data,
        **dict(zip(names, functions, strict=True)),
        n_lower=SAMPLES,
        n_upper=SAMPLES,
        x0=[0.0],
        y0=[0.0],
    )


def cases() -> dict[str, Case]:
    """The problems, by label."""
    return {
        "Q1": Case(q1(), {}),
        "Q1, noise": Case(q1(noise=0.1), BATCHES_OF_ONE),
        "nasty": Case(fb.problems.hard.Nasty(), {}),
        # g does not depend on y_2, so a negative weight on f leaves no minimum.
        "PL": Case(fb.problems.hard.PolyakLojasiewicz(), {}, least_weight=0.0),
        "own, new arrays": Case(own_problem(False), BATCHES_OF_ONE),
        "own, scratch": Case(own_problem(True), BATCHES_OF_ONE),
    }


def verdict(rate: float) -> str:
    """Which of the two marks a number of outer iterations per second meets."""
    if rate >= AIM:
        return "aim"
    return "bar" if rate >= BAR else "below"
