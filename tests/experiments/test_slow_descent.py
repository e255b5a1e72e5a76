"""The problem of the rate experiments: its gradient, its bias at every order, its noise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.polynomial import chebyshev
from scipy.optimize import brentq

import fastbilevel as fb
from bench.experiments.slow_descent import (
    SlowDescent,
    descend,
    exact_descent,
    position,
    stationarity,
)

PHASE = 0.7


def penalty_gradient(problem, x, order, nu):
    """The estimate of this order with lower solutions to full precision."""
    offsets, alpha = fb.finite_difference_coefficients(order)

    def force(y, weight):
        return problem.grad_lower_y([x], [y])[0] + weight * problem.grad_upper_y([x], [y])[0]

    total = 0.0
    for j, a in zip(offsets, alpha, strict=True):
        y = [brentq(force, x - 2, x + 2, args=(j * nu,), xtol=1e-15, rtol=1e-15)]
        total += a * (j * problem.grad_upper_x([x], y)[0] + problem.grad_lower_x([x], y)[0] / nu)
    return total


def test_gradients_are_those_of_the_values():
    errors = fb.testing.check_problem(SlowDescent(0.1, 0.2, phase=PHASE)).errors
    for name in ("grad_lower_y", "grad_lower_x", "grad_upper_y", "grad_upper_x"):
        assert errors[name] < 1e-9


def test_stationarity_is_the_slope_of_the_upper_objective_along_the_lower_solution():
    problem, h = SlowDescent(phase=PHASE), 1e-5
    for x in (0.5, 2.0, 30.0):
        values = [problem.value_upper([x + s], [x + s]) for s in (-h, h)]
        assert -np.diff(values)[0] / (2 * h) == pytest.approx(stationarity(x), rel=1e-7)
        assert problem.grad_lower_y([x], [x])[0] == 0.0


def test_start_has_the_wanted_slope():
    for value in (1.0, 0.1, 1e-3):
        assert stationarity(position(value)) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_bias_is_the_derivative_of_a_power_of_the_cosine(order):
    # cos^(p+1) as a cosine series, by Chebyshev's polynomials: T_m(cos u) = cos(m u).
    problem, nu, middle = SlowDescent(phase=PHASE), 0.02, 1e6
    series = chebyshev.poly2cheb([0.0] * (order + 1) + [1.0])
    m = np.arange(series.size)
    factor = {1: 1 / 2, 2: 1 / 6, 4: -1 / 30}[order] * (-1) ** order
    scale = factor * nu**order
    amplitude = abs(scale) * np.sum(np.abs(series) * m**order)
    for x in middle + np.linspace(0, 2 * np.pi, 7):
        derivative = np.sum(series * m**order * np.cos(m * (x + PHASE) + order * np.pi / 2))
        bias = penalty_gradient(problem, x, order, nu) + stationarity(x)
        # The next term is smaller by a few nu; at p = 4 rounding of 1e-16 x / nu shows as well.
        assert bias == pytest.approx(scale * derivative, abs=0.2 * amplitude + 1e-8)


def test_fixed_penalty_catches_x_where_the_slope_has_fallen_to_the_bias():
    problem, penalty = SlowDescent(phase=PHASE), 20.0
    start = [position(4 / penalty)]
    result = fb.minimize(
        problem, start, start, method="f2ba", maxiter=20_000, record_every=20_000,
        penalty=penalty, lr_z=0.5, lr_x=0.5, inner_steps=40,
    )  # fmt: skip
    x = float(result.x_last[0])
    assert penalty_gradient(problem, x, 1, 1 / penalty) == pytest.approx(0.0, abs=1e-9)
    # The bias swings up to 1 / (2 lambda) twice in 2 pi, over which 1 / x falls by less than a
    # third here, and its next terms are of relative size 1 / lambda.
    assert 0.3 / penalty < stationarity(x) < 0.55 / penalty


def test_noise_is_centred_has_its_deviation_and_is_that_of_the_sample():
    problem = SlowDescent(0.3, 0.6, phase=PHASE)
    rows = np.arange(4000)
    for name, sigma in (
        ("grad_lower_y", 0.3),
        ("grad_lower_x", 0.3),
        ("grad_upper_y", 0.6),
        ("grad_upper_x", 0.6),
    ):
        oracle = getattr(problem, name)
        here, there = (
            np.array([oracle([x], [x], [i])[0] for i in rows]) - oracle([x], [x])[0]
            for x in (1.0, 9.0)
        )
        np.testing.assert_allclose(here, there, atol=1e-14)
        # Four standard errors of a mean and of a standard deviation.
        assert abs(here.mean()) < 4 * sigma / math.sqrt(rows.size)
        assert here.std() == pytest.approx(sigma, abs=4 * sigma / math.sqrt(2 * rows.size))


@pytest.mark.parametrize(
    "lr_x", [0.3, fb.schedules.Power(0.2, 1 / 3), fb.schedules.Power(0.2, 5 / 7)]
)
@pytest.mark.parametrize("average", [False, True])
def test_exact_descent_counts_the_steps_of_a_plain_loop(lr_x, average):
    eps = 0.2
    x, k, total = 1 / (2 * eps), 0, 0.0
    while True:
        total += 1 / x
        if (total / (k + 1) if average else 1 / x) <= eps:
            break
        x += (lr_x if isinstance(lr_x, float) else lr_x(k)) / x
        k += 1
    expected = exact_descent({"method": "f2ba", "lr_x": lr_x}, eps, average=average)
    # Time is continuous there; steps of x of length 0.06 change the sums by less than 5 %.
    assert expected == pytest.approx(k, rel=0.05)


def test_normalised_steps_reach_eps_after_the_distance_over_the_step():
    eps, lr_x = 0.1, 0.05
    options = {"method": "f2sa-p", "lr_x": lr_x}
    steps = exact_descent(options, eps, average=False)
    assert steps == pytest.approx((1 / eps - 1 / (2 * eps)) / lr_x, rel=1e-3)


def test_run_out_of_reach_is_reported_as_none():
    # The bias 1 / (2 lambda) is larger than eps.
    options = {"method": "f2ba", "penalty": 5.0, "lr_z": 0.5, "lr_x": 0.5}
    assert descend(SlowDescent(phase=PHASE), 0.02, average=True, seed=0, **options) is None
