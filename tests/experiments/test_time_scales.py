"""The step of x does not depend on lambda with two time scales, and shrinks with one."""

from __future__ import annotations

import numpy as np
import pytest

from bench.experiments.fits import log_log_slope
from bench.experiments.time_scales import F2BA, SINGLE, VARIANTS, iterations, largest_step

PRECISION = 1e-2


def steps_of(name, penalties):
    return [largest_step(VARIANTS[name], penalty, PRECISION) for penalty in penalties]


def test_largest_step_of_f2ba_is_that_of_exact_lower_solutions():
    penalties = [30.0, 1000.0, 30_000.0]
    steps = steps_of("F2BA: y as fast as z, K = 10", penalties)
    # phi' has the slope 1 + 1 / (1 + 1 / lambda). The bisection leaves 1 %, a lag of 2^-10 of the
    # lower iterates another 1 %.
    expected = [2 / (1 + 1 / (1 + 1 / penalty)) for penalty in penalties]
    np.testing.assert_allclose(steps, expected, rtol=0.03)


@pytest.mark.parametrize(
    "name", ["y half as fast as z, K = 1 (F2SA)", "x and y take one step, K = 1"]
)
def test_largest_step_of_one_time_scale_shrinks_like_the_inverse_penalty(name):
    # Terms of relative size 1 / (lambda lr_z) are below 1 % from lambda = 300 on.
    steps = steps_of(name, [300.0, 30_000.0])
    assert steps[0] / steps[1] == pytest.approx(100, rel=0.05)


def test_number_of_lower_steps_that_grows_with_log_lambda_keeps_the_step():
    # Rounding K up makes the lag up to a quarter smaller than 1 / lambda.
    steps = steps_of("y half as fast as z, K ~ log lambda", [30.0, 30_000.0])
    assert steps[0] / steps[1] == pytest.approx(1, rel=0.4)


def test_iterations_grow_like_the_square_and_the_cube_of_the_inverse_accuracy():
    eps = [0.2, 0.1, 0.05]
    for name, exponent in ((F2BA, -2), (SINGLE, -3)):
        needed = [iterations(name, each, seed) for each in eps for seed in range(2)]
        slope = log_log_slope(np.repeat(eps, 2), needed)
        # The bias, a third of eps at most, delays a run by up to a fifth, by its phase: over a
        # factor of 4 in eps that is 0.2 in the exponent at the very most, half of it in a fit.
        assert slope.value == pytest.approx(exponent, abs=0.2)
