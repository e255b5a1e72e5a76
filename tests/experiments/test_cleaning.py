"""Corrupted rows are what the figures say they are, and references are what they are called."""

from __future__ import annotations

import numpy as np
import pytest

import fastbilevel as fb
from bench.experiments import hyper_cleaning, power_cleaning
from bench.experiments.figures import Findings


@pytest.fixture(scope="module")
def regression():
    return power_cleaning.data_of(2, False, 0)


@pytest.fixture(scope="module")
def digits():
    return hyper_cleaning.data_of(0.3, 0)


def test_clean_rows_alone_give_the_error_of_the_noise(regression):
    found = power_cleaning.references(regression)
    noise = power_cleaning.NOISE
    n, d = np.count_nonzero(~regression.corrupted), power_cleaning.FEATURES
    # Least squares on n normal rows: variance noise^2 (1 + d / (n - d - 1)), and a test error of
    # 2,000 rows.
    expected = noise * np.sqrt(1 + d / (n - d - 1))
    assert found[power_cleaning.BEST]["test_error"] == pytest.approx(expected, rel=0.08)
    assert found[power_cleaning.BEST]["separation"] == 1.0
    assert found[power_cleaning.NONE]["separation"] == 0.5
    assert found[power_cleaning.NONE]["test_error"] > 2 * expected


def test_labels_are_corrupted_once_and_only_those_of_training(digits):
    again = hyper_cleaning.data_of(0.3, 0)
    np.testing.assert_array_equal(digits.corrupted, again.corrupted)
    assert np.count_nonzero(digits.corrupted) == 300
    found = hyper_cleaning.references(digits)
    best, none = found[hyper_cleaning.BEST], found[hyper_cleaning.NONE]
    assert best["separation"] == 1.0
    assert best["test_loss"] < none["test_loss"]


def test_no_cleaning_weighs_every_row_alike(digits):
    problem = digits.problem
    np.testing.assert_allclose(problem.row_weights(problem.x0), 0.5)


@pytest.mark.parametrize("module", [power_cleaning, hyper_cleaning])
def test_every_method_has_a_grid_of_one_size_and_first_steps_of_one_length(
    module, regression, digits
):
    if module is power_cleaning:
        problem, methods = regression.problem, power_cleaning.contenders(regression)
    else:
        problem, methods = digits.problem, hyper_cleaning.contenders(digits.problem, 50)
    assert len({len(each.points()) for each in methods}) == 1
    start = fb.solve_lower(problem, problem.x0)
    slope = np.linalg.norm(fb.hypergradient(problem, problem.x0, method="implicit", y0=start))
    for each in methods:
        point = each.points()[0]
        lr_x = each.options(**point)["lr_x"]
        scaled = each.label not in ("unibio", "bo-rep", "f2sa-p")
        assert lr_x == pytest.approx(point["length"] / (slope if scaled else 1.0), rel=1e-6)


def test_what_is_said_follows_from_the_losses():
    losses = {
        "no cleaning": [1.0, 1.1, 1.0],
        "validation rows alone": [0.5, 0.6, 0.5],
        "clean rows alone": [0.1, 0.2, 0.1],
        **{method: [1.2, 1.3, 1.2] for method in hyper_cleaning.FIRST + hyper_cleaning.SECOND},
        "soba": [0.3, 0.4, 0.3],
        "f2sa": [0.4, 0.5, 0.4],
    }
    case = {"corruption": 0.3, "batch": 50}
    rows = [
        case | {"method": method, "seed": seed, "test_loss": value, "test_accuracy": -value}
        for method, values in losses.items()
        for seed, value in enumerate(values)
    ]
    said = hyper_cleaning.verdict(Findings(rows), case)
    assert "the second-order one is ahead by 0.100" in said
    others = "f3sa, f2sa-p, stocbio, amigo, ma-soba, saba"
    assert f"loss not below no cleaning: {others}" in said
    assert f"loss not below validation rows alone: {others}" in said
    assert "more accurate than no cleaning: f2sa, soba" in said
    assert f"less accurate than no cleaning: {others}" in said
