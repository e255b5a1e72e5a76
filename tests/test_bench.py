"""The competitors of the benchmarks compute the same updates as a float64 NumPy reference."""

from __future__ import annotations

import importlib
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

from bench import report  # noqa: E402
from bench.baselines import numpy_float64, scipy_wide  # noqa: E402
from bench.baselines.setting import Setting, cut_blocks  # noqa: E402
from bench.ours import Stepper, drawn_blocks  # noqa: E402
from bench.timing import Task, interleave, ratios, spread  # noqa: E402

ORDER_TWO = Setting(np.array([-1.0, 1.0]), np.array([-0.5, 0.5]), 0.1, 2.0, 0.3)
ORDER_FOUR = Setting(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([1, -8, 8, -1]) / 12, 0.1, 2.0, 0.3)
BATCH, CLASSES, FEATURES = 8, 3, 6
PLANS = np.random.default_rng(5).integers(0, 3, (4, 5, 2))
OUTER = np.array([2, 0, 1, 1])


def rows(seed, n=24, features=FEATURES, classes=CLASSES):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, features)) * (rng.random((n, features)) < 0.6)
    y = rng.integers(0, classes, n)
    y[:classes] = np.arange(classes)
    return X, y


def blocks(X, y, matrix):
    return [(matrix(A), a) for A, a in cut_blocks(X, y, np.arange(y.size), BATCH)]


def start(dtype=float):
    rng = np.random.default_rng(9)
    W0 = rng.standard_normal((FEATURES, CLASSES)).astype(dtype)
    return W0, rng.standard_normal(FEATURES).astype(dtype)


def learned_penalty(module, setting, matrix, dtype=float, **options):
    sides = [blocks(X.astype(dtype), y, matrix) for X, y in (rows(1), rows(2))]
    solver = module.LearnedPenalty(*sides, *start(dtype), setting, **options)
    for plan in PLANS:
        solver.iterate(plan)
    return solver.result()


def mean_cross_entropy(X, y, W, trust=1.0):
    Z = X @ W
    return np.mean(trust * (np.log(np.exp(Z).sum(axis=1)) - Z[np.arange(y.size), y]))


def numerical_gradient(function, at, step=1e-6):
    out = np.empty_like(at)
    for i in np.ndindex(at.shape):
        ahead, behind = at.copy(), at.copy()
        ahead[i] += step
        behind[i] -= step
        out[i] = (function(ahead) - function(behind)) / (2 * step)
    return out


def test_reference_of_learned_penalties_follows_the_gradients_of_its_objective():
    (X, y), (Xv, yv), (W0, x0), s = rows(1), rows(2), start(), ORDER_TWO
    sides = [[(X, y)], [(Xv, yv)]]
    solver = numpy_float64.LearnedPenalty(*sides, W0, x0, s)
    solver.iterate(np.zeros((1, 2), int))
    x, W = solver.result()

    def lower(x, W):
        return mean_cross_entropy(X, y, W) + np.mean(np.exp(x)[:, None] * W**2) / 2

    for j, weight in enumerate(s.weights):
        slope = numerical_gradient(
            lambda V, weight=weight: lower(x0, V) + weight * mean_cross_entropy(Xv, yv, V), W0
        )
        assert_allclose(W[j], W0 - s.lr_y * slope, rtol=1e-8, atol=1e-8)
    phi = numerical_gradient(lambda x: s.coefficients @ [lower(x, V) for V in W], x0)
    assert_allclose(x, x0 - s.lr_x * phi / np.linalg.norm(phi), atol=1e-6)


def test_reference_of_cleaning_follows_the_gradients_of_its_objective():
    (X, y), (Xv, yv), (W0, _), s = rows(1), rows(2), start(), ORDER_TWO
    x0 = np.random.default_rng(3).standard_normal(y.size)
    solver = numpy_float64.Cleaning([(X, y)], [(Xv, yv)], W0, x0, s, reg=0.05)
    solver.iterate(np.zeros((1, 2), int), 0)
    x, W = solver.result()

    def lower(x, W):
        return mean_cross_entropy(X, y, W, 1 / (1 + np.exp(-x))) + 0.05 * np.sum(W**2)

    for j, weight in enumerate(s.weights):
        slope = numerical_gradient(
            lambda V, weight=weight: lower(x0, V) + weight * mean_cross_entropy(Xv, yv, V), W0
        )
        assert_allclose(W[j], W0 - s.lr_y * slope, rtol=1e-8, atol=1e-8)
    phi = numerical_gradient(lambda x: s.coefficients @ [lower(x, V) for V in W], x0)
    assert_allclose(x, x0 - s.lr_x * phi / np.linalg.norm(phi), atol=1e-6)


@pytest.mark.parametrize("setting", [ORDER_TWO, ORDER_FOUR])
def test_wide_scipy_product_equals_the_reference(setting):
    x, W = learned_penalty(scipy_wide, setting, sp.csr_matrix)
    x_true, W_true = learned_penalty(numpy_float64, setting, np.asarray)
    assert_allclose(W, W_true, rtol=1e-10, atol=1e-12)
    assert_allclose(x, x_true, rtol=1e-10)


@pytest.mark.parametrize("setting", [ORDER_TWO, ORDER_FOUR])
@pytest.mark.parametrize(
    ("name", "options"), [("torch_autograd", {"workers": 2}), ("torch_csr", {})]
)
def test_torch_equals_the_reference(setting, name, options):
    pytest.importorskip("torch", reason="PyTorch is a competitor and is not installed")
    module = importlib.import_module(f"bench.baselines.{name}")
    x, W = learned_penalty(module, setting, sp.csr_matrix, **options)
    x_true, W_true = learned_penalty(numpy_float64, setting, np.asarray)
    assert_allclose(W, W_true, rtol=1e-10, atol=1e-12)
    assert_allclose(x, x_true, rtol=1e-10)


def side_by_side(W, copies):
    """(d, C) -> (d, copies C), the layout of the JAX loops."""
    return np.tile(W, copies)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("setting", [ORDER_TWO, ORDER_FOUR])
def test_jax_cleaning_equals_the_reference(setting, flip):
    jax = pytest.importorskip("jax", reason="JAX is a competitor and is not installed")
    from bench.baselines import jax_dense

    train, val, (W0, _), q = rows(1), rows(2), start(), setting.offsets.size
    x0 = np.random.default_rng(3).standard_normal(train[1].size)
    reference = numpy_float64.Cleaning(
        blocks(*train, np.asarray), blocks(*val, np.asarray), W0, x0, setting, reg=0.05
    )
    for plan, outer in zip(PLANS, OUTER, strict=True):
        reference.iterate(plan, outer)
    with jax.enable_x64(True):
        run = jax_dense.make_cleaning(train, val, BATCH, setting, 0.05, flip)
        x, W = run(x0, side_by_side(W0, q), PLANS, OUTER)
        x, W = np.asarray(x), np.asarray(W)
    x_true, W_true = reference.result()
    assert_allclose(W.reshape(FEATURES, q, -1).swapaxes(0, 1), W_true, rtol=1e-10, atol=1e-12)
    assert_allclose(x, x_true, rtol=1e-10)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("setting", [ORDER_TWO, ORDER_FOUR])
def test_jax_penalty_loops_equal_the_reference(setting, flip):
    """Softmax as it stands; logistic regression on the difference of the two columns."""
    jax = pytest.importorskip("jax", reason="JAX is a competitor and is not installed")
    from bench.baselines import jax_dense

    train, val, q = rows(1, classes=2), rows(2, classes=2), setting.offsets.size
    W0, x0 = np.zeros((FEATURES, 2)), start()[1]
    reference = numpy_float64.LearnedPenalty(
        blocks(*train, np.asarray), blocks(*val, np.asarray), W0, x0, setting
    )
    for plan in PLANS:
        reference.iterate(plan)
    x_true, W_true = reference.result()
    with jax.enable_x64(True):
        softmax = jax_dense.make_softmax_penalty(train, val, BATCH, setting, flip)
        x, W = map(np.asarray, softmax(x0, side_by_side(W0, q), PLANS, OUTER))
        logistic = jax_dense.make_logistic_penalty(train, val, BATCH, setting, flip)
        x_half, w = map(np.asarray, logistic(x0, np.zeros((FEATURES, q)), PLANS, OUTER))
    assert_allclose(W.reshape(FEATURES, q, 2).swapaxes(0, 1), W_true, rtol=1e-10, atol=1e-12)
    assert_allclose(w.T, W_true[:, :, 1] - W_true[:, :, 0], rtol=1e-10, atol=1e-12)
    assert_allclose(x, x_true, rtol=1e-10)
    assert_allclose(x_half, x_true, rtol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("matrix", [np.asarray, sp.csr_matrix])
def test_our_run_equals_the_reference_on_the_blocks_that_it_draws(matrix):
    """27 rows in blocks of 8 leave a last block of 3, which weighs as its rows."""
    (X, y), (Xv, yv), s = rows(1, n=27), rows(2), ORDER_TWO
    problem = fb.problems.LearnToRegularize(matrix(X), y, matrix(Xv), yv)
    options = {"order": 2, "nu": s.nu, "lr_y": s.lr_y, "lr_x": s.lr_x, "inner_steps": 5}
    run = Stepper(problem, 2, seed=3, batch_size=BATCH, val_batch_size=BATCH, **options)
    result = run.advance()
    run.close()
    orders, plans, _ = drawn_blocks(27, 24, BATCH, 3, iterations=4, inner_steps=5)
    sides = [cut_blocks(X, y, orders[0], BATCH), cut_blocks(Xv, yv, orders[1], BATCH)]
    start_at_zero = np.zeros((FEATURES, CLASSES)), np.zeros(FEATURES)
    reference = numpy_float64.LearnedPenalty(*sides, *start_at_zero, s)
    for plan in plans:
        reference.iterate(plan)
    x, W = reference.result()
    assert result.nit == 4
    assert_allclose(result.x_last, x, rtol=1e-9)
    assert_allclose(result.y_last, W.mean(axis=0).ravel(), rtol=1e-9, atol=1e-12)


def test_report_fills_marked_blocks_and_names_those_without_result():
    other = "<!-- bench:x -->\n<!-- /bench:x -->\n"
    text = f"a\n<!-- bench:speed -->\nold\n<!-- /bench:speed -->\nb\n{other}"
    filled, missing = report.fill(text, {"speed": "new\n"})
    assert filled == text.replace("old", "new")
    assert missing == ["x"]
    assert report.fill(filled, {"speed": "new\n"})[0] == filled


def test_rounds_are_interleaved_and_units_counted():
    calls = []
    tasks = {name: Task(lambda name=name: calls.append(name), 4) for name in "ab"}
    times = interleave(tasks, rounds=3)
    assert "".join(calls) == "ab" * 4
    assert len(times["a"].cpu) == len(times["b"].wall) == 3
    assert ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]
    assert spread([3.0, 1.0, 2.0], unit=1e-3) == "2000 (1000–3000)"
