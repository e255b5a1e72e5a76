"""The problem that CONTRIBUTING adds, run by `test_contributing` in the tree it was added to."""

from pathlib import Path

import numpy as np
import pytest
import test_texts
from backends import array_library, fetched

import fastbilevel as fb
from fastbilevel import methods
from fastbilevel._oracles.binding import Binder
from fastbilevel._texts.samplers import key_of
from fastbilevel.problems import shift
from fastbilevel.problems.base import BilevelProblem

RNG = np.random.default_rng(0)
A, B = RNG.standard_normal((12, 3)), RNG.standard_normal((9, 3))
BATCHES = {"batch_size": 5, "val_batch_size": 4, "lr_x": 0.1, "maxiter": 9}
RATES = {"lr_z": 0.2, "lr_y": 0.02, "penalty": 5.0, "inner_steps": 3}
# Groups with samples of their own; groups that share them; groups of two iterates.
OPTIONS = {
    "f2sa": {**RATES, "sampling": "epochs"},
    "pbgd": {**RATES, "sampling": "replacement"},
    "f2sa-p": {"order": 3, "shared_samples": True},
}


def problem(xp=np, *, fused=True):
    made = shift.Shift(xp.asarray(A), xp.asarray(B))
    if not fused:
        made.fused_texts = BilevelProblem.fused_texts.__get__(made)
    return made


def test_the_package_is_the_one_of_this_tree():
    tree = Path(__file__).parents[1]
    assert Path(fb.__file__).parent == tree / "fastbilevel"
    assert fb.problems.Shift is shift.Shift


def test_the_oracles_are_consistent():
    report = fb.testing.check_problem(problem())
    assert {"grad_lower_y", "grad_lower_x", "grad_upper_y", "grad_upper_x"} <= set(report.errors)
    # Two products, without which no second-order method runs.
    assert len(report.skipped) == 2


def test_the_fused_text_keeps_to_the_language():
    # Those of the simple oracles are found by `test_texts` itself.
    test_texts.test_only_loops_scalars_slices_and_calls(shift.make_perturbed_descent)
    test_texts.test_records_are_read_by_name(shift.make_perturbed_descent)


# Compiling takes seconds: each branch of the text once.
@pytest.mark.parametrize(
    ("method", "backend"),
    [
        *((method, backend) for method in OPTIONS for backend in ("reference", "emulated")),
        ("f2sa", "cpu"),
        ("f2sa-p", "cpu"),
    ],
)
def test_the_fused_oracle_gives_the_iterates_of_the_composed_one(method, backend):
    """The two differ by roundings of some sums of three terms, in each of a few dozen steps."""
    options = BATCHES | OPTIONS[method]
    with array_library(backend) as xp:
        runs = [fb.minimize(problem(xp, fused=f), method=method, **options) for f in (True, False)]
        ours, theirs = (np.concatenate(fetched((run.x_last, run.y_last))) for run in runs)
    assert np.abs(theirs).min() > 1e-3
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize(("fused", "home"), [(True, "shift"), (False, "composed")])
def test_the_text_that_runs_is_the_one_that_is_meant(fused, home):
    with array_library("reference"):
        chosen, made = methods.resolve("pbgd", RATES), problem(fused=fused)
        bound = Binder(made, chosen.plan(made, key_of(0), 1)).bind(chosen.oracles)
    assert bound.perturbed_descent.function.__module__.rpartition(".")[2] == home
    assert bound.perturbed_gradient.function.__module__.rpartition(".")[2] == "composed"


def test_a_weight_of_zero_hides_a_NaN_of_the_upper_level():
    with array_library("reference"):
        made = shift.Shift(A, np.full_like(B, np.nan))
        chosen = methods.resolve("pbgd", RATES)
        plan = chosen.plan(made, key_of(0), 1)
        descent = Binder(made, plan).bind(chosen.oracles).perturbed_descent
        Y = np.ones((2, 3))
        weights, lr = np.array([[0.0], [0.2]]), np.full(2, 0.1)
        descent.function(descent.data, plan.samplers(), descent.work, made.x0, Y, weights, lr, 2, 0)
    np.testing.assert_array_equal(np.isnan(Y).all(axis=1), [False, True])
    assert np.isfinite(Y[0]).all()


def test_runs_end_at_the_closed_form():
    """Minimisers of g + w f are (x + a + w b) / (1 + w): no penalty moves the solution."""
    with array_library("reference"):
        run = fb.minimize(problem(), method="pbgd", **RATES | {"lr_x": 0.1, "maxiter": 3000})
    np.testing.assert_allclose(run.x, B.mean(axis=0) - A.mean(axis=0), atol=1e-9)
