"""Budgets are kept, grids are searched whole, and what is said of the numbers follows from them."""

from __future__ import annotations

import math

import numpy as np
import pytest

import fastbilevel as fb
from bench.experiments.tuning import (
    Contender,
    area_under_curve,
    cost_of,
    edges_of,
    iterations_within,
    larger,
    tune,
)

WEIGHTS = {"f_x": 1.0, "f_y": 1.0, "g_x": 1.0, "g_y": 1.0, "hvp": 1.5, "jvp": 1.0}
START = [1.0]


def problem():
    return fb.problems.Quadratic([[1.0]], [[1.0]], [[1.0]], c=[-1.0], R=[[1.0]])


def contender(lr_x):
    def options(lr_x):
        return {"method": "soba", "x0": START, "lr_x": lr_x, "lr_y": 0.2, "lr_v": 0.2}

    return Contender("soba", {"lr_x": lr_x}, options)


def test_a_budget_pays_for_whole_iterations():
    options = contender([0.1]).options(lr_x=0.1)
    # One f_x, f_y, g_y, hvp and jvp: 5.5 gradients of the one sample that a quadratic has.
    assert iterations_within(problem(), options, 56.0, WEIGHTS) == 10
    assert iterations_within(problem(), options, 1.0, WEIGHTS) == 1
    result = fb.minimize(problem(), maxiter=10, **options)
    assert cost_of(result.oracle_calls, WEIGHTS) == 55.0


def test_the_best_point_of_the_grid_is_found_and_its_edge_reported():
    lr_x = [1e-4, 1e-2, 0.1, 100.0]

    def distance(result):
        # phi = (x - 1)^2 / 2 + x^2 / 2.
        return abs(float(result.x_last[0]) - 0.5)

    found = tune(contender(lr_x), problem(), 800.0, WEIGHTS, distance, seed=0)
    assert found.point == {"lr_x": 0.1}
    assert found.at_edge == []
    assert [point["lr_x"] for point, _ in found.tried] == lr_x
    # The largest step diverges or does not come near.
    assert found.tried[-1][1] > found.score
    assert tune(contender(lr_x[:3]), problem(), 800.0, WEIGHTS, distance, 0).at_edge == ["lr_x"]


def test_area_under_the_curve_counts_pairs():
    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 5, 40).astype(float), rng.random(40) < 0.4
    pairs = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a in scores[positive]
        for b in scores[~positive]
    ]
    assert area_under_curve(scores, positive) == pytest.approx(math.fsum(pairs) / len(pairs))


def test_a_difference_must_exceed_its_interval():
    assert larger(np.array([1.1, 1.2, 1.3]), np.array([0.1, 0.2, 0.3]))
    assert not larger(np.array([1.0, 0.0, 2.0]), np.array([0.0, 1.0, 0.0]))


def test_ends_of_grids_are_named_once():
    rows = [{"method": "soba", "p": 2, "at_edge": edge} for edge in ("", "lr_x", "lr_x")]
    assert edges_of(rows, "p") == " Best values at the end of their grid: soba (2, lr_x)."
    assert edges_of(rows[:1], "p") == ""
