"""UniBiO and BO-REP on vectors: length of the steps, scaling, momentum, Epoch-SGD; mistakes."""

import math

import numpy as np
import pytest
from methods.second_order_runs import Quadratics, moments

import fastbilevel as fb

PROBLEM = fb.problems.Quadratic.random(3, 4)
EXACT = Quadratics.of(PROBLEM)
X0, Y0 = np.array([0.5, -1.0, 2.0]), np.array([1.0, -0.6, -0.5, 2.0])
LR, Q = 0.4, 3
OPTIONS = {
    "period": 2,
    "lower_budget": 5,
    "initial_budget": 12,
    "epoch_steps": 3,
    "radius": 1.3,
    "lr_y": 0.1,
    "neumann_lr": LR,
    "neumann_steps": Q,
    "momentum": 0.7,
    "lr_x": 0.05,
}
# The lower variable stays where it is, up to 1e-11, and directions are not averaged.
AT_REST = {**OPTIONS, "lr_y": 1e-13, "momentum": 0.0}
METHODS = ["unibio", "bo-rep"]


def run(method, maxiter=6, problem=PROBLEM, y0=Y0, **options):
    return moments(problem, X0, y0, method=method, maxiter=maxiter, **options)


def scaled_sum(y, scale, lr=LR, terms=Q, layout="rows", first=0):
    """lr sum over q = first, ..., terms of (I - lr D^-1 H)^q D^-1 f_y; "columns": H D^-1."""
    D = np.diag(1 / scale)
    step = np.eye(4) - lr * (D @ EXACT.H if layout == "rows" else EXACT.H @ D)
    powers = (np.linalg.matrix_power(step, q) for q in range(first, terms + 1))
    return lr * sum(powers) @ D @ EXACT.upper_y(y)


def far(direction, x, v):
    wrong = EXACT.estimate(x, v)
    return np.linalg.norm(direction - wrong) > 0.03 * np.linalg.norm(wrong)


@pytest.mark.parametrize("method", [*METHODS, "f2sa-p"])
def test_every_step_of_x_has_the_length_lr_x(method):
    problem = fb.problems.Quadratic.random(3, 4, n=12, spread=0.3)
    options = {"lr_x": 0.05} if method == "f2sa-p" else OPTIONS
    batches = {"batch_size": 3, "val_batch_size": 2, "seed": 5}
    seen = run(method, 30, problem, **batches, **options)
    path = np.array([X0, *(m.x for m in seen)])
    np.testing.assert_allclose(np.linalg.norm(np.diff(path, axis=0), axis=1), 0.05, rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_the_momentum_is_of_directions_before_they_are_normalized(method):
    options = {**OPTIONS, "lr_x": 0.5}
    x, m, mean, cosines = X0, np.zeros(3), np.zeros(3), []
    for moment in run(method, 12, **options):
        h = EXACT.estimate(x, scaled_sum(moment.y, np.ones(4)))
        m, mean = 0.7 * m + 0.3 * h, 0.7 * mean + 0.3 * h / np.linalg.norm(h)
        np.testing.assert_allclose(moment.direction, m, rtol=1e-11)
        # The mean of unit vectors points elsewhere.
        cosines.append(m @ mean / np.linalg.norm(m) / np.linalg.norm(mean))
        x = x - 0.5 * m / np.linalg.norm(m)
        np.testing.assert_allclose(moment.x, x, rtol=1e-11)
    assert min(cosines) < 0.9


@pytest.mark.parametrize(("power", "floor"), [(2, 0.0), (3, 0.0), (4, 0.0), (4, 0.8), (2.5, 0.7)])
@pytest.mark.parametrize("method", METHODS)
def test_the_direction_is_the_scaled_neumann_sum(method, power, floor):
    """D = diag((p-1) max(|y_i|, floor)^(p-2)) scales the rows of H."""
    options = {**AT_REST, "power": power, "scaling_floor": max(floor, 1e-12)}
    x = X0
    for moment in run(method, 3, **options):
        scale = (power - 1) * np.maximum(np.abs(moment.y), floor) ** (power - 2)
        expected = EXACT.estimate(x, scaled_sum(moment.y, scale))
        np.testing.assert_allclose(moment.direction, expected, rtol=1e-12)
        x = moment.x


def test_rows_give_the_hypergradient_and_columns_would_not():
    """Many terms: H scaled by rows gives H^-1 f_y for every D > 0, by columns D H^-1 D^-1 f_y."""
    y = PROBLEM.lower_solution(X0)
    scale = 3 * y**2
    lr = 1 / np.linalg.eigvals(EXACT.H / scale[:, None]).real.max()
    options = {**AT_REST, "power": 4, "scaling_floor": 1e-12}
    options |= {"neumann_lr": lr, "neumann_steps": 4000}
    found = run("unibio", 1, y0=y, **options)[0].direction
    np.testing.assert_allclose(found, PROBLEM.hypergradient(X0), rtol=1e-8)
    D = np.diag(scale)
    assert far(found, X0, D @ np.linalg.solve(EXACT.H, EXACT.upper_y(y) / scale))


@pytest.mark.parametrize("method", METHODS)
def test_mistakes_in_the_direction_would_be_seen(method):
    found = run(method, 1, **AT_REST, power=3, scaling_floor=1e-12)[0].direction
    scale = 2 * np.abs(Y0)
    assert far(found, X0, scaled_sum(Y0, scale, layout="columns"))
    assert far(found, X0, scaled_sum(Y0, 2 * Y0))
    assert far(found, X0, scaled_sum(Y0, scale, first=1))
    assert far(found, X0, scaled_sum(Y0, np.ones(4)))
    # Steps on the linear system from v = 0 as in SOBA, and an estimate that does not look at y.
    assert far(found, X0, LR * EXACT.upper_y(Y0))
    at_solution = PROBLEM.lower_solution(X0)
    assert far(found, X0, scaled_sum(at_solution, 2 * np.abs(at_solution)))


def into_ball(w, center, radius):
    offset = w - center
    length = np.linalg.norm(offset)
    return w if length <= radius else center + offset * (radius / length)


def epoch(x, y, count, lr, radius):
    """The `count` iterates of one epoch around y."""
    w, iterates = y, []
    for _ in range(count):
        w = into_ball(w - lr * EXACT.lower_y(x, w), y, radius)
        iterates.append(w)
    return iterates


def epochs(x, y, budget, p, steps=3, radius=1.3, lr=0.1):
    """Epoch-SGD, and whether each epoch touched its ball."""
    tau, planned, e, touched = 2 * (p - 1) / p, 0.0, 0, []
    while planned <= budget:
        reach = radius * 2 ** (-e / p)
        iterates = epoch(x, y, math.floor(steps * 2 ** (tau * e)), lr / 2**e, reach)
        touched.append(np.isclose(np.linalg.norm(iterates[-1] - y), reach))
        y, e = np.mean(iterates, axis=0), e + 1
        planned += steps * 2 ** (tau * e)
    return y, touched


@pytest.mark.parametrize("power", [2, 3])
@pytest.mark.parametrize("method", METHODS)
def test_the_lower_variable_follows_epoch_sgd(method, power):
    """From the current y, in balls that some epochs reach and others do not, and means of iterates;
    at first and in every second step, BO-REP there with one epoch of lower_budget steps."""
    x, y, touched = X0, Y0, []
    for k, moment in enumerate(run(method, 9, **OPTIONS, power=power, scaling_floor=0.1)):
        if k == 0 or (k % 2 == 0 and method == "unibio"):
            y, reached = epochs(x, y, 12 if k == 0 else 5, power)
            touched += reached
        elif k % 2 == 0:
            iterates = epoch(x, y, 5, 0.1, 1.3)
            touched.append(np.isclose(np.linalg.norm(iterates[-1] - y), 1.3))
            y = np.mean(iterates, axis=0)
        np.testing.assert_allclose(moment.y, y, rtol=1e-11)
        x = moment.x
    assert set(touched) == {True, False}


@pytest.mark.parametrize("method", METHODS)
def test_mistakes_in_the_lower_variable_would_be_seen(method):
    options = {**OPTIONS, "initial_budget": 3, "maxiter": 1}
    found = run(method, **options)[0].y
    iterates = epoch(X0, Y0, 3, 0.1, 1.3)
    np.testing.assert_allclose(found, np.mean(iterates, axis=0), rtol=1e-12)

    def another(y):
        return np.linalg.norm(found - y) > 0.005 * np.linalg.norm(y)

    # The last iterate, no ball, a start that is not y0, the mean with the start in it.
    assert another(iterates[-1])
    assert another(np.mean(epoch(X0, Y0, 3, 0.1, np.inf), axis=0))
    assert another(np.mean(epoch(X0, np.zeros(4), 3, 0.1, 1.3), axis=0))
    assert another(np.mean([Y0, *iterates], axis=0))
    # Gradients that add up from step to step.
    w, total, summed = Y0, np.zeros(4), []
    for _ in range(3):
        total = total + EXACT.lower_y(X0, w)
        w = into_ball(w - 0.1 * total, Y0, 1.3)
        summed.append(w)
    assert another(np.mean(summed, axis=0))
    # One more step than was asked for.
    assert another(np.mean(epoch(X0, Y0, 4, 0.1, 1.3), axis=0))
