"""The two jobs of `fastbilevel demo`, on the digits that ship with the package.

Splits are fixed: x and the tuned penalty come from the validation rows, and every model in the
tables is trained from scratch to its minimum. The settings below were chosen to show an effect.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import fastbilevel as fb
from fastbilevel._command.table import table

SIDE = 8
PIXELS = SIDE * SIDE
TOLERANCE = 1e-6

# Job 1: few training rows and many columns of noise, so that no single penalty suits all columns.
PENALTY_ROWS = (200, 500)
NOISE_COLUMNS = 3 * PIXELS
LOG_PENALTIES = np.linspace(-12.0, 0.0, 25)
LOG_PENALTY_START = -5.0

# Job 2: half of the training labels are wrong, a few rows are known to be right.
CLEANING_ROWS = (1000, 100)
CORRUPTED = 0.5
RIDGE = 3e-3

HEAD = ("model", "fitted on", "test loss", "test accuracy")


class Split(NamedTuple):
    """Training, validation and test rows with labels 0..9."""

    X: np.ndarray
    y: np.ndarray
    X_val: np.ndarray
    y_val: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


class Score(NamedTuple):
    """A line of a job's table: a model and what it reaches on the test rows."""

    model: str
    fitted_on: str
    loss: float
    accuracy: float

    def cells(self) -> tuple[str, ...]:
        return self.model, self.fitted_on, f"{self.loss:.3f}", f"{self.accuracy:.1%}"


class Learned(NamedTuple):
    """What a job found.

    Attributes
    ----------
    scores : list of Score
    result : BilevelResult
    marked : ndarray of bool, shape of x
        Job 1: the columns of noise. Job 2: the rows with a wrong label.
    """

    scores: list[Score]
    result: fb.BilevelResult
    marked: np.ndarray


def run(figure: Path) -> None:
    """Do both jobs, print their tables, draw the figure if Matplotlib is there."""
    start = time.perf_counter()
    n_train, n_val = PENALTY_ROWS
    print(
        "The first run on a machine compiles its loops; later ones load them from disk.\n\n"
        "1. One penalty per feature\n"
        f"   {PIXELS} pixels and {NOISE_COLUMNS} columns of noise (shuffled pixels), {n_train} "
        f"training and {n_val} validation rows;\n"
        f"   {PIXELS + NOISE_COLUMNS} penalties learned on the validation rows, against the best "
        f"of {LOG_PENALTIES.size} single penalties on the same rows.\n",
        flush=True,
    )
    penalties = learn_penalties()
    print(table(HEAD, [score.cells() for score in penalties.scores], left=2))
    noise, pixels = (np.exp(np.median(penalties.result.x[m])) for m in _sides(penalties))
    print(f"\n   median penalty: {noise:.2g} on noise, {pixels:.2g} on pixels\n")

    n_train, n_val = CLEANING_ROWS
    print(
        "2. Wrong labels\n"
        f"   {n_train} training rows, {CORRUPTED:.0%} of their labels replaced by another digit; "
        f"{n_val} clean rows.\n"
        f"   One weight per training row is learned on the clean rows; rows with a weight below "
        "1/2 are rejected.\n",
        flush=True,
    )
    weights = find_wrong_labels()
    print(table(HEAD, [score.cells() for score in weights.scores], left=2))
    precision, recall = detection(weights)
    print(f"\n   wrong labels found: precision {precision:.1%}, recall {recall:.1%}\n")

    drawn = _draw(penalties, weights, figure)
    print(f"{time.perf_counter() - start:.1f} s in all. {drawn}")


def learn_penalties() -> Learned:
    """One penalty per feature against one tuned penalty for all."""
    X, y = fb.datasets.load_digits()
    # A column of noise is a pixel whose values were dealt out anew to the images.
    copies = np.tile(X, NOISE_COLUMNS // PIXELS)
    noise = np.random.default_rng(1).permuted(copies, axis=0)
    data = _split(np.hstack([X, noise]), y, PENALTY_ROWS)
    problem = fb.problems.LearnToRegularize(data.X, data.y, data.X_val, data.y_val, reduction="sum")

    candidates = [np.full(problem.n_x, c) for c in LOG_PENALTIES]
    fits = [fb.solve_lower(problem, x, tol=TOLERANCE) for x in candidates]
    losses = [problem.value_upper(x, W) for x, W in zip(candidates, fits, strict=True)]
    tuned = candidates[int(np.argmin(losses))]

    result = fb.minimize(
        problem,
        np.full(problem.n_x, LOG_PENALTY_START),
        method="f2sa-p",
        maxiter=200,
        nu=0.01,
        inner_steps=20,
        batch_size=50,
        val_batch_size=125,
        lr_x=fb.schedules.Power(2.0, 0.5),
        momentum=0.5,
    )
    both = np.vstack([data.X, data.X_val]), np.concatenate([data.y, data.y_val])
    scores = [
        Score(model, fitted_on, *_test(rows, data, x))
        for fitted_on, rows in (("training", (data.X, data.y)), ("training + validation", both))
        for model, x in (("one tuned penalty", tuned), ("learned penalties", result.x))
    ]
    return Learned(scores, result, np.arange(problem.n_x) >= PIXELS)


def find_wrong_labels() -> Learned:
    """One weight per training row, learned from a few clean rows."""
    X, y = fb.datasets.load_digits()
    data = _split(X, y, CLEANING_ROWS)
    noisy, wrong = fb.datasets.corrupt_labels(data.y, CORRUPTED, seed=0)
    problem = fb.problems.HyperCleaning(data.X, noisy, data.X_val, data.y_val, reg=RIDGE)
    result = fb.minimize(
        problem,
        method="f2sa-p",
        maxiter=300,
        nu=0.1,
        inner_steps=10,
        batch_size=100,
        val_batch_size=50,
        lr_x=1.0,
    )
    everything, clean = np.ones(len(noisy), bool), (data.X_val, data.y_val)
    ridge = np.full(PIXELS, np.log(2 * RIDGE))

    def tested(model: str, fitted_on: str, rows: np.ndarray, extra: Any = None) -> Score:
        X_fit, y_fit = data.X[rows], noisy[rows]
        if extra is not None:
            X_fit, y_fit = np.vstack([X_fit, extra[0]]), np.concatenate([y_fit, extra[1]])
        return Score(model, fitted_on, *_test((X_fit, y_fit), data, ridge))

    kept = result.x >= 0
    scores = [
        tested("no cleaning", "training", everything),
        tested("no cleaning", "training + clean", everything, clean),
        tested("clean rows alone", "clean", ~everything, clean),
        tested("cleaned", "kept", kept),
        tested("cleaned", "kept + clean", kept, clean),
        tested("wrong labels known", "right", ~wrong),
    ]
    return Learned(scores, result, wrong)


def detection(weights: Learned) -> tuple[float, float]:
    """Precision and recall of "weight below 1/2" as a test for "wrong label"."""
    rejected = weights.result.x < 0
    found = np.count_nonzero(rejected & weights.marked)
    return found / np.count_nonzero(rejected), found / np.count_nonzero(weights.marked)


def _split(X: np.ndarray, y: np.ndarray, sizes: tuple[int, int]) -> Split:
    order = np.random.default_rng(0).permutation(len(y))
    train, val, test = np.split(order, np.cumsum(sizes))
    return Split(X[train], y[train], X[val], y[val], X[test], y[test])


def _test(rows: Any, data: Split, log_penalties: np.ndarray) -> tuple[float, float]:
    """Cross-entropy and accuracy on the test rows.

    W minimises the mean cross-entropy on `rows` + 1/2 sum_ic exp(x_i) W_ic**2.
    """
    problem = fb.problems.LearnToRegularize(*rows, data.X_test, data.y_test, reduction="sum")
    W = fb.solve_lower(problem, log_penalties, tol=TOLERANCE)
    return problem.value_upper(log_penalties, W), problem.metrics(log_penalties, W)["accuracy"]


def _sides(job: Learned) -> tuple[np.ndarray, np.ndarray]:
    return job.marked, ~job.marked


def _draw(penalties: Learned, weights: Learned, file: Path) -> str:
    """Save the figure; return a sentence that says where, or why not."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        return 'No figure without Matplotlib: pip install "fastbilevel[plot]"'
    figure = Figure(figsize=(10, 6), layout="constrained")
    axes = figure.subplots(2, 2)
    x = penalties.result.x
    axes[0, 0].hist([x[m] for m in _sides(penalties)], bins=24, label=["noise", "pixels"])
    axes[0, 0].set(title="Learned penalties", xlabel="log penalty", ylabel="features")
    image = axes[0, 1].imshow(x[:PIXELS].reshape(SIDE, SIDE), cmap="viridis_r")
    figure.colorbar(image, ax=axes[0, 1], label="log penalty")
    axes[0, 1].set(title="Learned penalties of the pixels", xticks=[], yticks=[])
    share = 1 / (1 + np.exp(-weights.result.x))
    axes[1, 0].hist([share[m] for m in _sides(weights)], bins=24, label=["wrong", "right"])
    axes[1, 0].set(title="Learned weights by label", xlabel="weight", ylabel="training rows")
    for job, name in ((penalties, "one penalty per feature"), (weights, "wrong labels")):
        axes[1, 1].plot(job.result.history["time"], job.result.history["fun"], label=name)
    axes[1, 1].set(title="Progress", xlabel="seconds", ylabel="validation loss", yscale="log")
    for ax in (axes[0, 0], axes[1, 0], axes[1, 1]):
        ax.legend()
    figure.savefig(file, dpi=120)
    return f"Figure: {file}"
