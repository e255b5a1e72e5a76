"""Methods that become one another, and estimators that become plain gradients."""

import numpy as np
import pytest

import fastbilevel as fb

FINITE_SUM = {"batch_size": 3, "val_batch_size": 2, "seed": 7, "maxiter": 40, "record_every": 40}


def finite_sum(noise=0.3):
    return fb.problems.Quadratic.random(3, 4, n=12, spread=noise)


def last(result):
    return np.concatenate([result.x_last, result.y_last, result.jac])


@pytest.mark.parametrize("sampling", ["blocks", "replacement", "epochs"])
def test_f3sa_without_memory_is_f2sa_bit_for_bit(sampling):
    steps = {
        "lr_z": fb.schedules.Power(0.2, 0.3),
        "lr_y": 0.015,
        "lr_x": 0.05,
        "penalty": 8.0,
        "penalty_increment": 0.01,
        "sampling": sampling,
    }
    f3sa = fb.minimize(finite_sum(), method="f3sa", momentum=1.0, **steps, **FINITE_SUM)
    f2sa = fb.minimize(finite_sum(), method="f2sa", inner_steps=1, **steps, **FINITE_SUM)
    np.testing.assert_array_equal(last(f3sa), last(f2sa))


def test_prox_f3sa_without_memory_is_prox_f2sa_bit_for_bit():
    steps = {"lr_y": 0.1, "lr_x": 0.5, "nu": 0.2, "prox": 0.7, "smoothing": 0.4}
    single = fb.minimize(finite_sum(), method="prox-f3sa", momentum=1.0, **steps, **FINITE_SUM)
    double = fb.minimize(finite_sum(), method="prox-f2sa", inner_steps=1, **steps, **FINITE_SUM)
    np.testing.assert_array_equal(last(single)[:-3], last(double)[:-3])
    # The mean over one minibatch multiplies by 1.0 and adds to 0.
    np.testing.assert_allclose(single.jac, double.jac, rtol=1e-15)


@pytest.mark.parametrize("method", ["f3sa", "prox-f3sa"])
def test_estimators_of_exact_gradients_are_the_gradients(method):
    problem = fb.problems.Quadratic.random(3, 4)
    ends = [
        last(fb.minimize(problem, method=method, momentum=eta, maxiter=60))
        for eta in (1.0, 0.3, fb.schedules.Power(1.0, 0.8))
    ]
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(ends[2], ends[0], rtol=1e-11, atol=1e-13)


def test_additive_noise_enters_estimators_in_proportion_to_their_memory():
    """The noise of NM1 is the same at both points, so h - grad = (1 - eta) (...) + eta noise.

    At a fixed point of x and y the estimator is an average of noise with weights eta: its variance
    is eta / (2 - eta) of that of plain gradients.
    """
    mean = fb.problems.Quadratic.random(2, 3)
    coefficients = (mean._H, mean._B, mean._F, mean._c, mean._b, mean._R)
    noisy = fb.problems.Quadratic(*(a[0] for a in coefficients), noise=(0.5, 0.0))
    x = noisy.x0
    y = noisy.lower_solution(x)
    options = {
        "method": "f3sa", "lr_z": 1e-12, "lr_y": 1e-13, "lr_x": 1e-12, "penalty": 2.0,
        "batch_size": 1, "val_batch_size": 1, "record_every": 100,
    }  # fmt: skip

    def spread(eta):
        ends = [
            fb.minimize(noisy, x, y, momentum=eta, maxiter=100, seed=seed, **options).jac
            for seed in range(300)
        ]
        return np.var(ends, axis=0).mean()

    eta = 0.2
    # A variance of 600 draws is known to 1 / sqrt(300) = 6 % each; four deviations of the ratio.
    np.testing.assert_allclose(spread(eta) / spread(1.0), eta / (2 - eta), rtol=4 * 0.06 * 2**0.5)


@pytest.mark.parametrize("batch", [None, 4])
def test_f2sa_p_of_order_one_without_normalization_is_f2ba(batch):
    common = {"lr_y": 0.2, "inner_steps": 3, "maxiter": 30, "batch_size": batch, "lr_x": 0.1}
    common |= {"val_batch_size": batch, "seed": 5}
    shared = batch is None
    a = fb.minimize(
        finite_sum(), method="f2sa-p", order=1, nu=1 / 8, normalize=False,
        shared_samples=shared, **common,
    )  # fmt: skip
    b = fb.minimize(finite_sum(), method="f2ba", penalty=8.0, **{**common, "lr_y": 0.2 / 8})
    np.testing.assert_array_equal(last(a), last(b))


def test_f2sa_with_a_constant_penalty_is_f2ba():
    common = {"lr_z": 0.3, "lr_y": 0.02, "inner_steps": 4, "penalty": 5.0, **FINITE_SUM}
    a = fb.minimize(finite_sum(), method="f2sa", **common)
    b = fb.minimize(finite_sum(), method="f2ba", **common)
    np.testing.assert_array_equal(last(a), last(b))


def test_acc_f2ba_without_momentum_is_f2ba():
    common = {"lr_z": 0.3, "inner_steps": 4, "penalty": 5.0, **FINITE_SUM}
    none = {"inner_momentum": 0.0, "outer_momentum": 0.0}
    a = fb.minimize(finite_sum(), method="acc-f2ba", **none, **common)
    b = fb.minimize(finite_sum(), method="f2ba", **common)
    np.testing.assert_array_equal(last(a), last(b))


def test_prox_f2sa_with_a_weak_pull_is_f2sa():
    """prox = inf takes the pull to the centres away; sigma = 1 / lambda rescales the step of x."""
    common = {"inner_steps": 3, **FINITE_SUM}
    a = fb.minimize(
        finite_sum(), method="prox-f2sa", lr_y=0.1, nu=0.25, lr_x=0.2, prox=1e300, **common
    )
    b = fb.minimize(
        finite_sum(), method="f2sa", lr_z=0.1, lr_y=0.1 / 4, penalty=4.0, lr_x=0.05, **common
    )
    np.testing.assert_allclose(last(a), last(b), rtol=1e-12)


def test_two_minibatches_of_half_the_data_are_the_full_gradient():
    """The mean over M minibatches: with one block in each half of the data and enough of them, the
    step of x approaches the one with full gradients; with M = 1 it does not."""
    problem = finite_sum(1.0)
    options = {"lr_y": 1e-12, "lr_x": 0.5, "nu": 0.2, "maxiter": 1, "val_batch_size": None}
    y = problem.lower_solution(problem.x0) + 1.0

    def step(**more):
        return fb.minimize(problem, y0=y, method="prox-f2sa", **options, **more).x_last

    exact = step(batch_size=None)
    one, many = (
        np.linalg.norm(step(batch_size=6, sampling="replacement", outer_batches=m) - exact)
        for m in (1, 40_000)
    )
    assert many < 0.05 * one


def test_f2ba_with_noise_in_the_upper_level_only():
    """batch_size=None leaves the lower gradients exact, and they are counted as full passes."""
    mean = fb.problems.Quadratic.random(3, 4)
    coefficients = [a[0] for a in (mean._H, mean._B, mean._F, mean._c, mean._b, mean._R)]
    common = {"method": "f2ba", "lr_z": 0.3, "inner_steps": 2, "maxiter": 20, "seed": 3}
    upper = fb.problems.Quadratic(*coefficients, noise=(0.0, 0.5))
    both = fb.problems.Quadratic(*coefficients, noise=(0.5, 0.5))
    expected = fb.minimize(upper, batch_size=1, val_batch_size=2, **common)
    found = fb.minimize(both, batch_size=None, val_batch_size=2, **common)
    np.testing.assert_array_equal(last(found), last(expected))
    noisy = fb.minimize(both, batch_size=1, val_batch_size=2, **common)
    assert not np.allclose(last(noisy), last(expected), rtol=1e-3)
    rows = fb.minimize(finite_sum(), batch_size=None, val_batch_size=2, **common).oracle_calls
    assert rows == {"f_x": 40, "f_y": 80, "g_x": 40 * 12, "g_y": 80 * 12, "hvp": 0, "jvp": 0}
