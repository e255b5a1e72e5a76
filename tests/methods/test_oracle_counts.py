"""Oracle calls per outer iteration: what is reported, what is really called, the survey's table.

Counted in single samples: calls of f with `val_batch_size` rows, those of g with `batch_size`.
"""

import numpy as np
import pytest

import fastbilevel as fb

N, F_ROWS, G_ROWS = 60, 4, 5
# Rows that neither batch divides.
SHORT_LAST_BLOCK = 7
GRADIENTS = ("f_x", "f_y", "g_x", "g_y")
PENALTY = {"lr_z": 0.1, "lr_y": 0.01, "lr_x": 0.01}
PROXIMAL = {"lr_y": 0.1, "lr_x": 0.01}
NESTEROV = {"inner_momentum": 0.3, "outer_momentum": 0.3}

# Options, and how often each oracle is called with a minibatch in one outer iteration.
# T = inner_steps: F2SA and F2BA T F_y, 1 F_x, 2T G_y, 2 G_x; F3SA and Prox-F3SA 2, 2, 4, 4;
# Prox-F2SA with M outer batches T F_y, M F_x, 2T G_y, 2M G_x; BOME 1 F_y, 1 F_x, T + 1 G_y, 2 G_x.
TABLE = {
    "f2sa": ("f2sa", {**PENALTY, "inner_steps": 3}, (1, 3, 2, 6)),
    "f2sa, shared": (
        "f2sa",
        {**PENALTY, "inner_steps": 3, "shared_samples": True},
        (1, 3, 2, 6),
    ),
    "f2ba": ("f2ba", {**PENALTY, "inner_steps": 7}, (1, 7, 2, 14)),
    "acc-f2ba": ("acc-f2ba", {**PENALTY, **NESTEROV, "inner_steps": 4}, (1, 4, 2, 8)),
    "f3sa": ("f3sa", {**PENALTY, "momentum": 0.5}, (2, 2, 4, 4)),
    "prox-f2sa": (
        "prox-f2sa",
        {**PROXIMAL, "inner_steps": 3, "outer_batches": 5},
        (5, 3, 10, 6),
    ),
    "prox-f3sa": ("prox-f3sa", {**PROXIMAL, "momentum": 0.5}, (2, 2, 4, 4)),
    "bome, gradient": (
        "bome",
        {"inner_steps": 3, "lr_inner": 0.1, "lr": 0.01, "barrier": "gradient"},
        (1, 1, 2, 4),
    ),
    "bome, value": (
        "bome",
        {"inner_steps": 3, "lr_inner": 0.1, "lr": 0.01, "barrier": "value"},
        (1, 1, 2, 4),
    ),
    "pbgd": ("pbgd", {**PENALTY, "inner_steps": 3}, (1, 1, 2, 4)),
}


def expected(counts, iterations):
    f_x, f_y, g_x, g_y = (iterations * count for count in counts)
    rows = {"f_x": f_x * F_ROWS, "f_y": f_y * F_ROWS, "g_x": g_x * G_ROWS, "g_y": g_y * G_ROWS}
    return {**rows, "hvp": 0, "jvp": 0}


def run(problem, method, options, maxiter):
    batches = {"batch_size": G_ROWS, "val_batch_size": F_ROWS, "maxiter": maxiter}
    return fb.minimize(problem, method=method, **batches, **options)


@pytest.mark.parametrize("name", TABLE)
def test_reported_calls_are_those_of_the_table(name):
    method, options, counts = TABLE[name]
    result = run(fb.problems.Quadratic.random(3, 4, n=N), method, options, 7)
    calls = expected(counts, 7)
    assert result.oracle_calls == calls
    assert result.history["samples"][-1] == sum(calls.values())


def test_steps_and_batches_that_grow_are_summed():
    """T_k = 1 + k and M_k = 2 + 2k over four iterations: 10 inner steps, 20 outer batches."""
    options = {
        **PROXIMAL,
        "inner_steps": fb.schedules.Linear(1.0, 1.0),
        "outer_batches": fb.schedules.Linear(2.0, 2.0),
    }
    result = run(fb.problems.Quadratic.random(3, 4, n=N), "prox-f2sa", options, 4)
    assert result.oracle_calls == expected((20, 10, 40, 20), 1)


@pytest.mark.parametrize("name", ["f2ba", "f3sa", "prox-f3sa", "bome, gradient"])
def test_full_data_counts_every_row(name):
    method, options, counts = TABLE[name]
    problem = fb.problems.Quadratic.random(3, 4, n=N)
    result = fb.minimize(problem, method=method, maxiter=2, **options)
    assert result.oracle_calls == {
        **{oracle: 2 * N * count for oracle, count in zip(GRADIENTS, counts, strict=True)},
        "hvp": 0,
        "jvp": 0,
    }


class CountingProblem:
    """Plain oracles that count the rows they are called with."""

    def __init__(self, n):
        self.rows = dict.fromkeys(GRADIENTS, 0)
        self.problem = fb.problems.Problem(
            None,
            grad_upper_x=self.counted("f_x", lambda x, y: 0.5 * x),
            grad_upper_y=self.counted("f_y", lambda x, y: y - 1.0),
            grad_lower_x=self.counted("g_x", lambda x, y: -y),
            grad_lower_y=self.counted("g_y", lambda x, y: 2.0 * y - x),
            value_upper=lambda data, x, y, rows: ((y - 1.0) ** 2).sum() / 2 + (x**2).sum() / 4,
            value_lower=lambda data, x, y, rows: (y**2).sum() - (x * y).sum(),
            n_lower=n,
            n_upper=n,
            x0=np.zeros(3),
            y0=np.ones(3),
        )

    def counted(self, name, gradient):
        def oracle(data, x, y, rows):
            self.rows[name] += rows.size
            return gradient(x, y)

        return oracle


@pytest.mark.parametrize("n", [N, SHORT_LAST_BLOCK])
@pytest.mark.parametrize("name", TABLE)
def test_calls_that_are_made_are_those_reported(name, n):
    """The difference of two lengths: checks before the loop and a first step are left out."""
    method, options, counts = TABLE[name]
    made, reported = [], []
    for maxiter in (3, 7):
        counting = CountingProblem(n)
        reported.append(run(counting.problem, method, options, maxiter).oracle_calls)
        made.append(counting.rows)
    difference = {oracle: made[1][oracle] - made[0][oracle] for oracle in GRADIENTS}
    assert difference == {name: reported[1][name] - reported[0][name] for name in GRADIENTS}
    if n == N:
        assert {**difference, "hvp": 0, "jvp": 0} == expected(counts, 4)
