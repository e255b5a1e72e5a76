"""The benchmarks of second-order methods: competitors equal plain NumPy and our runs."""

from __future__ import annotations

import functools
import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

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

from bench import timing  # noqa: E402
from bench.baselines import numpy_second_order as reference  # noqa: E402
from bench.baselines.numpy_second_order import Draw  # noqa: E402
from bench.baselines.setting import cut_blocks  # noqa: E402
from bench.data import Dense, Text  # noqa: E402
from bench.second_order_setting import (  # noqa: E402
    Drawn,
    check_same,
    constants_of,
    options_of,
)

N, N_VAL, BATCH, FEATURES, REG, T = 24, 16, 8, 5, 0.05, 4
SETTINGS = {
    "inner_steps": 3,
    "neumann_steps": 4,
    "linear_steps": 4,
    "lr_y": 0.7,
    "lr_v": 0.4,
    "neumann_lr": 0.6,
    "momentum": 0.3,
    "lower_momentum": 0.2,
    "period": 3,
    "refresh_batches": 2,
}
# x moves by about 0.01 in a few iterations.
LR_X = {reference.Cleaning: 3.0, reference.LearnedPenalty: 30.0}
JAX_METHODS = ("soba", "saba", "ma-soba", "stocbio", "mrbo", "amigo")


def rows(seed, n, classes):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    y[:classes] = np.arange(classes)
    return rng.standard_normal((n, FEATURES)), y


def problem_of(kind, classes, **options):
    x0 = np.random.default_rng(4).standard_normal(N if kind is reference.Cleaning else FEATURES)
    return kind(rows(1, N, classes), rows(2, N_VAL, classes), BATCH, x0, **options)


def cleaning():
    return problem_of(reference.Cleaning, 3, reg=REG)


def penalty(classes):
    return problem_of(reference.LearnedPenalty, classes)


def prepared(method, kind):
    """Options, constants and block numbers of a method."""
    options = options_of(method, SETTINGS | {"lr_x": LR_X[kind]})
    return options, constants_of(options), Drawn(method, options, N, N_VAL, BATCH)


def expected(method, problem):
    """x and W of plain NumPy after T iterations, on blocks in the order of the rows."""
    _, constants, drawn = prepared(method, type(problem))
    plans = drawn.plans(T)
    draws = plans if method == "vrbo" else [plan[0] for plan in plans]
    x, W = reference.METHODS[method](problem, constants, draws)
    assert np.abs(x - problem.x0).max() > 1e-3
    return x, W


def numerical_gradient(function, at, step=1e-6):
    out = np.empty_like(at)
    for i in np.ndindex(at.shape):
        ahead, behind = at.copy(), at.copy()
        ahead[i] += step
        behind[i] -= step
        out[i] = (function(ahead) - function(behind)) / (2 * step)
    return out


@pytest.mark.parametrize("problem", [penalty(3), cleaning()], ids=["penalty", "cleaning"])
def test_reference_derivatives_are_those_of_the_objectives(problem):
    p, rng = problem, np.random.default_rng(5)
    W, V, x = rng.standard_normal((FEATURES, 3)), rng.standard_normal((FEATURES, 3)), p.x0

    def losses(side, W):
        X, y = (array[p.rows(1)] for array in side)
        return -np.log(reference.probabilities(X @ W)[np.arange(y.size), y])[:, None]

    def lower(W):
        return np.mean(p.trust(x, 1) * losses(p.train, W)) + np.sum(p.decay(x) / 2 * W**2)

    close = {"rtol": 1e-7, "atol": 1e-8}
    assert_allclose(p.F(W, 1), numerical_gradient(lambda W: losses(p.val, W).mean(), W), **close)
    assert_allclose(p.G(x, W, 1), numerical_gradient(lower, W), **close)
    H = numerical_gradient(lambda W: np.sum(p.G(x, W, 1) * V), W)
    assert_allclose(p.H(x, W, V, 1), H, **close)
    J = numerical_gradient(lambda x: np.sum(p.G(x, W, 1) * V), x)
    assert_allclose(p.J(x, W, V, 1), J, **close)


def jax_result(method, problem, columns, by_hand, flip, unroll=False):
    """x and W after T iterations, in two calls."""
    from bench.baselines import jax_second_order as loops
    from bench.baselines import jax_second_order_oracles as oracles

    _, constants, drawn = prepared(method, type(problem))
    make, given = oracles.learned_penalty, {"batch": BATCH, "by_hand": by_hand, "flip": flip}
    if isinstance(problem, reference.Cleaning):
        make, given = oracles.cleaning, given | {"reg": REG}
    data = oracles.Arrays.of(problem.train, problem.val, columns)
    loop = loops.Loop(method, lambda data: make(data, **given), data, constants, unroll)
    W = np.zeros((FEATURES, columns))
    state = loop.start(problem.x0, W.T if flip else W)
    for first in (0, T // 2):
        state = loop(state, loops.Blocks(*drawn.iterations(first, T // 2)))
    x, W = map(np.asarray, state[:2])
    return x, W.T if flip else W


@pytest.mark.parametrize("method", JAX_METHODS)
def test_jax_loops_equal_plain_numpy(method):
    """Three classes in hyper-cleaning; two classes, and their difference, in learned penalties.

    Writings alternate from method to method: compiling all would take most of the time.
    """
    jax = pytest.importorskip("jax", reason="JAX is a competitor and is not installed")
    number = JAX_METHODS.index(method)
    by_hand, flip = number % 2 == 0, number % 4 < 2
    close = {"rtol": 1e-10, "atol": 1e-12}
    with jax.enable_x64(True):
        x, W = jax_result(method, cleaning(), 3, by_hand, flip)
        x_true, W_true = expected(method, cleaning())
        assert_allclose(W, W_true, **close)
        assert_allclose(x, x_true, **close)
        x_true, W_true = expected(method, penalty(2))
        x, W = jax_result(method, penalty(2), 2, not by_hand, flip)
        assert_allclose(W, W_true, **close)
        assert_allclose(x, x_true, **close)
        x, W = jax_result(method, penalty(2), 1, by_hand, not flip, unroll=flip)
        assert_allclose(W[:, 0], W_true[:, 1] - W_true[:, 0], **close)
        assert_allclose(x, x_true, **close)


@pytest.mark.parametrize("method", ["stocbio", "mrbo", "vrbo"])
def test_torch_equals_plain_numpy(method):
    pytest.importorskip("torch", reason="PyTorch is a competitor and is not installed")
    module = importlib.import_module("bench.baselines.torch_second_order")
    p = penalty(3)
    sides = [cut_blocks(sp.csr_matrix(X), y, np.arange(y.size), BATCH) for X, y in (p.train, p.val)]
    _, constants, drawn = prepared(method, type(p))
    solver = module.METHODS[method](*sides, p.W0, p.x0, constants)
    for plan in drawn.plans(T):
        solver.iterate(*plan)
    for found, true in zip(solver.result(), expected(method, p), strict=True):
        assert_allclose(found, true, rtol=1e-10, atol=1e-12)


def test_blocks_of_joint_steps_are_shared():
    """One lower minibatch of SOBA, a lower and a cross minibatch of MRBO, VRBO's in one series."""
    lower, _, linear, cross = prepared("soba", reference.Cleaning)[2].iterations(0, 20)
    assert (lower == cross).all()
    assert linear.shape == (20, 0)
    lower, _, linear, cross = prepared("mrbo", reference.Cleaning)[2].iterations(0, 20)
    assert (lower != cross).any()
    assert linear.shape == (20, 4)
    drawn = prepared("vrbo", reference.Cleaning)[2]
    flat = [draw for plan in drawn.plans(4) for group in plan for draw in group]
    assert flat == [drawn.estimate(number) for number in range(4 * (3 + 1) + 2 * 2)]
    assert isinstance(flat[0], Draw)


def test_a_competitor_that_computes_something_else_is_not_timed():
    ours = SimpleNamespace(x_last=np.ones(3), y_last=np.ones(4), nit=7)
    assert check_same("same", ours, np.ones(3), np.ones(4), 1e-9) == "0.0e+00, 0.0e+00"
    for y in (np.full(4, 1.001), np.full(4, np.nan)):
        with pytest.raises(RuntimeError, match="after 7 outer iterations on the same minibatches"):
            check_same("other", ours, np.ones(3), y, 1e-4)


def script(monkeypatch, name):
    """A script's module; the tests keep all cores."""
    monkeypatch.setattr(timing, "use_one_core", lambda: None)
    return importlib.import_module(f"bench.{name}")


# What both scripts run, in float64: then the iterates agree to 1e-10, and the methods are compiled
# for one kind of problem only.
TWO_CLASSES = penalty(2).train + penalty(2).val
EXACT = 1e-10


@pytest.mark.slow
def test_dense_script_times_loops_that_equal_our_runs(monkeypatch):
    jax = pytest.importorskip("jax", reason="JAX is a competitor and is not installed")
    module = script(monkeypatch, "second_order")
    monkeypatch.setattr(module, "METHODS", ("soba",))
    monkeypatch.setattr(module, "BATCH", BATCH)
    monkeypatch.setattr(module, "TOLERANCE", EXACT)
    case = module.Case(
        "two classes",
        Dense("two classes", *TWO_CLASSES),
        fb.problems.LearnToRegularize(*TWO_CLASSES),
        functools.partial(module.oracles.learned_penalty, batch=BATCH),
        SETTINGS | {"lr_x": 30.0},
        {"softmax": (2,), "logistic": (1, True)},
        False,
        False,
    )
    with jax.enable_x64(True):
        table = module.table_of(case, (T, 2), rounds=1, quick=True)
    (line,) = table.rows
    # The quick form is the last one: logistic regression by hand.
    assert (line[0], line[3], line[5]) == ("soba", "", "by hand, W 1 x d")
    assert float(line[4].split()[0]) > 0


@pytest.mark.slow
def test_text_script_times_loops_that_equal_our_runs(monkeypatch, tmp_path):
    pytest.importorskip("torch", reason="PyTorch is a competitor and is not installed")
    module = script(monkeypatch, "text_second_order")
    text = Text("two classes", *TWO_CLASSES, *penalty(2).val)
    monkeypatch.setattr(module, "newsgroups", lambda cache: text)
    monkeypatch.setattr(module, "BATCH", BATCH)
    monkeypatch.setattr(module, "TOLERANCE", EXACT)
    monkeypatch.setattr(module, "SHARED", SETTINGS | {"lr_x": 30.0})
    monkeypatch.setattr(module, "SETTINGS", {"vrbo": {}})
    monkeypatch.setattr(sys, "argv", ["text_second_order", "--quick", "--results", str(tmp_path)])
    module.main()
    table = json.loads((tmp_path / "text_second_order.json").read_text())["tables"][0]
    assert [line[0] for line in table["rows"]] == ["vrbo"]
