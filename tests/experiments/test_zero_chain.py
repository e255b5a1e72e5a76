"""No first-order method moves x before half of the chain is found."""

from __future__ import annotations

import pytest
from experiments.written import assert_files_are_written

import fastbilevel as fb
from bench.experiments import zero_chain


@pytest.fixture(scope="module")
def findings():
    return zero_chain.run(quick=True)


def test_its_files_are_written(findings, monkeypatch, tmp_path, capsys):
    assert_files_are_written("zero_chain", monkeypatch, tmp_path, capsys, findings)


def test_every_first_order_method_is_run_and_moves_in_the_end(findings):
    with_derivatives = {
        name
        for name in fb.methods.list()
        if {"hvp_lower_yy", "jvp_lower_xy"} & set(fb.methods.describe(name).oracles)
    }
    run = set(findings.different("method")) - set(zero_chain.EXACT)
    assert run == set(fb.methods.list()) - with_derivatives
    assert all(findings.column("moved"))


def test_x_is_exactly_zero_until_half_of_the_chain_is_found(findings):
    assert set(findings.column("largest_x_before")) == {0.0}
    for row in findings.rows:
        if row["method"] not in zero_chain.EXACT:
            assert row["lower_steps"] > row["q"] // 2


def test_with_one_lower_step_an_iteration_x_moves_as_soon_as_it_can(findings):
    for row in findings.where(inner_steps=1):
        # BOME and V-PBGD take the slope of x before the step of y, all others after.
        late = row["method"] in ("bome", "pbgd")
        assert row["outer_iterations"] == row["q"] // 2 + 1 + late


def test_exact_lower_solutions_are_not_stopped(findings):
    for name in zero_chain.EXACT:
        assert findings.column("hypergradient", method=name) == pytest.approx([1.0, 1.0], abs=1e-9)
