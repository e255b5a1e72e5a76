"""Slopes of power laws, and how experiments are run and written."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from experiments.written import assert_files_are_written

from bench import experiments
from bench.experiments import __main__, figures
from bench.experiments.fits import Slope, log_log_slope

X = np.geomspace(1, 1e4, 9)


def test_exact_power_law_has_its_exponent_and_factor():
    slope = log_log_slope(X, 3 * X**-2.5)
    assert slope.value == pytest.approx(-2.5, abs=1e-12)
    assert slope.factor == pytest.approx(3.0, rel=1e-12)
    assert slope.high - slope.low < 1e-6
    np.testing.assert_allclose(slope.line(X), 3 * X**-2.5, rtol=1e-10)


def test_a_slope_is_printed_with_its_interval():
    assert str(Slope(-0.004, -0.009, 0.012, 1.0, 5)) == "0.00 (-0.01 to 0.01)"
    assert str(Slope(-2.0, -2.126, -1.9, 1.0, 5)) == "-2.00 (-2.13 to -1.90)"


def test_interval_holds_the_exponent_as_often_as_it_says():
    rng = np.random.default_rng(0)
    runs = 2000
    noisy = (log_log_slope(X, X**1.5 * np.exp(0.3 * rng.standard_normal(9))) for _ in range(runs))
    # Four standard deviations of a binomial share.
    assert sum(1.5 in slope for slope in noisy) / runs == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1.0, 2.0], [1.0, 2.0], "at least 3"),
        ([1.0, 2.0, 3.0], [1.0, 0.0, 2.0], "positive"),
        ([1.0, 2.0, 3.0], [1.0, 2.0], "one length"),
    ],
)
def test_what_has_no_slope_is_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        log_log_slope(x, y)


def test_rows_are_selected_and_written(tmp_path):
    rows = [{"p": p, "error": p / 10} for p in (1, 2, 1)]
    findings = figures.Findings(rows)
    assert findings.column("error", p=1) == [0.1, 0.1]
    assert findings.different("p") == [1, 2]
    file = figures.write_rows(rows, tmp_path / "a.csv")
    with file.open(newline="", encoding="utf-8") as opened:
        assert list(csv.DictReader(opened)) == [{k: str(v) for k, v in r.items()} for r in rows]
    with pytest.raises(ValueError, match="nothing"):
        figures.write_rows([], tmp_path / "b.csv")


def test_unknown_experiment_is_named(capsys):
    with pytest.raises(SystemExit):
        __main__.main(["no_such"])
    assert "'no_such'" in capsys.readouterr().err


# Their tests make a quick run anyway, and look at its files.
ELSEWHERE = {"penalty_error", "sample_sharing", "zero_chain", "nasty", "oracle_complexity"}


def test_files_are_looked_at_elsewhere():
    folder = Path(__file__).parent
    for name in ELSEWHERE:
        text = (folder / f"test_{name}.py").read_text(encoding="utf-8")
        assert f'assert_files_are_written("{name}", ' in text


@pytest.mark.parametrize("name", [name for name in experiments.NAMES if name not in ELSEWHERE])
def test_every_experiment_writes_its_files(name, monkeypatch, tmp_path, capsys):
    assert_files_are_written(name, monkeypatch, tmp_path, capsys)
