"""How the noise of minibatches enters one hypergradient estimate at exact lower solutions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import fastbilevel as fb
from fastbilevel._oracles.binding import Binder
from fastbilevel._oracles.composed import make_perturbed_gradient
from fastbilevel._texts.compile import compile_text, specialize
from fastbilevel._texts.samplers import key_of
from fastbilevel.problems import Quadratic

# Seeds are fixed: an interval that holds once holds always.
CONFIDENCE = 0.998
X = np.array([0.4, -1.0, 0.7])
BATCH = 4


def noisy_problem(lower, upper):
    """A quadratic with additive Gaussian noise, and the same without noise."""
    given = Quadratic.random(3, 4, seed=2)
    coefficients = (given._H, given._B, given._F, given._c, given._b, given._R)
    means = [stack[0] for stack in coefficients]
    return Quadratic(*means, noise=(lower, upper)), given


class Estimator:
    """Phi of F2SA-p from the fused oracle, at exact lower solutions, as a function of the step."""

    def __init__(self, problem, order, nu, *, shared, batch_size=BATCH, seed=0):
        method = fb.F2SAp(
            order=order, nu=nu, shared_samples=shared, batch_size=batch_size,
            val_batch_size=batch_size, sampling="replacement",
        )  # fmt: skip
        self.problem = problem
        self.plan = method.plan(problem, key_of(seed), 1)
        self.offsets, self.alpha = method.stencil()
        solutions = [problem.lower_solution(X, j * nu) for j in self.offsets.reshape(-1)]
        Y = np.array(solutions).reshape(len(self.offsets), -1)
        bound = Binder(problem, self.plan).bind(method.oracles).perturbed_gradient
        data, work = bound.data.record, bound.work.record
        weights, self.out = self.offsets * nu, np.empty(X.size)
        before = (data, self.plan.samplers(), work, X, Y, weights, self.alpha, nu)
        text = compile_text(make_perturbed_gradient, problem.kernels)
        self.function = specialize(text, (*before, 0, self.out))
        self.before = before

    def __call__(self, step):
        self.function(*self.before, step, self.out)
        return self.out.copy()

    def rows(self, level, step):
        """The samples that all offsets share in the given step."""
        sampler = self.plan.outer_lower if level == "lower" else self.plan.outer_upper
        return self.problem.kernels.draw.draw_batch(sampler.arrays(), step, 0)[0]


def exact_estimate(problem, order, nu):
    return fb.hypergradient(problem, X, order=order, nu=nu, tol=1e-14)


def variance_interval(samples, expected_variance):
    """Bounds on the sum of squares of centred normal numbers of that variance."""
    tails = (1 - CONFIDENCE) / 2
    low, high = stats.chi2.ppf([tails, 1 - tails], samples.size)
    return low * expected_variance, high * expected_variance


@pytest.mark.parametrize("order", range(1, 7))
@pytest.mark.parametrize("shared", [True, "outer"])
def test_shared_noise_of_the_lower_level_cancels(order, shared):
    noisy, exact = noisy_problem(5.0, 0.0)
    for nu in (0.1, 1e-4):
        estimate = Estimator(noisy, order, nu, shared=shared)
        expected = Estimator(exact, order, nu, shared=shared, batch_size=None)(0)
        rounding = 32 * np.finfo(float).eps * 5.0 / nu
        for step in range(20):
            np.testing.assert_allclose(estimate(step), expected, rtol=0, atol=rounding)


@pytest.mark.parametrize("order", range(1, 7))
def test_shared_noise_of_the_upper_level_enters_once(order):
    # Its weight is sum_j j alpha_j = 1.
    noisy, exact = noisy_problem(0.0, 3.0)
    nu = 0.1
    estimate = Estimator(noisy, order, nu, shared=True)
    expected = exact_estimate(exact, order, nu)
    for step in range(20):
        rows = estimate.rows("upper", step)
        y = np.zeros(noisy.n_y)
        noise = noisy.grad_upper_x(X, y, rows) - noisy.grad_upper_x(X, y)
        np.testing.assert_allclose(estimate(step), expected + noise, rtol=0, atol=1e-11)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_variance_with_shared_samples(order):
    sigma = 0.5
    noisy, exact = noisy_problem(2.0, sigma)
    estimate = Estimator(noisy, order, 0.05, shared=True)
    errors = np.array([estimate(s) for s in range(1500)]) - exact_estimate(exact, order, 0.05)
    low, high = variance_interval(errors, sigma**2 / BATCH)
    assert low < np.sum(errors**2) < high


@pytest.mark.parametrize("order", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("sigmas", [(0.3, 0.0), (0.0, 0.5), (0.02, 0.5)])
def test_variance_with_independent_samples(order, sigmas):
    nu = 0.05
    noisy, exact = noisy_problem(*sigmas)
    estimate = Estimator(noisy, order, nu, shared=False)
    errors = np.array([estimate(s) for s in range(1500)]) - exact_estimate(exact, order, nu)
    j, alpha = fb.finite_difference_coefficients(order)
    lower = sigmas[0] ** 2 * np.sum(alpha**2) / nu**2
    upper = sigmas[1] ** 2 * np.sum((j * alpha) ** 2)
    low, high = variance_interval(errors, (lower + upper) / BATCH)
    assert low < np.sum(errors**2) < high
    mean = errors.mean(axis=0)
    assert np.abs(mean).max() < 4 * np.sqrt((lower + upper) / BATCH / len(errors))


def test_finite_sums_have_bounded_noise_with_shared_samples_only():
    # The noise of G_x is Lipschitz in y, and the y_j are O(nu) apart.
    problem = Quadratic.random(3, 4, n=50, spread=0.5, seed=1)

    def variance(nu, shared):
        estimate = Estimator(problem, 2, nu, shared=shared)
        return np.var([estimate(s) for s in range(600)], axis=0).sum()

    assert variance(0.001, True) / variance(0.1, True) == pytest.approx(1.0, abs=0.1)
    assert variance(0.001, False) / variance(0.1, False) == pytest.approx(1e4, rel=0.3)
