"""The answers of the methods on the nasty example, and the size of the oscillation around 0."""

from __future__ import annotations

import numpy as np
import pytest
from experiments.written import assert_files_are_written

import fastbilevel as fb
from bench.experiments import nasty
from bench.experiments.fits import log_log_slope


@pytest.fixture(scope="module")
def findings():
    return nasty.run(quick=True)


def test_its_files_are_written(findings, monkeypatch, tmp_path, capsys):
    assert_files_are_written("nasty", monkeypatch, tmp_path, capsys, findings)


def test_methods_without_a_lower_projection_are_refused_by_name(findings):
    for row in findings.where(kind="answer"):
        refused = not fb.methods.METHODS[row["method"]].projects_lower
        assert row["text"].startswith("refused: ") == refused
        assert (row["value"] == "") == refused
        if refused:
            assert f"Method '{row['method']}' cannot keep y inside the bounds" in row["text"]
            assert "'prox-f2sa'" in row["text"]


@pytest.mark.parametrize("method", ["prox-f2sa", "prox-f3sa"])
def test_the_others_warn_that_the_lower_solution_may_not_be_unique(findings, method):
    (text,) = findings.column("text", kind="answer", method=method)
    assert text.startswith("ConditioningWarning: The lower objective is not strongly convex")


def test_slopes_of_the_penalty_function_beside_zero_are_the_penalty(findings):
    for penalty in (10.0, 30.0):
        left, right, away = findings.column("value", kind="slope", penalty=penalty)
        # Its curvature is lambda^2 / 2, its distance from 0 1e-9.
        np.testing.assert_allclose([left, right], [-penalty, penalty], rtol=1e-6)
        assert away == pytest.approx(2 * nasty.START)


def test_exact_descent_overshoots_by_step_times_penalty(findings):
    rows = findings.where(kind="amplitude", method=nasty.EXACT)
    reach = [row["step"] * row["penalty"] for row in rows]
    size = [row["value"] for row in rows]
    np.testing.assert_allclose(size, reach, rtol=0.05)
    assert log_log_slope(reach, size).value == pytest.approx(1.0, abs=0.01)


def test_late_lower_iterates_overshoot_further(findings):
    rows = findings.where(kind="amplitude", method=next(iter(nasty.PROXIMAL)))
    assert all(row["value"] > 1.2 * row["step"] * row["penalty"] for row in rows)


def test_paths_cross_zero_again_and_again(findings):
    path = np.array(findings.column("value", kind="path", method=nasty.EXACT))
    assert path[0] == nasty.START
    assert np.count_nonzero(np.diff(np.sign(path[100:]))) > 50
