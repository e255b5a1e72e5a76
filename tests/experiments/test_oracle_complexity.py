"""Oracle calls to reach eps: exact cases have the exponents of the theory, noisy ones its order."""

from __future__ import annotations

import math

import numpy as np
import pytest
from experiments.written import assert_files_are_written

import fastbilevel as fb
from bench.experiments import oracle_complexity
from bench.experiments.fits import log_log_slope
from bench.experiments.oracle_complexity import CASES, measure, options_for, sigmas
from bench.experiments.slow_descent import SlowDescent, descend

CASE = {case.name: case for case in CASES}
# From the largest eps of the experiment on, as far as a second or two allow.
SMALLEST = {
    "F2BA, exact": 0.03,
    "F2BA, noise in f": 0.03,
    "F2BA, noise in both": 0.03,
    "F2SA-p, p = 1": 0.1,
    "F2SA-p, p = 2": 0.06,
    "F2SA-p, p = 4": 0.06,
    "F2SA, noise in both": 0.24,
    "F2SA, noise in f": 0.18,
    "F2SA, exact": 0.1,
    "F3SA, noise in both": 0.22,
    "F3SA, noise in f": 0.15,
    "F3SA, exact": 0.1,
}


@pytest.fixture(scope="module")
def rows():
    """Three eps of every case, two runs of those that scatter."""
    return {
        name: [
            measure(case, float(eps), seed)
            for eps in np.geomspace(case.largest, SMALLEST[name], 3)
            for seed in range(2 if name.startswith(("F2SA,", "F3SA")) else 1)
        ]
        for name, case in CASE.items()
    }


def test_its_files_are_written(rows, monkeypatch, tmp_path, capsys):
    """From the rows that are there, whatever eps and seed a row is asked for."""

    def measured(case, eps, seed):
        return rows[case.name][0] | {"eps": eps, "seed": seed}

    monkeypatch.setattr(oracle_complexity, "measure", measured)
    assert_files_are_written("oracle_complexity", monkeypatch, tmp_path, capsys)


def exponent(rows, name, column="calls"):
    return log_log_slope(*([row[key] for row in rows[name]] for key in ("eps", column))).value


def test_every_case_reaches_eps_about_as_fast_as_exact_descent(rows):
    # The lag of y and z slows F2SA and F3SA, by up to 1 + 1/2 in the step and thus by up to
    # (3/2)^3.5 = 4 in the iterations; bias and noise of one run change them by another factor 2.
    for name in CASE:
        for row in rows[name]:
            assert 0.5 < row["calls"] / row["expected"] < 8


def test_f2ba_needs_a_number_of_iterations_of_the_order_of_eps_to_the_minus_two(rows):
    for name in ("F2BA, exact", "F2BA, noise in f", "F2BA, noise in both"):
        # Noise of the size of the gradient changes 150 iterations by a fifth at eps = 0.1.
        assert exponent(rows, name, "iterations") == pytest.approx(-2, abs=0.2)


def test_f2sa_p_needs_a_number_of_iterations_of_the_order_of_eps_to_the_minus_two(rows):
    for order in (1, 2, 4):
        # The first and the last count differ by a factor of 4, noise changes them by 10 %.
        name = f"F2SA-p, p = {order}"
        assert exponent(rows, name, "iterations") == pytest.approx(-2, abs=0.15)


def test_calls_have_the_exponents_of_the_theory_up_to_the_logarithm_in_K(rows):
    for name in CASE:
        if name.startswith(("F2BA", "F2SA-p")):
            # log(1 / eps^m) adds 1 / log(1 / eps) times m, m <= 2: between 0.2 and 0.4 here.
            assert CASE[name].exponent - 0.6 < exponent(rows, name) < CASE[name].exponent + 0.1


@pytest.mark.parametrize(
    "names",
    [
        ("F2BA, noise in both", "F2BA, noise in f", "F2BA, exact"),
        ("F2SA-p, p = 1", "F2SA-p, p = 2", "F2SA-p, p = 4"),
        ("F2SA, noise in both", "F2SA, noise in f", "F2SA, exact"),
        ("F3SA, noise in both", "F3SA, noise in f", "F3SA, exact"),
        ("F2SA, noise in both", "F3SA, noise in both"),
        ("F2SA, noise in f", "F3SA, noise in f"),
    ],
)
def test_exponents_have_the_order_of_the_theory(rows, names):
    found = [exponent(rows, name) for name in names]
    assert found == sorted(found)


def test_grouped_samples_cost_and_do_what_single_ones_do():
    case, eps = CASE["F2BA, noise in both"], 0.3
    problem = SlowDescent(*sigmas(case), phase=1.0, seed=5)
    options = options_for(case, eps)
    single = [descend(problem, eps, average=True, seed=s, **options) for s in range(4)]
    grouped = [measure(case, eps, s) for s in range(4)]
    per_iteration = {sum(r.oracle_calls.values()) / r.nit for r in single}
    assert per_iteration == {row["calls"] / row["iterations"] for row in grouped}
    # Means of four runs, which scatter by a quarter.
    needed = np.mean([r.nit for r in single]), np.mean([row["iterations"] for row in grouped])
    assert needed[0] == pytest.approx(needed[1], rel=0.4)


def test_only_constants_differ_from_the_theory():
    problem = SlowDescent()
    for case in CASES:
        if case.method in ("f2sa", "f3sa"):
            theory = fb.schedules.theory(case.method, problem, case.noise)
            ours = options_for(case, 0.1)
            for name in ("lr_x", "lr_y", "lr_z"):
                assert ours[name].exponent == theory[name].exponent
            assert ours["penalty"] == theory["penalty"]
    for order, rate in ((1, 1), (2, 1 / 2), (4, 1 / 4)):
        case = CASE[f"F2SA-p, p = {order}"]
        near, far = options_for(case, 0.1), options_for(case, 0.01)
        assert near["nu"] / far["nu"] == pytest.approx(10**rate)
        assert near["lr_x"] / far["lr_x"] == pytest.approx(10)
        assert far["lr_y"] / near["lr_y"] == pytest.approx(10 ** (-2 - 2 * rate))
        batches = far["outer_batch_size"], near["outer_batch_size"]
        # Rounded up to whole samples.
        assert math.log10(batches[0] / batches[1]) == pytest.approx(2 + 2 * rate, abs=0.1)
