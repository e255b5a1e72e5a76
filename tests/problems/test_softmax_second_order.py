"""Fused second-order oracles of softmax regression: the composition of the simple ones, faster."""

from __future__ import annotations

import dataclasses
from collections import namedtuple

import numpy as np
import pytest
from softmax_formulas import composed, designs, interpreted, make_data, random_point

import fastbilevel as fb
from fastbilevel._oracles.binding import Binder
from fastbilevel._oracles.products import COMPOSITIONS
from fastbilevel._texts.samplers import key_of
from fastbilevel.kernels.reference import csr_curvature

# (problem, its own option): everything that changes what the kernels are given.
PROBLEMS = {
    "feature": (fb.problems.LearnToRegularize, {"penalty": "feature"}),
    "class": (fb.problems.LearnToRegularize, {"penalty": "class"}),
    "both": (fb.problems.LearnToRegularize, {"penalty": "both"}),
    "group": (fb.problems.LearnToRegularize, {"penalty": "group", "groups": [0, 1, 1, 0, 2, 2, 2]}),
    "sigmoid": (fb.problems.HyperCleaning, {"weights": "sigmoid", "reg": 0.2}),
    "clip": (fb.problems.HyperCleaning, {"weights": "clip", "reg": 0.2}),
    "softmax": (fb.problems.HyperCleaning, {"weights": "softmax", "reg": 0.2}),
}
SAMPLINGS = {
    "blocks": {"batch_size": 7, "val_batch_size": 5},
    "replacement": {"batch_size": 7, "val_batch_size": 5, "sampling": "replacement"},
    "full": {},
}
STEPS = 7


def build(name, design, C, dtype, **options):
    make, own = PROBLEMS[name]
    X, y, Xv, yv = make_data(C, dtype)
    X, Xv = designs(X, Xv)[design]
    own = own | ({"reduction": "sum"} if "penalty" in own else {})
    return make(X, y, Xv, yv, sample_weight=np.linspace(0.2, 2, len(y)), **own, **options)


ONE = {name: namedtuple(name, name) for name in COMPOSITIONS}


def arguments_of(problem):
    """Arguments behind `work` of every oracle, by a label that begins with its name."""
    x, *vectors = random_point(problem, count=4)
    y, v, b, total = (problem.pack_lower(each) for each in vectors)
    Y, out = np.stack([y, v]), np.full(problem.n_y, 7.0, problem.dtype)
    of_x = np.full(problem.n_x, 7.0, problem.dtype)
    found = {
        "lower_products": (x, Y, 3, np.full_like(Y, 7), of_x),
        "upper_gradients": (x, Y, 3, out, of_x),
        "cross_product": (x, Y, 3, of_x),
        "lower_gradient": (x, Y, 3, out),
        "hessian_product": (x, Y, 3, out),
    }
    for mode in (csr_curvature.POWERS, csr_curvature.SUM, csr_curvature.SOLVE):
        # The longer step is so long that the penalties change the sign of parts of v.
        for lr in (0.3, 2.5):
            found[f"linear_descent {mode} {lr}"] = x, Y, b, total, lr, STEPS, 11, mode
    return found


def outcomes(problem, sampling):
    """All arguments of all oracles after their calls, by label."""
    plan = fb.StocBiO(**SAMPLINGS[sampling]).plan(problem, key_of(0), 1)
    found = {}
    for label, arguments in arguments_of(problem).items():
        arguments = tuple(np.array(a) if isinstance(a, np.ndarray) else a for a in arguments)
        oracle = Binder(problem, plan).bind(ONE[label.split()[0]])[0]
        oracle.function(oracle.data, plan.samplers(), oracle.work, *arguments)
        found[label] = [a for a in arguments if isinstance(a, np.ndarray)]
    return found


def check(problem, wide, sampling, roundings):
    """`problem` fused equals `wide`, interpreted, composed of simple oracles in float64."""
    plan = fb.StocBiO(**SAMPLINGS[sampling]).plan(problem, key_of(0), 1)
    assert set(ONE) <= set(problem.fused_texts(plan))
    got, expected = outcomes(problem, sampling), outcomes(composed(wide), sampling)
    for label, arrays in expected.items():
        for i, array in enumerate(arrays):
            atol = roundings * np.finfo(problem.dtype).eps * max(1.0, np.abs(array).max())
            np.testing.assert_allclose(got[label][i], array, 0, atol, err_msg=f"{label}, {i}")


@pytest.mark.parametrize("design", ["dense", "csr"])
@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("name", PROBLEMS)
def test_fused_oracles_are_compositions_of_the_simple_ones(name, design, sampling):
    """On the reference kernels."""
    plain = interpreted(build(name, design, 3, np.float64))
    check(plain, plain, sampling, 1e4)


# Two classes have kernels of their own on dense data.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("design", "C", "dtype"),
    [("dense", 2, np.float32), ("dense", 3, np.float64), ("csr", 3, np.float32)],
)
def test_compiled_fused_oracles_are_compositions_of_the_simple_ones(design, C, dtype):
    for name in ("feature", "both", "softmax"):
        problem = build(name, design, C, dtype)
        wide = interpreted(problem.astype(np.float64))
        problem = build(name, design, C, dtype)
        for sampling in SAMPLINGS:
            check(problem, wide, sampling, 1e3)


def test_blocks_that_are_cut_differently_are_not_read_by_number():
    problem = build("feature", "csr", 3, np.float64)
    plan = fb.StocBiO(batch_size=7).plan(problem, key_of(0), 1)
    other = fb.StocBiO(batch_size=6).plan(problem, key_of(0), 1)
    assert "linear_descent" in problem.fused_texts(plan)
    mixed = dataclasses.replace(plan, linear=other.linear)
    assert "linear_descent" not in problem.fused_texts(mixed)


def test_the_same_minibatches_whatever_the_design():
    found = []
    for design in ("dense", "csr"):
        problem = interpreted(build("feature", design, 3, np.float64))
        for arrays in outcomes(problem, "blocks").values():
            found.append(problem.unpack_lower(arrays[-1]) if arrays[-1].size > 7 else arrays[-1])
    half = len(found) // 2
    for a, b in zip(found[:half], found[half:], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)
