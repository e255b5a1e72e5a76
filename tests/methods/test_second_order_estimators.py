"""STORM and SPIDER without noise, MA-SOBA's delay, SABA's tables, and what mistakes would give."""

import itertools

import numpy as np
import pytest
from methods.second_order_runs import Quadratics, moments

import fastbilevel as fb
from fastbilevel import methods
from fastbilevel._run.engine import Run
from fastbilevel._texts.samplers import key_of

PROBLEM = fb.problems.Quadratic.random(3, 4)
EXACT = Quadratics.of(PROBLEM)
LR_X, LR_Y = 0.2, 0.3
NEUMANN = {"neumann_lr": 0.3, "neumann_steps": 3, "lr_y": LR_Y, "lr_x": LR_X}
STORM = {**NEUMANN, "momentum": 0.4, "lower_momentum": 0.7}
SPIDER = {**NEUMANN, "inner_steps": 3, "refresh_batches": 2}
X0, Y0 = np.array([0.5, -1.0, 2.0]), np.array([1.0, 0.0, -0.5, 2.0])


def sum_estimate(x, y):
    """h(x, y) with the Neumann sum."""
    return EXACT.estimate(x, EXACT.neumann(0.3, 3) @ EXACT.upper_y(y))


def power_estimate(x, y):
    """h(x, y) with the Neumann power for Q = 1, where P = 0."""
    return EXACT.estimate(x, 0.3 * EXACT.upper_y(y))


def run(method, maxiter=6, problem=PROBLEM, **options):
    return moments(problem, X0, Y0, method=method, maxiter=maxiter, **options)


RECURSIVE = {
    "mrbo": (STORM, sum_estimate),
    "sustain": ({**STORM, "neumann_steps": 1}, power_estimate),
}


@pytest.mark.parametrize("method", RECURSIVE)
def test_storm_without_noise_is_a_plain_gradient_method(method):
    """x and y move at once, along h(x_k, y_k) and g_y(x_k, y_k)."""
    options, estimate = RECURSIVE[method]
    x, y = X0, Y0
    for moment in run(method, **options):
        h, g = estimate(x, y), EXACT.lower_y(x, y)
        x, y = x - LR_X * h, y - LR_Y * g
        np.testing.assert_allclose(moment.direction, h, rtol=1e-12)
        np.testing.assert_allclose(moment.x, x, rtol=1e-12)
        np.testing.assert_allclose(moment.y, y, rtol=1e-12)


@pytest.mark.parametrize("method", RECURSIVE)
@pytest.mark.parametrize("rows", [None, 12])
def test_the_momentum_is_of_no_consequence_for_full_batches(method, rows):
    """Batches of all rows, whether asked for or by default."""
    problem = fb.problems.Quadratic.random(3, 4, n=12, spread=0.3)
    options = {**RECURSIVE[method][0], "batch_size": rows, "val_batch_size": rows}
    plain = {**options, "momentum": 1.0, "lower_momentum": 1.0}
    for one, other in zip(
        run(method, problem=problem, **options), run(method, problem=problem, **plain), strict=True
    ):
        np.testing.assert_allclose(one.direction, other.direction, rtol=1e-11)
        np.testing.assert_allclose(one.y, other.y, rtol=1e-11)


@pytest.mark.parametrize("method", RECURSIVE)
def test_mistakes_in_storm_would_be_seen(method):
    """Old points that are the new ones leave a mean of past directions; a correction that lags by a
    step compares with the point before the last."""
    options, estimate = RECURSIVE[method]
    seen, a = run(method, **options), options["momentum"]
    points = [(X0, Y0), *((m.x, m.y) for m in seen)]
    h = [estimate(*point) for point in points]
    aliased = [h[0]]
    for k in range(1, 6):
        aliased.append(h[k] + (1 - a) * (aliased[-1] - h[k]))
        assert np.linalg.norm(aliased[k] - seen[k].direction) > 0.03 * np.linalg.norm(h[k])
    lagging = h[2] + (1 - a) * (h[1] - h[0])
    assert np.linalg.norm(lagging - seen[2].direction) > 0.03 * np.linalg.norm(h[2])


@pytest.mark.parametrize("period", [1, 2, 4])
def test_spider_without_noise_is_a_plain_gradient_method(period):
    """u is g_y(x_{k+1}, y_t) in every lower step, and v is h(x_k, y_k), refreshed or not."""
    x, y = X0, Y0
    for moment in run("vrbo", **SPIDER, period=period):
        v = sum_estimate(x, y)
        x = x - LR_X * v
        for _ in range(3):
            y = y - LR_Y * EXACT.lower_y(x, y)
        np.testing.assert_allclose(moment.direction, v, rtol=1e-11)
        np.testing.assert_allclose(moment.x, x, rtol=1e-11)
        np.testing.assert_allclose(moment.y, y, rtol=1e-11)


def test_mistakes_in_spider_would_be_seen():
    """Without the change of x in the first comparison v lacks h(x_1, y_0) - h(x_0, y_0) and u lacks
    the same of g_y; without the last correction v belongs to the y before the last step."""
    first, second = run("vrbo", 2, **SPIDER, period=2)
    scale = 0.03 * np.linalg.norm(second.direction)
    y = Y0
    for _ in range(2):
        y = y - LR_Y * EXACT.lower_y(first.x, y)
    assert np.linalg.norm(sum_estimate(first.x, y) - second.direction) > scale
    missing = sum_estimate(first.x, Y0) - sum_estimate(X0, Y0)
    assert np.linalg.norm(missing) > scale
    # The first lower step with g_y(x_0, y_0), the others shifted by the same error.
    shift, y = EXACT.lower_y(first.x, Y0) - EXACT.lower_y(X0, Y0), Y0
    for _ in range(3):
        y = y - LR_Y * (EXACT.lower_y(first.x, y) - shift)
    assert np.linalg.norm(first.y - y) > 0.03 * np.linalg.norm(y)


def test_ma_soba_without_memory_is_soba_delayed_by_one_step():
    """With x held fast, y and v do not feel the delay. The signs of v are opposite."""
    problem = fb.problems.Quadratic.random(3, 4, n=12, spread=0.3)
    options = {"lr_y": 0.2, "lr_v": 0.1, "lr_x": LR_X, "bounds": (X0, X0)}
    options |= {"batch_size": 3, "val_batch_size": 2, "seed": 4, "problem": problem}
    soba, delayed = run("soba", **options), run("ma-soba", **options, momentum=1.0)
    np.testing.assert_array_equal(delayed[0].direction, 0.0)
    for now, later in itertools.pairwise(range(6)):
        np.testing.assert_allclose(delayed[later].direction, soba[now].direction, rtol=1e-12)
        np.testing.assert_allclose(delayed[now].y, soba[now].y, rtol=1e-12)
    assert not np.allclose(delayed[1].direction, soba[1].direction, rtol=0.01)
    # A mean of the directions up to now, not of those before: theta = 1/2.
    half = run("ma-soba", **options, momentum=0.5)
    expected = np.zeros(3)
    for k in range(5):
        np.testing.assert_allclose(half[k].direction, expected, rtol=1e-12)
        expected = (expected + soba[k].direction) / 2


FINITE = fb.problems.Quadratic.random(3, 4, n=10, spread=0.2)
SAGA = {"lr_y": 0.1, "lr_v": 0.1, "lr_x": 0.05, "batch_size": 4, "val_batch_size": 3}


def bound(method, problem, seed=0, **options):
    """The run of a method, with its memory in sight."""
    chosen = methods.resolve(method, options)
    chosen.check(problem)
    return Run(problem, chosen.complete(problem, X0, Y0), key_of(seed), X0, Y0, None, 1)


@pytest.mark.parametrize("memory", ["zeros", "full"])
def test_saba_converges_at_a_constant_step(memory):
    """10 rows in blocks of 4, 4, 2 and 3, 3, 3, 1: SOBA stays noisy, SABA does not, from either
    memory. A sign lost in v would lead elsewhere."""
    options = {**SAGA, "problem": FINITE, "seed": 2, "record_every": 6000}
    arguments = {"maxiter": 6000, **options}
    found = fb.minimize(method="saba", initial_memory=memory, **arguments)
    np.testing.assert_allclose(found.x_last, FINITE.solution(), rtol=1e-12)
    np.testing.assert_allclose(found.jac, 0.0, atol=1e-12)
    noisy = fb.minimize(method="soba", **arguments)
    assert np.linalg.norm(noisy.x_last - FINITE.solution()) > 1e-3
    exact = Quadratics.of(FINITE)
    assert np.linalg.norm(exact.rest(-np.linalg.inv(exact.H)) - FINITE.solution()) > 0.1


@pytest.mark.parametrize("memory", ["zeros", "full"])
def test_the_averages_of_saba_are_the_means_of_its_tables(memory):
    """After every step, each row weighted by its block's share of the rows: 4, 4, 2 and 3, 3, 3, 1
    of 10. Only the rows of the blocks drawn have changed."""
    run = bound("saba", FINITE, seed=1, initial_memory=memory, **SAGA)
    tables, averages = run.memory.tables, run.memory.averages
    shares = [np.array([0.4, 0.4, 0.2])] * 3 + [np.array([0.3, 0.3, 0.3, 0.1])] * 2
    before = [table.copy() for table in tables]
    for step in range(30):
        for table, average, share in zip(tables, averages, shares, strict=True):
            np.testing.assert_allclose(average, share @ table, rtol=1e-12, atol=1e-14)
        run.advance(1)
        changed = [
            np.flatnonzero((now != old).any(axis=1))
            for now, old in zip(tables, before, strict=True)
        ]
        # The products with v = 0 are 0 in the first step.
        assert [rows.size for rows in changed[1:3]] == [int(step > 0)] * 2
        assert all(rows.size <= 1 for rows in changed)
        assert np.array_equal(changed[3], changed[4])
        before = [table.copy() for table in tables]
    if memory == "full":
        fresh = bound("saba", FINITE, seed=1, initial_memory="full", **SAGA)
        exact = Quadratics.of(FINITE)
        means = fresh.memory.averages
        np.testing.assert_allclose(means.of_y, exact.lower_y(X0, Y0), atol=1e-14)
        np.testing.assert_allclose(means.upper_of_y, exact.upper_y(Y0), atol=1e-14)
        np.testing.assert_allclose(means.upper_of_x, exact.R @ X0, atol=1e-14)
