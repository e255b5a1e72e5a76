"""Hyper-cleaning of corrupted labels: first-order against second-order methods, small batches.

The published curves are about MNIST, which is not at hand without a network: the digits here are
the 1,797 images of 8 x 8 pixels that ship with the package (`fb.datasets.load_digits`), 1,000 of
them for training, `VALIDATION` clean ones for validation and the rest for testing. A tenth or three
tenths of the training labels are replaced, once, by another class. `fb.problems.HyperCleaning`
learns a weight for every training row; batches of 50 and 500 rows.

- *Terms.* Every method starts at equal weights and the lower solution there and gets a budget of
  `BUDGET` sample gradients; a product with g_yy counts as 1.5 and one with g_xy as 1, which is what
  they take of products with the data. Each chooses among as many points: the `LENGTHS` of the step
  of x (F2SA-p normalises its steps, the others get the length divided by |phi'| at the start), and
  two values of the option on which its hypergradient depends: the penalty of the first-order
  methods, the steps on the linear system of stocBiO and AmIGO, the step of y and v of the single
  loops. The choice is made on one split by the validation loss of the retrained model, for each
  corruption and batch, and the figures are those of other splits.
- *Figures.* Test loss and accuracy of the model that is retrained at the learned weights
  (`fb.solve_lower`), never those of an iterate of the method.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.linalg import norm

import fastbilevel as fb
from fastbilevel._numerics.curvature import curvature_range

from ..record import Table
from ..text_setting import loss_and_accuracy
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

TRAINING, VALIDATION = 1000, 100
REG, BUDGET = 1e-3, 500_000
CORRUPTIONS, BATCHES = (0.1, 0.3), (50, 500)
LENGTHS, SHARE = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0), 0.5
# In gradients of one sample: a gradient is a product with the row and one with its transpose.
WEIGHTS = {"f_x": 0.0, "f_y": 1.0, "g_x": 0.5, "g_y": 1.0, "hvp": 1.5, "jvp": 1.0}
NONE, ALONE, BEST = "no cleaning", "validation rows alone", "clean rows alone"
FIRST = ("f2sa", "f3sa", "f2sa-p")
SECOND = ("stocbio", "amigo", "soba", "ma-soba", "saba")
QUICK = ("f2sa", "soba")
# A sigmoid of this is 1 up to 1e-9, one of minus this 0.
CERTAIN = 20.0


class Data(NamedTuple):
    """A problem, clean test rows, which training rows are corrupted, and the validation rows."""

    problem: fb.problems.HyperCleaning
    X_test: np.ndarray
    y_test: np.ndarray
    corrupted: np.ndarray
    alone: fb.problems.HyperCleaning


def data_of(corruption: float, seed: int) -> Data:
    """A new split of the digits with a column of ones, and new wrong labels."""
    X, y = fb.datasets.load_digits()
    order = np.random.default_rng(seed).permutation(y.size)
    X, y = np.hstack([X, np.ones((y.size, 1))])[order], y[order]
    n, end = TRAINING, TRAINING + VALIDATION
    noisy, corrupted = fb.datasets.corrupt_labels(y[:n], corruption, seed)
    problem = fb.problems.HyperCleaning(X[:n], noisy, X[n:end], y[n:end], reg=REG)
    alone = fb.problems.HyperCleaning(X[n:end], y[n:end], X[end:], y[end:], reg=REG)
    return Data(problem, X[end:], y[end:], corrupted, alone)


def contenders(problem: Any, batch: int) -> list[Contender]:
    """The methods, each with a grid of sixteen points."""
    start = fb.solve_lower(problem, problem.x0)
    slope = norm(fb.hypergradient(problem, problem.x0, method="implicit", y0=start))
    largest = curvature_range(problem, problem.x0, start)[1]
    common = {"y0": start, "batch_size": batch, "val_batch_size": min(batch, problem.n_upper)}
    lr = SHARE / largest

    def contender(method: str, name: str, values: Sequence[float], **fixed: Any) -> Contender:
        """`name` is the second option of the grid; "share" stands for the step of y and v."""

        def options(length: float, **other: float) -> dict[str, Any]:
            steps = {"lr_x": length if method == "f2sa-p" else length / slope}
            if "share" in other:
                steps |= dict.fromkeys(("lr_y", "lr_v"), other.pop("share") / largest)
            return {"method": method} | common | fixed | steps | other

        return Contender(method, {"length": LENGTHS, name: values}, options)

    double = {"inner_steps": 10, "lr_y": lr}
    return [
        contender("f2sa", "penalty", (10, 100), inner_steps=10, lr_z=lr, shared_samples=True),
        contender("f3sa", "penalty", (10, 100), lr_z=lr),
        contender("f2sa-p", "nu", (0.1, 0.01), order=2, **double),
        contender("stocbio", "neumann_steps", (10, 40), neumann_lr=lr, **double),
        contender("amigo", "linear_steps", (10, 40), lr_v=lr, **double),
        contender("soba", "share", (0.2, SHARE)),
        contender("ma-soba", "share", (0.2, SHARE)),
        contender("saba", "share", (0.2, SHARE)),
    ]


def figures_of(data: Data, x: np.ndarray, y0: np.ndarray) -> dict[str, float]:
    """Test loss and accuracy of the model retrained at x, and the separation of the rows."""
    loss, accuracy = test_figures(data, fb.solve_lower(data.problem, x, y0=y0, tol=1e-6))
    separation = area_under_curve(data.problem.row_weights(x), ~data.corrupted)
    return {"test_loss": loss, "test_accuracy": accuracy, "separation": separation}


def test_figures(data: Data, y: np.ndarray) -> tuple[float, float]:
    """Mean cross-entropy and accuracy of the model y on the clean test rows."""
    return loss_and_accuracy(data.X_test, data.y_test, y.reshape(data.X_test.shape[1], -1))


def references(data: Data) -> dict[str, dict[str, float]]:
    """What can be had without learning weights, and with perfect ones."""
    problem, alone = data.problem, data.alone
    only = fb.solve_lower(alone, np.full(alone.n_x, CERTAIN), tol=1e-6)
    loss, accuracy = test_figures(data, only)
    certain = np.where(data.corrupted, -CERTAIN, CERTAIN)
    return {
        NONE: figures_of(data, problem.x0, problem.y0),
        ALONE: {"test_loss": loss, "test_accuracy": accuracy, "separation": math.nan},
        BEST: figures_of(data, certain, problem.y0),
    }


def run(quick: bool, seed: int = 0) -> Findings:
    budget, repeats = (30_000, 2) if quick else (BUDGET, 5)
    rows = []
    for corruption in CORRUPTIONS[1:] if quick else CORRUPTIONS:
        for batch in BATCHES[:1] if quick else BATCHES:
            # The split of `seed` is for choosing options; the others have not been looked at.
            chosen = choose(data_of(corruption, seed).problem, batch, budget, seed, quick)
            for each in range(seed + 1, seed + 1 + repeats):
                common = {"corruption": corruption, "batch": batch, "seed": each}
                rows += [common | row for row in rows_of(corruption, batch, each, chosen)]
    findings = Findings(rows)
    findings.tables = [
        table_of(findings, "test_loss", "loss"),
        table_of(findings, "test_accuracy", "accuracy"),
    ]
    findings.tables[0].notes = [notes_of(findings)]
    return findings


def choose(problem: Any, batch: int, budget: float, seed: int, quick: bool) -> dict[str, Tuned]:
    """The best point of every grid, by the validation loss of the retrained model."""
    start = fb.solve_lower(problem, problem.x0)

    def score(result: fb.BilevelResult) -> float:
        y = fb.solve_lower(problem, result.x_last, y0=start, tol=1e-5)
        return problem.value_upper(result.x_last, y)

    methods = contenders(problem, batch)
    return {
        each.label: tune(each, problem, budget, WEIGHTS, score, seed)
        for each in (shortened(methods, QUICK) if quick else methods)
    }


def rows_of(
    corruption: float, batch: int, seed: int, chosen: dict[str, Tuned]
) -> list[dict[str, Any]]:
    """What every method and reference reaches on one split."""
    data = data_of(corruption, seed)
    unused = {"iterations": 0, "seconds": 0.0, "point": "", "at_edge": ""}
    rows = [{"method": name} | found | unused for name, found in references(data).items()]
    for contender in contenders(data.problem, batch):
        if contender.label not in chosen:
            continue
        best = chosen[contender.label]
        options = contender.options(**best.point)
        limits = {"maxiter": best.options["maxiter"], "seed": seed}
        result = quiet_run(data.problem, options | limits)
        rows.append(
            {"method": contender.label}
            | figures_of(data, result.x_last, options["y0"])
            | {
                "iterations": result.nit,
                "seconds": result.timings["run"],
                "point": ", ".join(f"{name}={value:g}" for name, value in best.point.items()),
                "at_edge": " ".join(best.at_edge),
            }
        )
    return rows


def cases(findings: Findings) -> list[dict[str, Any]]:
    """The combinations of corruption and batch."""
    pairs = dict.fromkeys((row["corruption"], row["batch"]) for row in findings.rows)
    return [{"corruption": corruption, "batch": batch} for corruption, batch in pairs]


def name_of(case: dict[str, Any]) -> str:
    return f"{case['corruption']:.0%} wrong, batch {case['batch']}"


def table_of(findings: Findings, name: str, what: str) -> Table:
    """One figure of every method and case."""
    table = Table(
        f"Hyper-cleaning of digits: test {what} of the model retrained at the learned weights",
        ["", *(name_of(case) for case in cases(findings))],
    )
    for method in findings.different("method"):
        values = (findings.column(name, method=method, **case) for case in cases(findings))
        table.add(method, *(mean_and_interval(each) for each in values))
    return table


def notes_of(findings: Findings) -> str:
    """What the rows say."""
    repeats = len(findings.different("seed"))
    return (
        f"Means over {repeats} splits that no option was chosen on, with 95 % intervals. "
        f"{TRAINING} training and {VALIDATION} clean validation rows. "
        + " ".join(verdict(findings, case) for case in cases(findings))
        + edges_of(findings.rows, "corruption", "batch")
    )


def verdict(findings: Findings, case: dict[str, Any]) -> str:
    """Whether first- or second-order methods are ahead, and whether cleaning pays at all."""
    losses, accuracies = (
        {
            method: np.array(findings.column(name, method=method, **case))
            for method in findings.different("method")
        }
        for name in ("test_loss", "test_accuracy")
    )
    first, second = ([m for m in losses if m in kind] for kind in (FIRST, SECOND))
    best = [min(kind, key=lambda m: losses[m].mean()) for kind in (first, second)]
    ahead, behind = sorted(best, key=lambda m: losses[m].mean())
    said = f"{name_of(case)}: the best first-order method is {best[0]}, the best second-order one "
    said += f"{best[1]}; "
    if larger(losses[behind], losses[ahead]):
        kind = "first" if ahead in FIRST else "second"
        said += f"the {kind}-order one is ahead by {np.mean(losses[behind] - losses[ahead]):.3f}"
    else:
        said += "they are not told apart"
    groups = {
        f"loss not below {NONE}": [
            m for m in first + second if not larger(losses[NONE], losses[m])
        ],
        f"loss not below {ALONE}": [
            m for m in first + second if not larger(losses[ALONE], losses[m])
        ],
        f"more accurate than {NONE}": [
            m for m in first + second if larger(accuracies[m], accuracies[NONE])
        ],
        f"less accurate than {NONE}": [
            m for m in first + second if larger(accuracies[NONE], accuracies[m])
        ],
    }
    return (
        "; ".join([said, *(f"{name}: {', '.join(of) or 'none'}" for name, of in groups.items())])
        + "."
    )


def draw(findings: Findings, figure: Any) -> None:
    found = cases(findings)
    panels = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
    methods = findings.different("method")
    for axes, case in zip(panels, found, strict=True):
        for place, method in enumerate(methods):
            losses = findings.column("test_loss", method=method, **case)
            color = "C0" if method in FIRST else "C1" if method in SECOND else "C7"
            axes.errorbar(
                np.mean(losses), place, xerr=half_interval(losses), fmt="o", capsize=3, color=color
            )
        axes.set(title=name_of(case), xlabel="test loss")
    panels[0].set_yticks(range(len(methods)), methods)
    panels[0].invert_yaxis()
