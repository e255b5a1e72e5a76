"""Learning to regularise 20 Newsgroups: F2SA-p against F2SA, stocBiO, MRBO and VRBO, controlled.

One penalty for every word (`fb.problems.LearnToRegularize`, mean reduction), learned on the
validation half of the training texts. The published figures compare methods at different models:
F2SA-p at the iterate of its largest positive offset, which is trained on the validation loss as
well, the others at their lower iterate; with one seed, steps searched by hand and gradients counted
by hand. Here, at the reduced scale of the `text_task.WORDS` most frequent words (by the documents
that hold them):

- *One kind of model.* What is judged is x alone: the model is retrained from 0 by `RETRAINING`
  accelerated gradient steps on the full training half, the same for every x.
- *One budget.* `BUDGET` sample gradients, with products with g_yy counted as 1.5, which is what
  they take of products with the data; g_x and products with g_xy do not touch the data. Then again
  at equal time: the median, over the methods, of the process CPU time (one thread) that this took
  in the first run. A record of the validation loss, about 20 in a run, counts for all.
- *One grid.* Ten points for each: `LENGTHS` of the first step of x (F2SA-p normalises all its
  steps; for the others the length is divided by the norm of their own first estimate on the full
  data), and two values of what the accuracy of the hypergradient depends on: nu, the penalty, or
  the length of the Neumann series. Chosen by the validation loss of the retrained model, with one
  seed; test figures are looked at once, with other seeds.
- *One start.* x = 0 and the model retrained there. K = 10, batches of 500 rows.

No learning is x = 0, and the best single penalty, chosen by the same validation loss from
`CONSTANTS`. x is kept within +-`BOUND`, so that one lower step is stable for all.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.linalg import norm

import fastbilevel as fb

from ..record import Table
from ..text_setting import loss_and_accuracy
from .figures import Findings
from .text_task import BOUND, Task, generated_task, newsgroups_task, retrained
from .tuning import (
    Contender,
    Tuned,
    cost_of,
    edges_of,
    half_interval,
    larger,
    mean_and_interval,
    quiet_run,
    shortened,
    tune,
)

BATCH, BUDGET, RECORDS = 500, 3_000_000, 20
LENGTHS, CONSTANTS = (0.1, 0.3, 1.0, 3.0, 10.0), (-6, -5, -4, -3, -2, -1, 0, 1, 2, 3)
# In gradients of one sample: a gradient is a product with the row and one with its transpose.
WEIGHTS = {"f_x": 0.0, "f_y": 1.0, "g_x": 0.0, "g_y": 1.0, "hvp": 1.5, "jvp": 0.0}
NONE, CONSTANT = "no learning, x = 0", "best single penalty"
ORDERS = (2, 3, 5, 8, 10)
SAMPLES, TIME = "equal samples", "equal time"
QUICK = ("f2sa-p, p = 2", "stocbio")


def validation_loss(task: Task, x: np.ndarray) -> float:
    return task.problem.value_upper(x, retrained(task, x))


def test_figures(task: Task, x: np.ndarray) -> dict[str, float]:
    """Test loss and accuracy of the model retrained at x, and its validation loss."""
    y = retrained(task, x)
    W = y.reshape(task.text.X.shape[1], -1)
    loss, accuracy = loss_and_accuracy(task.text.X_test, task.text.y_test, W)
    validation = task.problem.value_upper(x, y)
    return {"test_loss": loss, "test_accuracy": accuracy, "validation_loss": validation}


def contenders(task: Task) -> list[Contender]:
    """The methods, each with a grid of ten points."""
    lr = 1 / task.curvature
    common = {"y0": task.start, "bounds": (-BOUND, BOUND)}
    batches = {"batch_size": BATCH, "val_batch_size": BATCH}

    def contender(
        label: str, method: str, name: str, values: Sequence[float], **fixed: Any
    ) -> Contender:
        def options(length: float, **other: float) -> dict[str, Any]:
            given = {"method": method} | common | fixed | other
            if method != "f2sa-p":
                first = quiet_run(task.problem, given | {"maxiter": 1, "lr_x": 1e-9})
                length /= float(norm(first.jac))
            return given | batches | {"lr_x": length}

        return Contender(label, {"length": LENGTHS, name: values}, options)

    double, series = {"inner_steps": 10, "lr_y": lr}, {"lr_y": lr, "neumann_lr": lr}
    # A momentum of 1 keeps nothing of the past: the values of the theory fall from there.
    recursive = {"momentum": fb.schedules.Power(1.0, 2 / 3), "lower_momentum": 0.5}
    return [
        *(
            contender(f"f2sa-p, p = {p}", "f2sa-p", "nu", (0.1, 0.01), order=p, **double)
            for p in ORDERS
        ),
        contender(
            "f2sa", "f2sa", "penalty", (10, 100), inner_steps=10, lr_z=lr, shared_samples=True
        ),
        contender("stocbio", "stocbio", "neumann_steps", (10, 40), inner_steps=10, **series),
        contender("mrbo", "mrbo", "neumann_steps", (10, 40), **series, **recursive),
        contender("vrbo", "vrbo", "neumann_steps", (10, 40), refresh_batches=3, **series),
    ]


def run(quick: bool, seed: int = 0) -> Findings:
    task = generated_task() if quick else newsgroups_task()
    budget, repeats = (60_000, 2) if quick else (BUDGET, 3)
    methods = contenders(task)

    def score(result: fb.BilevelResult) -> float:
        return validation_loss(task, result.x_last)

    chosen = {
        each.label: tune(each, task.problem, budget, WEIGHTS, score, seed)
        for each in (shortened(methods, QUICK) if quick else methods)
    }
    rows = references(task)
    limit = float(np.median([seconds_of(task, best, seed) for best in chosen.values()]))
    for label, best in chosen.items():
        for each in range(seed + 1, seed + 1 + repeats):
            for part, state in follow(task, best, budget, limit, each).items():
                rows.append(row_of(part, label, each, test_figures(task, state.x), state, best))
    findings = Findings(rows)
    findings.tables = [table_of(findings, limit)]
    return findings


class State(NamedTuple):
    """x at some moment of a run, and what it took."""

    x: np.ndarray
    iterations: int
    cost: float
    seconds: float


def seconds_of(task: Task, best: Tuned, seed: int) -> float:
    """Process CPU time of the chosen run, as `follow` takes it."""
    every = max(1, best.options["maxiter"] // RECORDS)
    options = best.options | {"record_every": every, "seed": seed}
    start = time.process_time()
    quiet_run(task.problem, options)
    return time.process_time() - start


def follow(task: Task, best: Tuned, budget: float, limit: float, seed: int) -> dict[str, State]:
    """One run until both the budget and the time are spent; where it was when each was.

    Parameters
    ----------
    budget : float
        In gradients of one sample.
    limit : float
        Process CPU time in seconds.
    """
    found: dict[str, State] = {}
    every = max(1, best.options["maxiter"] // RECORDS)
    started = time.process_time()

    def look(intermediate_result: fb.BilevelResult) -> bool:
        now = time.process_time() - started
        spent = cost_of(intermediate_result.oracle_calls, WEIGHTS)
        state = State(intermediate_result.x_last, intermediate_result.nit, spent, now)
        # The last record before the end of the means; a run of one record may go beyond.
        for part, over in ((SAMPLES, spent > budget), (TIME, now > limit)):
            if part not in done and (not over or part not in found):
                found[part] = state
            if over:
                done.add(part)
        return len(done) == 2

    done: set[str] = set()
    quiet_run(
        task.problem,
        best.options | {"maxiter": 10**9, "record_every": every, "seed": seed, "callback": look},
    )
    return found


def references(task: Task) -> list[dict[str, Any]]:
    """No learning, and the best of the single penalties."""
    same = {c: np.full(task.problem.n_x, c, task.problem.dtype) for c in CONSTANTS}
    best = min(CONSTANTS, key=lambda c: validation_loss(task, same[c]))
    rows = []
    for name, c in ((NONE, 0), (CONSTANT, best)):
        figures = test_figures(task, same[c])
        rows += [row_of(part, name, 0, figures) | {"point": f"x={c}"} for part in (SAMPLES, TIME)]
    return rows


def row_of(
    part: str,
    method: str,
    seed: int,
    figures: dict[str, float],
    state: State | None = None,
    tuned: Tuned | None = None,
) -> dict[str, Any]:
    """A row; the references have neither a run nor options."""
    point = tuned.point.items() if tuned else ()
    return {
        "part": part,
        "method": method,
        "seed": seed,
        **figures,
        "iterations": state.iterations if state else 0,
        "cost": state.cost if state else 0.0,
        "seconds": state.seconds if state else 0.0,
        "point": ", ".join(f"{name}={value:g}" for name, value in point),
        "at_edge": " ".join(tuned.at_edge) if tuned else "",
    }


def table_of(findings: Findings, limit: float) -> Table:
    """Test figures at equal samples and at equal time."""
    table = Table(
        "Learning one penalty per word, 20 Newsgroups: test figures of the model retrained at x",
        [
            "", "loss, equal samples", "accuracy", "loss, equal time", "accuracy", "iterations",
            "CPU s", "chosen",
        ],
    )  # fmt: skip
    for method in findings.different("method"):
        cells = [
            spread(findings.column(name, method=method, part=part))
            for part in (SAMPLES, TIME)
            for name in ("test_loss", "test_accuracy")
        ]
        rows = findings.where(method=method, part=SAMPLES)
        iterations, seconds = (
            np.median([row[name] for row in rows]) for name in ("iterations", "seconds")
        )
        table.add(method, *cells, f"{iterations:.0f}", f"{seconds:.2f}", rows[0]["point"])
    repeats = len({row["seed"] for row in findings.rows if row["iterations"]})
    table.notes = [
        f"Means over {repeats} seeds with 95 % intervals; options chosen with another seed. Equal "
        f"time is {limit:.2f} s of CPU time; iterations and seconds are those at equal samples. "
        + " ".join(verdict(findings, part) for part in (SAMPLES, TIME))
        + edges_of(findings.where(part=SAMPLES))
    ]
    return table


def spread(values: list[float]) -> str:
    """Mean and interval, or the value alone if there is but one."""
    return mean_and_interval(values) if len(values) > 1 else f"{values[0]:.3f}"


def verdict(findings: Findings, part: str) -> str:
    """The order of the methods by test loss, and whom the best is not told apart from."""
    losses = {
        method: np.array(findings.column("test_loss", method=method, part=part))
        for method in findings.different("method")
    }
    learned = sorted(set(losses) - {NONE, CONSTANT}, key=lambda m: losses[m].mean())
    best, *others = learned
    ties = [m for m in others if not larger(losses[m], losses[best])]
    said = f"At {part} the least test loss is that of {best}"
    said += f", not told apart from that of {'; '.join(ties)}. " if ties else ". "
    for name in (NONE, CONSTANT):
        useless = [m for m in learned if not larger(losses[name], losses[m])]
        said += f"Not better than {name}: {'; '.join(useless) or 'none'}. "
    orders = [m for m in learned if m.startswith("f2sa-p")]
    return said + f"Orders of F2SA-p from best to worst: {', '.join(m[12:] for m in orders)}."


def draw(findings: Findings, figure: Any) -> None:
    methods = findings.different("method")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, part in zip(panels, (SAMPLES, TIME), strict=True):
        for place, method in enumerate(methods):
            losses = findings.column("test_loss", method=method, part=part)
            half = half_interval(losses) if len(losses) > 1 else 0.0
            axes.errorbar(np.mean(losses), place, xerr=half, fmt="o", capsize=3, color="C0")
        axes.set(title=part, xlabel="test loss of the model retrained at x")
    panels[0].set_yticks(range(len(methods)), methods)
    panels[0].invert_yaxis()
