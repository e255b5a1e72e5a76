"""The benchmarks of all methods: competitors equal our runs, methods and paths are found."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose

import fastbilevel as fb

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "bench").is_dir():
    pytest.skip("the benchmarks are not part of this copy", allow_module_level=True)
# At the end, so that an installed package is tested and not the folder beside `bench`.
sys.path.append(str(ROOT))

from bench import scalar_setting  # noqa: E402
from bench.baselines import numpy_f2sa, scalar_f3sa  # noqa: E402
from bench.baselines.setting import cut_blocks  # noqa: E402
from bench.data import Dense  # noqa: E402
from bench.f2sa_setting import JaxLoop, drawn_plans, our_run  # noqa: E402
from bench.method_setting import oracle_paths, variants  # noqa: E402
from bench.ours import Stepper  # noqa: E402

SETTING = numpy_f2sa.F2SASetting(penalty=5.0, penalty_increment=0.5, lr_z=1.5, lr_x=2.0)
SCALAR = scalar_f3sa.F3SASetting(penalty=10.0, lr_z=0.1, lr_x=0.01, eta=0.3)
BATCH, FEATURES, INNER_STEPS, ITERATIONS = 8, 6, 5, 4


def two_class_data():
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((40, FEATURES)), rng.integers(0, 2, 40)
    y[[0, 24]], y[[1, 25]] = 0, 1
    return Dense("two classes", X[:24], y[:24], X[24:], y[24:])


def reference(data, shared):
    """Plain NumPy after `ITERATIONS` on the blocks that our run draws."""
    orders, plans = drawn_plans(24, 16, BATCH, shared, ITERATIONS, INNER_STEPS)
    sides = (data.X, data.y, orders[0]), (data.X_val, data.y_val, orders[1])
    blocks = [cut_blocks(X, y, order, BATCH) for X, y, order in sides]
    W0 = np.zeros((FEATURES, 2))
    solver = numpy_f2sa.LearnedPenalty(*blocks, W0, np.zeros(FEATURES), SETTING)
    for plan, penalty in zip(plans, SETTING.penalties(ITERATIONS), strict=True):
        solver.iterate(plan, penalty)
    return solver


def cross_entropy(X, y, W):
    Z = X @ W
    return np.mean(np.log(np.exp(Z).sum(axis=1)) - Z[np.arange(y.size), y])


def numerical_gradient(function, at, step=1e-6):
    out = np.empty_like(at)
    for i in np.ndindex(at.shape):
        ahead, behind = at.copy(), at.copy()
        ahead[i] += step
        behind[i] -= step
        out[i] = (function(ahead) - function(behind)) / (2 * step)
    return out


def test_numpy_f2sa_follows_the_gradients_of_its_objectives():
    data, penalty = two_class_data(), 3.0
    rng = np.random.default_rng(2)
    W0, x0 = rng.standard_normal((FEATURES, 2)), rng.standard_normal(FEATURES)
    sides = [(data.X, data.y)], [(data.X_val, data.y_val)]
    solver = numpy_f2sa.LearnedPenalty(*sides, W0, x0, SETTING)
    solver.iterate(np.zeros((1, 3), int), penalty)

    def lower(x, W):
        return cross_entropy(data.X, data.y, W) + np.mean(np.exp(x)[:, None] * W**2) / 2

    def penalised(W):
        return cross_entropy(data.X_val, data.y_val, W) + penalty * lower(x0, W)

    of_z = numerical_gradient(lambda W: lower(x0, W), W0)
    assert_allclose(solver.z, W0 - SETTING.lr_z * of_z, rtol=1e-8, atol=1e-8)
    of_y = numerical_gradient(penalised, W0)
    assert_allclose(solver.y, W0 - SETTING.lr_z / penalty * of_y, rtol=1e-8, atol=1e-8)
    of_x = numerical_gradient(lambda x: penalty * (lower(x, solver.y) - lower(x, solver.z)), x0)
    assert_allclose(solver.x, x0 - SETTING.lr_x * of_x, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("shared", [True, False])
def test_our_f2sa_equals_plain_numpy_on_the_blocks_that_it_draws(shared):
    data = two_class_data()
    problem = fb.problems.LearnToRegularize(data.X, data.y, data.X_val, data.y_val)
    run = our_run(problem, BATCH, SETTING, shared, INNER_STEPS, ITERATIONS)
    run.close()
    expected = reference(data, shared)
    assert run.intermediate.nit == ITERATIONS
    assert_allclose(run.intermediate.x_last, expected.x, rtol=1e-9, atol=1e-12)
    assert_allclose(run.intermediate.y_last, expected.z.ravel(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("columns", [2, 1])
@pytest.mark.parametrize("shared", [True, False])
def test_jax_f2sa_equals_plain_numpy(shared, columns, flip):
    """In two calls; softmax as it stands, and logistic regression on half the numbers."""
    jax = pytest.importorskip("jax", reason="JAX is a competitor and is not installed")
    data, count = two_class_data(), ITERATIONS // 2
    drawn = drawn_plans(24, 16, BATCH, shared, ITERATIONS, INNER_STEPS)
    choices = {"shared": shared, "columns": columns, "flip": flip, "unroll": flip}
    with jax.enable_x64(True):
        loop = JaxLoop(data, drawn, BATCH, SETTING, count, **choices)
        loop.advance()
        loop.advance()
        x, z = loop.result()
    expected = reference(data, shared)
    assert_allclose(x, expected.x, rtol=1e-10)
    assert_allclose(z, expected.z, rtol=1e-10, atol=1e-12)


def test_jax_slices_need_whole_blocks():
    pytest.importorskip("jax", reason="JAX is a competitor and is not installed")
    drawn = drawn_plans(24, 16, BATCH, True, 1, 1)
    with pytest.raises(ValueError, match="not whole blocks of 5"):
        JaxLoop(two_class_data(), drawn, 5, SETTING, 1, shared=True)


def our_f3sa(maxiter):
    return fb.minimize(
        scalar_setting.q1(),
        method="f3sa",
        penalty=SCALAR.penalty,
        lr_z=SCALAR.lr_z,
        lr_x=SCALAR.lr_x,
        momentum=SCALAR.eta,
        maxiter=maxiter,
    )


def test_plain_loop_of_f3sa_equals_our_run():
    run, state = scalar_f3sa.numpy_loop(SCALAR)
    x, z = run(state, 19)[:2]
    found = our_f3sa(20)
    assert_allclose([*x, *z], [*found.x_last, *found.y_last], rtol=1e-12)


def test_jax_scan_of_f3sa_equals_the_plain_loop():
    jax = pytest.importorskip("jax", reason="JAX is a competitor and is not installed")
    run, state = scalar_f3sa.numpy_loop(SCALAR)
    with jax.enable_x64(True):
        scan, first = scalar_f3sa.jax_loop(SCALAR)
        found = [float(value) for value in scan(first, 200)]
    assert_allclose(found, np.concatenate(run(state, 200)), rtol=1e-12, atol=1e-13)


def test_both_own_problems_are_q1_with_shifts():
    """On all samples the shifts cancel; on one they move the gradients in y."""
    for scratch in (True, False):
        problem, exact = scalar_setting.own_problem(scratch), scalar_setting.q1()
        assert problem.compiled
        for name in ("grad_lower_y", "grad_upper_y", "grad_lower_x", "grad_upper_x"):
            at = [0.7], [-1.3]
            expected = getattr(exact, name)(*at)
            assert_allclose(getattr(problem, name)(*at), expected, rtol=1e-13)
            moved = getattr(problem, name)(*at, rows=[0]) != expected
            assert moved.all() == name.endswith("_y")
        # f has the constant 1/2 that Quadratic leaves out.
        difference = problem.value_upper(*at) - exact.value_upper(*at)
        assert difference == pytest.approx(0.5, rel=1e-13)


def test_variants_are_the_first_order_methods_with_the_options_that_they_know():
    found = variants({"inner_steps": 1, "lr_z": 0.1, "lr_y": 0.2, "prox": 3.0}, {"order": (1, 2)})
    without_products = {
        name
        for name in fb.methods.list()
        if "hvp_lower_yy" not in fb.methods.describe(name).oracles
    }
    assert {options["method"] for options in found.values()} == without_products
    assert {"f2sa", "bome"} <= without_products
    assert found["f2sa"] == {"method": "f2sa", "inner_steps": 1, "lr_z": 0.1}
    assert found["f3sa"] == {"method": "f3sa", "lr_z": 0.1}
    assert found["prox-f3sa"] == {"method": "prox-f3sa", "lr_y": 0.2, "prox": 3.0}
    assert found["f2sa-p, order=2"]["order"] == 2
    for options in found.values():
        fb.methods.resolve(options.pop("method"), options)


def test_a_case_suits_methods_that_its_lower_problems_have_minimisers_for():
    cases = scalar_setting.cases()
    assert cases["PL"].suits("f2sa-p", order=1)
    assert not cases["PL"].suits("f2sa-p", order=2)
    assert cases["nasty"].suits("prox-f3sa")
    assert not cases["nasty"].suits("f3sa")
    assert cases["Q1, noise"].suits("f2sa-p", order=2)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(1_000_000, "aim"), (999_999, "bar"), (200_000, "bar"), (199_999, "below")],
)
def test_verdict(rate, expected):
    assert scalar_setting.verdict(rate) == expected


def test_paths_of_oracles():
    """Sparse softmax regression has fused texts of its own, a problem of functions has none."""
    X, y = np.eye(4), np.array([0, 1, 0, 1])
    text = fb.problems.LearnToRegularize(sp.csr_array(X), y, sp.csr_array(X), y)
    functions = scalar_setting.own_problem(True)
    fused, stacked = "fused", "stacked"
    assert oracle_paths(text, "f2sa", shared_samples=True) == {
        "perturbed_descent": fused,
        "perturbed_gradient": fused,
    }
    assert set(oracle_paths(functions, "f2sa").values()) == {stacked}
    assert set(oracle_paths(text, "f3sa").values()) == {stacked}
    assert oracle_paths(text, "bome", barrier="value") == {
        "perturbed_descent": fused,
        "outer_gradients_y": stacked,
        "gradients_x": stacked,
        "lower_values": stacked,
    }


def test_a_run_that_diverges_fails_instead_of_being_timed():
    run = Stepper(scalar_setting.q1(), 5, method="f2ba", inner_steps=1, lr_z=0.1, lr_x=1.0)
    assert run.advance().nit == 10
    run.close()
    with pytest.raises(RuntimeError, match="ended before its next record"):
        Stepper(scalar_setting.q1(), 10_000, method="f2ba", lr_z=1e6)
