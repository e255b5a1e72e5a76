"""The error of the penalty hypergradient has the slopes -p, on quadratics and elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from experiments.written import assert_files_are_written

import fastbilevel as fb
from bench.experiments import penalty_error


@pytest.fixture(scope="module")
def findings():
    return penalty_error.run(quick=True)


def test_its_files_are_written(findings, monkeypatch, tmp_path, capsys):
    assert_files_are_written("penalty_error", monkeypatch, tmp_path, capsys, findings)


def test_error_falls_with_the_order_as_exponent(findings):
    # Next to a line lie terms of relative size nu, so 1 % of p is what the octave leaves.
    for problem in findings.different("problem"):
        for order in findings.different("order"):
            slope = penalty_error.fitted_slope(findings, problem, order)
            assert slope.value == pytest.approx(-order, rel=0.01)


def test_error_of_the_scalar_problem_is_that_of_the_closed_form(findings):
    for row in findings.where(problem=penalty_error.SCALAR):
        assert abs(row["error"] - row["closed_form_error"]) < 10 * row["rounding"]


def test_rounding_is_visible_and_not_fitted(findings):
    for problem in findings.different("problem"):
        rows = findings.where(problem=problem, order=4)
        fitted = [row for row in rows if row["fitted"]]
        # The law goes on where the fit ends; the errors do not, though one can be 0 by chance.
        expected = rows[0]["error"] * (rows[0]["penalty"] / rows[-1]["penalty"]) ** 4
        assert max(row["error"] for row in rows[-4:]) > 100 * expected
        assert max(row["penalty"] for row in fitted) < rows[-1]["penalty"]
        assert all(row["error"] > 100 * row["rounding"] for row in fitted)


def test_closed_form_of_one_variable_is_the_weighted_sum_over_its_stencil():
    x, nu, mu, a = 0.3, 0.1, penalty_error.MU, penalty_error.A
    for order in range(1, 7):
        offsets, alpha = fb.finite_difference_coefficients(order)
        y = (x + offsets * nu) / (mu + offsets * nu)
        phi = np.sum(alpha * (offsets * a * x - y / nu))
        assert penalty_error.scalar_phi(x, order, nu) == pytest.approx(phi, abs=1e-13)
