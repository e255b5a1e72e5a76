"""What the default step costs, and how far it is from what exact eigenvalues would give."""

import numpy as np
import pytest
from small_problems import text_problem

import fastbilevel as fb
from fastbilevel._numerics import curvature


@pytest.mark.parametrize("n", [40, 4000])
def test_the_default_step_costs_three_passes_or_five_iterations(monkeypatch, n):
    problem = text_problem(n)
    samples = {"grad_lower_y": 0, "grad_upper_y": 0}
    original = curvature.gradient_at

    def counting(problem, name, x, rows):
        gradient = original(problem, name, x, rows)

        def counted(packed):
            samples[name] += rows.size
            return gradient(packed)

        return counted

    monkeypatch.setattr(curvature, "gradient_at", counting)
    fb.minimize(problem, batch_size=10, val_batch_size=10, inner_steps=2, maxiter=1)
    heavy = 2 * curvature.HEAVY_ROWS * (3 + curvature.FEW_STEPS)
    allowed = max(3 * problem.n_lower, 5 * 2 * 10, 2 * curvature.FEW_SAMPLES)
    assert 0 < samples["grad_lower_y"] <= allowed + heavy
    assert 0 < samples["grad_upper_y"] <= allowed + heavy


def spectrum(problem, weight):
    """Extreme eigenvalues of g_yy + weight f_yy at the start, from all its columns."""
    x, y = problem.start()
    h = 1e-4

    def gradient(point):
        return problem.grad_lower_y(x, point) + weight * problem.grad_upper_y(x, point)

    columns = [(gradient(y + h * e) - gradient(y - h * e)) / (2 * h) for e in np.eye(problem.n_y)]
    H = np.array(columns)
    return np.linalg.eigvalsh((H + H.T) / 2)[[0, -1]]


def classifier(rows, scale=1.0, heavy=0):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((2 * rows, 8)) * scale
    X[:heavy] *= 30.0
    y = rng.integers(0, 3, 2 * rows)
    return fb.problems.HyperCleaning(X[:rows], y[:rows], X[rows:], y[rows:], reg=0.01)


@pytest.mark.parametrize("weight", [0.0, 0.7])
@pytest.mark.parametrize("scale", [1.0, np.geomspace(0.01, 3.0, 8)], ids=["round", "long"])
def test_all_rows_give_the_spectrum(scale, weight):
    problem = classifier(60, scale)
    smallest, largest = spectrum(problem, weight)
    low, high = curvature.curvature_range(problem, *problem.start(), weight)
    assert 1.05 * largest < high < 1.15 * largest
    assert smallest - 1e-6 < low < largest


@pytest.mark.parametrize("weight", [0.0, 0.7])
@pytest.mark.parametrize("scale", [1.0, np.geomspace(0.01, 3.0, 8)], ids=["round", "long"])
def test_some_rows_give_the_largest_eigenvalue(scale, weight):
    """Three passes over 2,000 rows, half of them for each estimate: 333 rows, six steps."""
    problem = classifier(2000, scale)
    _, largest = spectrum(problem, weight)
    _, high = curvature.curvature_range(problem, *problem.start(), weight, samples=3000)
    assert largest < high < 1.5 * largest


def test_a_few_heavy_rows_are_not_missed():
    """They are all that matters: random rows alone would give a hundredth of the curvature."""
    problem = classifier(2000, heavy=2)
    _, largest = spectrum(problem, 0.0)
    _, high = curvature.curvature_range(problem, *problem.start(), samples=3000)
    assert largest < high < 1.5 * largest


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_heavy_weight_is_not_missed():
    """A row that weighs as much as all others together, and that random rows leave out."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((3000, 20)), np.arange(3000) % 3
    weight = np.ones(3000)
    weight[2999] = 3000.0
    problem = fb.problems.LearnToRegularize(X, y, X[:50], y[:50], sample_weight=weight)
    _, largest = spectrum(problem, 0.0)
    _, high = curvature.curvature_range(problem, *problem.start(), samples=4000)
    assert largest < high < 1.5 * largest


@pytest.mark.parametrize(("dtype", "scale"), [("f4", 1e4), ("f4", 1e-4), ("f8", 1e6), ("f8", 1e-6)])
def test_large_and_small_features_give_their_curvature_and_no_warning(dtype, scale):
    rng = np.random.default_rng(0)
    X, y = (rng.standard_normal((600, 10)) * scale).astype(dtype), np.arange(600) % 3
    problem = fb.problems.LearnToRegularize(X[:300], y[:300], X[300:], y[300:])
    x, start = problem.start()
    columns = [problem.hvp_lower_yy(x, start, e) for e in np.eye(problem.n_y, dtype=dtype)]
    largest = np.linalg.eigvalsh(np.array(columns, np.float64))[-1]
    step = curvature.default_step("lr_y", None, problem, x, start, 0.0, 1)
    assert 0.4 < step * largest < 1.1
