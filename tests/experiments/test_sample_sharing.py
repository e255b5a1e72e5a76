"""Shared samples keep the variance of the estimate, independent ones let it grow."""

from __future__ import annotations

import numpy as np
import pytest
from experiments.written import assert_files_are_written

from bench.experiments import sample_sharing
from bench.experiments.fits import log_log_slope
from bench.experiments.sample_sharing import ADDITIVE, FINITE, INDEPENDENT, SHARED


@pytest.fixture(scope="module")
def findings():
    return sample_sharing.run(quick=True)


def test_its_files_are_written(findings, monkeypatch, tmp_path, capsys):
    assert_files_are_written("sample_sharing", monkeypatch, tmp_path, capsys, findings)


def test_variances_are_those_of_the_formulas(findings):
    # Four standard errors at a time; the seeds are fixed.
    for kind in (SHARED, INDEPENDENT):
        for row in findings.where(estimate=kind):
            assert abs(row["variance"] - row["formula"]) < 4 * row["standard_error"]


def test_formula_of_shared_additive_noise_is_that_of_the_upper_level_alone(findings):
    expected = 3 * sample_sharing.SIGMA_F**2 / sample_sharing.SAMPLES
    assert findings.column("formula", noise=ADDITIVE, estimate=SHARED) == [expected] * 6


@pytest.mark.parametrize("noise", [ADDITIVE, FINITE])
def test_growth_with_lambda(findings, noise):
    for order in findings.different("order"):
        rows = {"noise": noise, "order": order}
        penalties = findings.column("penalty", **rows, estimate=SHARED)
        for kind, exponent in ((SHARED, 0), (INDEPENDENT, 2)):
            formulas = findings.column("formula", **rows, estimate=kind)
            # What 1 / lambda adds at lambda = 10.
            assert log_log_slope(penalties, formulas).value == pytest.approx(exponent, abs=0.06)


@pytest.mark.parametrize("noise", [ADDITIVE, FINITE])
def test_direction_of_f2sa_grows_with_lambda_unless_samples_are_shared(findings, noise):
    def growth(kind):
        variance = findings.column("variance", noise=noise, estimate=kind)
        return variance[-1] / variance[0]

    # Over two decades of lambda. A ratio of variances from 20 runs in 3 dimensions each has a
    # standard deviation of about 0.25.
    assert growth(sample_sharing.METHOD_SHARED) == pytest.approx(1, abs=0.9)
    assert growth(sample_sharing.METHOD_INDEPENDENT) == pytest.approx(1e4, rel=0.9)


def test_the_finite_sum_has_the_mean_of_the_other_problem():
    problems = sample_sharing.problems(0)
    solutions = [problem.solution() for problem in problems.values()]
    np.testing.assert_allclose(*solutions, rtol=1e-10)
