"""Cleaning a regression in the p-norm: UniBiO and BO-REP against SOBA, stocBiO and no cleaning.

Three rows in ten of a synthetic regression have targets that have nothing to do with their
features. `fb.problems.LpRegression` learns a weight for every row on a few clean validation rows;
for p = 3 and 4 the lower level is uniformly convex and not strongly so, which is what UniBiO is
for. With p = 2 it is least squares, and UniBiO is SGD with normalised momentum.

- *Terms.* Every method starts at equal weights and the lower solution there, takes minibatches of
  `BATCH` rows and gets a budget of `BUDGET` sample gradients, with a product with g_yy counted as
  1.5 and one with g_xy as 1, which is what they take of products with the data. The step of x is
  chosen from the same `LENGTHS` for each: UniBiO and BO-REP normalise their steps, and the others
  get those lengths divided by |phi'| at the start; the lower step from the same `SHARES` of 1 / L,
  L the largest curvature there. Chosen by the validation loss of the retrained model on one data
  set, then used on other ones.
- *Figures.* Root mean square error on clean test rows of the model that is retrained at the learned
  weights (`fb.solve_lower`); and how well the weights tell clean rows from corrupted ones, as the
  area under the ROC curve: 0.5 is chance.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.linalg import lstsq, norm

import fastbilevel as fb
from fastbilevel._numerics.curvature import curvature_range

from ..record import Table
from .figures import Findings
from .tuning import (
    Contender,
    Tuned,
    area_under_curve,
    edges_of,
    half_interval,
    larger,
    mean_and_interval,
    quiet_run,
    shortened,
    tune,
)

TRAINING, VALIDATION, TEST, FEATURES = 400, 50, 2000, 30
CORRUPTED, NOISE, REG, DENSITY = 0.3, 0.5, 1e-3, 0.2
BATCH, BUDGET = 50, 1_000_000
LENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
SHARES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
SETTINGS = {
    "p = 2": (2, False),
    "p = 3": (3, False),
    "p = 4": (4, False),
    "p = 3, CSR": (3, True),
}
# In gradients of one sample: a gradient is a product with the row and one with its transpose.
WEIGHTS = {"f_x": 0.0, "f_y": 1.0, "g_x": 0.5, "g_y": 1.0, "hvp": 1.5, "jvp": 1.0}
FLOOR = 0.5
QUICK = ("unibio", "soba")
NONE, ALONE, BEST = "no cleaning", "validation rows alone", "clean rows alone"


class Data(NamedTuple):
    """A problem, its clean rows, and which training rows are corrupted."""

    problem: fb.problems.LpRegression
    validation: tuple[np.ndarray, np.ndarray]
    X_test: Any
    y_test: np.ndarray
    corrupted: np.ndarray


def data_of(power: float, sparse: bool, seed: int) -> Data:
    """A new regression: features, coefficients, noise and corrupted targets."""
    rng = np.random.default_rng(seed)
    n, m = TRAINING, VALIDATION
    X: Any = rng.standard_normal((n + m + TEST, FEATURES))
    if sparse:
        X = sp.csr_matrix(X * (rng.random(X.shape) < DENSITY) / np.sqrt(DENSITY))
    clean = X @ rng.standard_normal(FEATURES)
    y = clean + NOISE * rng.standard_normal(clean.size)
    corrupted = rng.permutation(n) < round(CORRUPTED * n)
    spread = float(np.std(clean))
    y[:n][corrupted] = spread * (1 + 2 * rng.standard_normal(np.count_nonzero(corrupted)))
    problem = fb.problems.LpRegression(
        X[:n], y[:n], X[n : n + m], y[n : n + m], power=power, reg=REG
    )
    dense = X[n : n + m].toarray() if sparse else X[n : n + m]
    return Data(problem, (dense, y[n : n + m]), X[n + m :], y[n + m :], corrupted)


def contenders(data: Data) -> list[Contender]:
    """The methods, with the same grid for each."""
    problem = data.problem
    start = fb.solve_lower(problem, problem.x0)
    slope = norm(fb.hypergradient(problem, problem.x0, method="implicit", y0=start))
    largest = curvature_range(problem, problem.x0, start)[1]
    grid = {"length": LENGTHS, "share": SHARES}
    # D^-1 g_yy has eigenvalues up to L / min D.
    least = (problem.power - 1) * min(1.0, FLOOR ** (problem.power - 2))
    common = {"y0": start, "batch_size": BATCH, "val_batch_size": BATCH}

    def normalized(method: str, **fixed: Any) -> Contender:
        def options(length: float, share: float) -> dict[str, Any]:
            steps = {"lr_x": length, "lr_y": share / largest}
            neumann = {"neumann_lr": share * least / largest, "scaling_floor": FLOOR}
            return {"method": method} | common | fixed | steps | neumann

        return Contender(method, grid, options)

    def plain(method: str, *lower: str, **fixed: Any) -> Contender:
        def options(length: float, share: float) -> dict[str, Any]:
            steps = {"lr_x": length / slope} | dict.fromkeys(lower, share / largest)
            return {"method": method} | common | fixed | steps

        return Contender(method, grid, options)

    return [
        normalized("unibio", neumann_steps=10, lower_budget=20, radius=1.0),
        normalized("bo-rep", neumann_steps=10, lower_budget=10, radius=1.0),
        plain("soba", "lr_y", "lr_v"),
        plain("stocbio", "lr_y", "neumann_lr", inner_steps=10, neumann_steps=10),
    ]


def validation_loss(problem: Any, x: np.ndarray, y0: np.ndarray) -> float:
    """The upper objective at x and the lower solution there."""
    return problem.value_upper(x, fb.solve_lower(problem, x, y0=y0, tol=1e-6))


def test_error(data: Data, y: np.ndarray) -> float:
    """Root mean square error of the coefficients y on the clean test rows."""
    return float(np.sqrt(np.mean((data.X_test @ y - data.y_test) ** 2)))


def figures_of(data: Data, x: np.ndarray) -> dict[str, float]:
    """Test error of the model retrained at x, and the separation of the rows by weight."""
    y = fb.solve_lower(data.problem, x, tol=1e-6)
    weights = data.problem.row_weights(x)
    return {
        "test_error": test_error(data, y),
        "separation": area_under_curve(weights, ~data.corrupted),
        "clean_weight": float(weights[~data.corrupted].mean()),
        "corrupted_weight": float(weights[data.corrupted].mean()),
    }


def references(data: Data) -> dict[str, dict[str, float]]:
    """What can be had without learning weights, and with perfect ones."""
    alone = lstsq(data.validation[0], data.validation[1], rcond=None)[0]
    return {
        NONE: figures_of(data, data.problem.x0),
        ALONE: {"test_error": test_error(data, alone)}
        | dict.fromkeys(("separation", "clean_weight", "corrupted_weight"), math.nan),
        BEST: figures_of(data, (~data.corrupted).astype(float)),
    }


def run(quick: bool, seed: int = 0) -> Findings:
    budget, repeats = (20_000, 2) if quick else (BUDGET, 5)
    rows = []
    for setting in list(SETTINGS)[1:2] if quick else SETTINGS:
        # The data set of `seed` is for choosing steps; the others have not been looked at.
        chosen = choose(data_of(*SETTINGS[setting], seed), budget, seed, quick)
        for each in range(seed + 1, seed + 1 + repeats):
            data = data_of(*SETTINGS[setting], each)
            for name, found in references(data).items():
                rows.append(row_of(setting, each, name, found))
            for contender in contenders(data):
                if contender.label not in chosen:
                    continue
                best = chosen[contender.label]
                options = contender.options(**best.point) | {
                    "maxiter": best.options["maxiter"],
                    "seed": each,
                }
                result = quiet_run(data.problem, options)
                found = figures_of(data, result.x_last)
                rows.append(row_of(setting, each, contender.label, found, result, best))
    findings = Findings(rows)
    findings.tables = [error_table(findings), separation_table(findings)]
    return findings


def choose(data: Data, budget: float, seed: int, quick: bool) -> dict[str, Tuned]:
    """The best point of the grid of every method, by the validation loss of the retrained model."""
    problem = data.problem
    start = fb.solve_lower(problem, problem.x0)

    def score(result: fb.BilevelResult) -> float:
        return validation_loss(problem, result.x_last, start)

    methods = contenders(data)
    return {
        each.label: tune(each, problem, budget, WEIGHTS, score, seed)
        for each in (shortened(methods, QUICK) if quick else methods)
    }


def row_of(
    setting: str,
    seed: int,
    method: str,
    found: dict[str, float],
    result: fb.BilevelResult | None = None,
    tuned: Tuned | None = None,
) -> dict[str, Any]:
    """A row; references have neither a run nor steps."""
    return {
        "setting": setting,
        "seed": seed,
        "method": method,
        **found,
        "iterations": result.nit if result else 0,
        "seconds": result.timings["run"] if result else 0.0,
        "length": tuned.point["length"] if tuned else math.nan,
        "share": tuned.point["share"] if tuned else math.nan,
        "at_edge": " ".join(tuned.at_edge) if tuned else "",
    }


def error_table(findings: Findings) -> Table:
    """Test errors, and what they say about each setting."""
    settings = findings.different("setting")
    seeds = len(findings.different("seed"))
    table = Table(
        "Cleaning in the p-norm: root mean square error on clean test rows, retrained",
        ["", *settings],
        notes=[
            f"Means over {seeds} data sets that no step was chosen on, with 95 % intervals. "
            f"{CORRUPTED:.0%} of {TRAINING} rows are corrupted, {VALIDATION} validation rows are "
            f"clean; {FEATURES} features, noise {NOISE}. "
            + " ".join(verdict(findings, setting) for setting in settings)
            + edges_of(findings.rows, "setting")
        ],
    )
    for method in findings.different("method"):
        errors = (findings.column("test_error", setting=s, method=method) for s in settings)
        table.add(method, *(mean_and_interval(each) for each in errors))
    return table


def verdict(findings: Findings, setting: str) -> str:
    """Which method has the least error, and which are not told apart from it."""
    errors = {
        method: np.array(findings.column("test_error", setting=setting, method=method))
        for method in findings.different("method")
    }
    learned = [method for method in errors if method not in (NONE, ALONE, BEST)]
    best = min(learned, key=lambda method: errors[method].mean())
    ties = [m for m in learned if m != best and not larger(errors[m], errors[best])]
    said = f"{setting}: {best} is the best method"
    said += f", not told apart from {', '.join(ties)}" if ties else ", ahead of all others"
    useless = [m for m in learned if not larger(errors[NONE], errors[m])]
    if useless:
        said += f"; not better than {NONE}: {', '.join(useless)}"
    if not larger(errors[ALONE], errors[best]):
        said += f"; it is not better than {ALONE}"
    return said + "."


def separation_table(findings: Findings) -> Table:
    """How the learned weights tell clean rows from corrupted ones, and what it took."""
    settings = findings.different("setting")
    table = Table(
        "Cleaning in the p-norm: area under the ROC curve of clean rows by weight",
        ["", *settings, "iterations", "ms"],
        notes=["0.5 is chance. The last two columns are medians over all runs."],
    )
    for method in findings.different("method"):
        if method in (NONE, ALONE, BEST):
            continue
        values = (findings.column("separation", setting=s, method=method) for s in settings)
        iterations, seconds = (
            np.median(findings.column(name, method=method)) for name in ("iterations", "seconds")
        )
        cells = (mean_and_interval(each) for each in values)
        table.add(method, *cells, f"{iterations:.0f}", f"{1e3 * seconds:.0f}")
    return table


def draw(findings: Findings, figure: Any) -> None:
    left, right = figure.subplots(1, 2)
    settings = findings.different("setting")
    places = np.arange(len(settings))
    for axes, name in ((left, "test_error"), (right, "separation")):
        for i, method in enumerate(findings.different("method")):
            values = [findings.column(name, setting=s, method=method) for s in settings]
            shift = 0.1 * (i - 3)
            axes.errorbar(
                places + shift,
                [np.mean(each) for each in values],
                [half_interval(each) for each in values],
                fmt="o",
                capsize=3,
                label=method,
            )
        axes.set_xticks(places, settings)
    left.set(ylabel="error on clean test rows", yscale="log")
    right.set(ylabel="area under the ROC curve")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=7)
