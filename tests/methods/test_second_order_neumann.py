"""What the Neumann estimates of H^-1 f_y give on a quadratic problem, and what mistakes would."""

import numpy as np
import pytest
from methods.second_order_runs import Quadratics, moments

import fastbilevel as fb

PROBLEM = fb.problems.Quadratic.random(3, 4)
EXACT = Quadratics.of(PROBLEM)
X = np.array([0.5, -1.0, 2.0])
Y = PROBLEM.lower_solution(X)
LR, Q = 0.2, 4
NEUMANN = {"neumann_lr": LR, "neumann_steps": Q, "lr_x": 0.1}
SUMS = {
    "stocbio": {"inner_steps": 1, "lr_y": 0.3},
    "mrbo": {"lr_y": 0.3, "momentum": 0.5, "lower_momentum": 0.5},
    "vrbo": {"inner_steps": 1, "lr_y": 0.3, "period": 1, "refresh_batches": 1},
}
POWERS = {
    "bsa": {"inner_steps": 1, "lr_y": 0.3},
    "ttsa": {"lr_y": 0.3},
    "sustain": SUMS["mrbo"],
}


def first(method, y=Y, **options):
    """The direction and the calls of the first step from (X, y)."""
    return moments(PROBLEM, X, y, method=method, maxiter=1, **options)[0]


def differs(direction, v):
    """Whether a direction is clearly another one than f_x - J v."""
    wrong = EXACT.estimate(X, v)
    return np.linalg.norm(direction - wrong) > 0.03 * np.linalg.norm(wrong)


@pytest.mark.parametrize("method", SUMS)
def test_the_bias_of_the_sum(method):
    """v - H^-1 f_y = -(I - eta H)^(Q+1) H^-1 f_y; at y*(x) nothing else is wrong."""
    solution = np.linalg.solve(EXACT.H, EXACT.upper_y(Y))
    bias = -EXACT.power(LR, Q + 1) @ solution
    found = first(method, **NEUMANN, **SUMS[method]).direction
    np.testing.assert_allclose(found, EXACT.estimate(X, solution + bias), rtol=1e-12)
    np.testing.assert_allclose(EXACT.estimate(X, solution), PROBLEM.hypergradient(X), rtol=1e-12)
    assert differs(found, solution)


def test_many_lower_steps_and_terms_give_the_hypergradient():
    options = {**NEUMANN, **SUMS["stocbio"], "inner_steps": 100, "neumann_steps": 160}
    found = first("stocbio", np.zeros(4), **options).direction
    np.testing.assert_allclose(found, PROBLEM.hypergradient(X), rtol=1e-12)


@pytest.mark.parametrize("method", SUMS)
def test_mistakes_in_the_sum_would_be_seen(method):
    found = first(method, **NEUMANN, **SUMS[method]).direction
    r = [EXACT.power(LR, q) @ EXACT.upper_y(Y) for q in range(Q + 1)]
    # Only the last term multiplied by eta, and the sum begun at q = 1.
    assert differs(found, LR * r[Q] + sum(r[1:]))
    # No term q = 0.
    assert differs(found, LR * sum(r[1:]))
    # One term too few.
    assert differs(found, LR * sum(r[:Q]))
    # The last term alone.
    assert differs(found, LR * Q * r[Q])


@pytest.mark.parametrize("method", POWERS)
def test_the_mean_of_the_random_power_is_the_sum_of_q_terms(method):
    """Every P in {0, ..., Q-1} is drawn, its direction is f_x - J Q eta (I - eta H)^P f_y, and the
    mean of them is that of the sum over q = 0, ..., Q-1."""
    f_y, directions = EXACT.upper_y(Y), {}
    points = 2 if method == "sustain" else 1
    for seed in range(40):
        m = first(method, **NEUMANN, **POWERS[method], seed=seed)
        directions[m.calls["hvp"] // points] = m.direction
    assert set(directions) == set(range(Q))
    for P, found in directions.items():
        expected = EXACT.estimate(X, Q * LR * EXACT.power(LR, P) @ f_y)
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        # The power without its factor Q.
        assert differs(found, LR * EXACT.power(LR, P) @ f_y)
    mean = sum(directions.values()) / Q
    truth = EXACT.estimate(X, EXACT.neumann(LR, Q - 1) @ f_y)
    np.testing.assert_allclose(mean, truth, rtol=1e-12)
    # The sum itself, in every step.
    assert all(differs(directions[0], EXACT.neumann(LR, q) @ f_y) for q in (Q - 1, Q))


@pytest.mark.parametrize("method", POWERS)
def test_powers_are_uniform_and_new_in_every_step(method):
    """400 steps with x held fast: the counts of P = 0, ..., 3 are 100 each up to four deviations,
    sqrt(400 * 3/16) = 8.7, and so are the 16 pairs of neighbours, 25 up to 4 sqrt(25 * 15/16)."""
    options = {**NEUMANN, **POWERS[method], "bounds": (X, X)}
    seen = moments(PROBLEM, X, Y, method=method, maxiter=400, seed=3, **options)
    points = 2 if method == "sustain" else 1
    P = np.diff([0, *(m.calls["hvp"] for m in seen)]) // points
    counts = np.bincount(P, minlength=Q)
    assert counts.shape == (Q,)
    np.testing.assert_allclose(counts, 100, atol=4 * 8.7)
    pairs = np.bincount(Q * P[1:] + P[:-1], minlength=Q * Q)
    np.testing.assert_allclose(pairs, 25, atol=4 * (25 * 15 / 16) ** 0.5)


@pytest.mark.parametrize("method", ["bsa", "ttsa"])
def test_the_mean_direction_of_a_run_is_that_of_the_sum(method):
    """With x held fast and y at rest, each direction is that of a P; their mean over 400 steps is
    known to the standard error of the sample."""
    options = {**NEUMANN, **POWERS[method], "bounds": (X, X)}
    seen = moments(PROBLEM, X, Y, method=method, maxiter=400, seed=3, **options)
    directions = np.array([m.direction for m in seen])
    truth = EXACT.estimate(X, EXACT.neumann(LR, Q - 1) @ EXACT.upper_y(Y))
    error = directions.std(axis=0) / len(directions) ** 0.5
    assert np.all(np.abs(directions.mean(axis=0) - truth) < 4 * error)
    # Without the factor Q the mean would be another one, many errors away.
    part = EXACT.estimate(X, EXACT.neumann(LR, Q - 1) @ EXACT.upper_y(Y) / Q)
    assert np.any(np.abs(directions.mean(axis=0) - part) > 10 * error)
