"""What is judged is x, at the ends of two means that a run spends; words and models are reduced."""

from __future__ import annotations

import numpy as np
import pytest

import fastbilevel as fb
from bench.experiments import learn_to_regularize as experiment
from bench.experiments import text_task
from bench.experiments.figures import Findings
from bench.experiments.tuning import Tuned


@pytest.fixture(scope="module")
def task():
    return experiment.generated_task()


def test_retraining_comes_near_the_lower_solution(task):
    x = np.full(task.problem.n_x, 2.0, np.float32)
    exact = fb.solve_lower(task.problem, x, tol=1e-5)
    loss = task.problem.value_lower(x, exact)
    start = task.problem.value_lower(x, task.problem.y0)
    # Accelerated steps leave at most 2 L ||y*||^2 / k^2 (Nesterov).
    left = 2 * task.curvature * float(exact @ exact) / text_task.RETRAINING**2
    gap = task.problem.value_lower(x, experiment.retrained(task, x)) - loss
    assert -1e-6 <= gap <= left + 1e-6
    assert left < start - loss


def test_one_lower_step_is_stable_wherever_x_may_go(task):
    from fastbilevel._numerics.curvature import curvature_range

    problem = task.problem
    for c in (-experiment.BOUND, 0.0, experiment.BOUND):
        x = np.full(problem.n_x, c, problem.dtype)
        largest = curvature_range(problem, x, problem.y0)[1]
        # Plain steps of 1 / L are stable up to twice the curvature L, accelerated ones up to 4 / 3
        # of it; power iteration leaves a few per cent.
        assert largest < 4 / 3 * task.curvature


def test_a_run_is_looked_at_when_each_of_its_means_is_spent(task):
    options = {
        "method": "f2sa-p", "nu": 0.1, "inner_steps": 2, "lr_y": 1.0, "lr_x": 0.1,
        "batch_size": 50, "val_batch_size": 50, "y0": task.start, "maxiter": 40,
    }  # fmt: skip
    # Two lower problems with two steps on 50 rows of both levels.
    iteration = 2 * 2 * 2 * 50
    best = Tuned({}, options, 0.0, [], [])
    found = experiment.follow(task, best, budget=40 * iteration, limit=0.05, seed=0)
    assert set(found) == {experiment.SAMPLES, experiment.TIME}
    assert found[experiment.SAMPLES].iterations == 40
    assert found[experiment.SAMPLES].cost == 40 * iteration
    again = fb.minimize(task.problem, seed=0, **options)
    np.testing.assert_array_equal(found[experiment.SAMPLES].x, again.x_last)


def test_the_best_single_penalty_is_no_worse_on_validation_than_none(task):
    rows = {row["method"]: row for row in experiment.references(task)}
    none, best = rows[experiment.NONE], rows[experiment.CONSTANT]
    assert best["validation_loss"] <= none["validation_loss"]


def test_what_is_said_follows_from_the_losses():
    losses = {
        experiment.NONE: [1.0],
        experiment.CONSTANT: [0.9],
        "f2sa-p, p = 2": [0.5, 0.51, 0.5],
        "f2sa-p, p = 8": [0.6, 0.61, 0.6],
        "stocbio": [0.95, 0.96, 0.95],
    }
    rows = [
        {"part": experiment.TIME, "method": method, "seed": seed, "test_loss": value}
        for method, values in losses.items()
        for seed, value in enumerate(values)
    ]
    said = experiment.verdict(Findings(rows), experiment.TIME)
    assert "the least test loss is that of f2sa-p, p = 2." in said
    assert f"Not better than {experiment.NONE}: none." in said
    assert f"Not better than {experiment.CONSTANT}: stocbio." in said
    assert "from best to worst: 2, 8" in said
