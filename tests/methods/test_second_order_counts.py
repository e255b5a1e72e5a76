"""Oracle calls of the second-order methods: reported, really made, and those of the survey's table.

Counted in single samples: calls of f with `val_batch_size` rows, those of g with `batch_size`.
"""

import math

import numpy as np
import pytest

import fastbilevel as fb

N, F_ROWS, G_ROWS = 60, 4, 5
# Rows that neither batch divides.
SHORT_LAST_BLOCK = 7
ORACLES = ("f_x", "f_y", "g_x", "g_y", "hvp", "jvp")
RATES = {"lr_y": 0.05, "lr_x": 0.01}
LINEAR = {**RATES, "lr_v": 0.02}
NEUMANN = {**RATES, "neumann_lr": 0.1, "neumann_steps": 3}
STORM = {**NEUMANN, "momentum": 0.5, "lower_momentum": 0.5}
EPOCHS = {
    **NEUMANN,
    "period": 3,
    "lower_budget": 4,
    "initial_budget": 12,
    "epoch_steps": 2,
    "radius": 1.0,
    "momentum": 0.9,
}


def bsa_steps(k):
    return sum(math.ceil(math.sqrt(i + 1)) for i in range(k))


def refreshed(k):
    """How often a period of 3 begins in the first k iterations."""
    return math.ceil(k / 3)


# Method, options, and how often f_x (as often as f_y), g_y, products with H and products with J are
# called with a minibatch in the first k outer iterations. None: a random number, up to 2 a step.
TABLE = {
    "galet": ({**LINEAR, "inner_steps": 3, "linear_steps": 2}, lambda k: (k, 3 * k, 4 * k, k)),
    "bsa": (NEUMANN, lambda k: (k, bsa_steps(k), None, k)),
    "ttsa": ({**NEUMANN, "inner_steps": 2}, lambda k: (k, 2 * k, None, k)),
    "stocbio": ({**NEUMANN, "inner_steps": 4}, lambda k: (k, 4 * k, 3 * k, k)),
    "mrbo": (STORM, lambda k: (2 * k, 2 * k, 6 * k, 2 * k)),
    "sustain": (STORM, lambda k: (2 * k, 2 * k, None, 2 * k)),
    # Two lower steps, 6 points an iteration, and 5 minibatches at one point in each refresh.
    "vrbo": (
        {**NEUMANN, "inner_steps": 2, "period": 3, "refresh_batches": 5},
        lambda k: tuple(c * (6 * k + 5 * refreshed(k)) for c in (1, 1, 3, 1)),
    ),
    "soba": (LINEAR, lambda k: (k, k, k, k)),
    "saba": (LINEAR, lambda k: (k, k, k, k)),
    "ma-soba": ({**LINEAR, "momentum": 0.5}, lambda k: (k, k, k, k)),
    "amigo": ({**LINEAR, "inner_steps": 3, "linear_steps": 2}, lambda k: (k, 3 * k, 2 * k, k)),
    # Epochs of 2, 4, 8 steps at first, of 2 and 4 in the later periods.
    "unibio": (EPOCHS, lambda k: (k, 14 + 6 * (refreshed(k) - 1), 3 * k, k)),
    # Later periods: one epoch of lower_budget steps.
    "bo-rep": (EPOCHS, lambda k: (k, 14 + 4 * (refreshed(k) - 1), 3 * k, k)),
}


def expected(method, k):
    """Single samples; the count of products is None where it is random."""
    f, g_y, hvp, jvp = TABLE[method][1](k)
    g_y, hvp, jvp = (None if c is None else G_ROWS * c for c in (g_y, hvp, jvp))
    return dict(zip(ORACLES, (F_ROWS * f, F_ROWS * f, 0, g_y, hvp, jvp), strict=True))


def run(problem, method, maxiter):
    batches = {"batch_size": G_ROWS, "val_batch_size": F_ROWS, "maxiter": maxiter}
    return fb.minimize(problem, method=method, **batches, **TABLE[method][0])


@pytest.mark.parametrize("method", TABLE)
def test_reported_calls_are_those_of_the_table(method):
    result = run(fb.problems.Quadratic.random(3, 4, n=N), method, 7)
    calls, table = dict(result.oracle_calls), expected(method, 7)
    assert result.history["samples"][-1] == sum(calls.values())
    if table["hvp"] is None:
        points = 2 if method == "sustain" else 1
        products, rest = divmod(calls.pop("hvp"), points * G_ROWS)
        assert rest == 0
        assert 0 < products <= 7 * 2
        table.pop("hvp")
    assert calls == table


@pytest.mark.parametrize("method", TABLE)
def test_full_data_counts_every_row(method):
    options, counts = TABLE[method]
    calls = fb.minimize(
        fb.problems.Quadratic.random(3, 4, n=N), method=method, maxiter=2, **options
    ).oracle_calls
    f, g_y, hvp, jvp = counts(2)
    assert (calls["f_x"], calls["f_y"], calls["g_y"], calls["jvp"]) == (
        N * f,
        N * f,
        N * g_y,
        N * jvp,
    )
    assert calls["hvp"] % N == 0 if hvp is None else calls["hvp"] == N * hvp


class CountingProblem:
    """Plain oracles that count the rows they are called with."""

    def __init__(self, n):
        self.rows = dict.fromkeys(ORACLES, 0)
        self.problem = fb.problems.Problem(
            None,
            grad_upper_x=self.counted("f_x", lambda x, y: 0.5 * x),
            grad_upper_y=self.counted("f_y", lambda x, y: y - 1.0),
            grad_lower_x=self.counted("g_x", lambda x, y: -y),
            grad_lower_y=self.counted("g_y", lambda x, y: 2.0 * y - x),
            hvp_lower_yy=self.counted_product("hvp", 2.0),
            jvp_lower_xy=self.counted_product("jvp", -1.0),
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

    def counted_product(self, name, factor):
        def oracle(data, x, y, v, rows):
            self.rows[name] += rows.size
            return factor * v

        return oracle


@pytest.mark.parametrize("n", [N, SHORT_LAST_BLOCK])
@pytest.mark.parametrize("method", TABLE)
def test_calls_that_are_made_are_those_reported(method, n):
    """The difference of two lengths: checks before the loop and a first step are left out."""
    made, reported = [], []
    for maxiter in (3, 7):
        counting = CountingProblem(n)
        reported.append(run(counting.problem, method, maxiter).oracle_calls)
        made.append(counting.rows)
    difference = {name: made[1][name] - made[0][name] for name in ORACLES}
    assert difference == {name: reported[1][name] - reported[0][name] for name in ORACLES}
    later, earlier = expected(method, 7), expected(method, 3)
    for name in ORACLES:
        if n == N and later[name] is not None:
            assert difference[name] == later[name] - earlier[name]
