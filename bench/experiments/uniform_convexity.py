"""UniBiO's synthetic study, with a hypergradient that depends on y: is a larger p slower?

On `fb.problems.hard.UniformlyConvex`, g = |y|^p / p - y sin x, phi(x) = sin(sin x) is the same
function for every p. The published curves fall the later the larger p = 2, 4, 6, 8 is, but they
were made with a smaller step of x for a larger p, and with a hypergradient that does not look at y.
Here UniBiO itself runs, y comes out of its epochs of noisy lower steps, and only the steps of x
differ between three forms of the study:

- *published list*: .05, .03, .02, .01 for p = 2, 4, 6, 8;
- *one step*: the geometric mean of that list, for every p;
- *theory*: lr_x ~ eps^(3 (p-1)). At an eps worth the name that cannot be run: eps = 0.1 asks for a
  step 10^18 times as small at p = 8 as at p = 2. `EPS` is so large that p = 8 still arrives within
  the 500 iterations, and p = 2 has the published step.

T = 500, beta = .9, I = 2, gamma_1 = 1, T_1 = 5, D_1 = 1, budget 100; noise of one lower gradient 1,
of f_x .01. Half of the runs start at x = 1, as published, half at an x drawn from (-1.2, 1.2), the
same for every p and form; y starts at 1. Looked at is the true |phi'(x_k)| = |cos x cos(sin x)|.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import stats

import fastbilevel as fb

from ..record import Table
from .figures import Findings

PUBLISHED = {2: 0.05, 4: 0.03, 6: 0.02, 8: 0.01}
EPS = 0.9
ITERATIONS, LAST = 500, 100
GOAL = 0.1
LOWER_NOISE, UPPER_NOISE = 1.0, 0.01
SETTING = {
    "method": "unibio", "period": 2, "lower_budget": 100, "epoch_steps": 5, "radius": 1.0,
    "lr_y": 1.0, "momentum": 0.9, "neumann_steps": 1, "neumann_lr": 1.0, "batch_size": 1,
    "val_batch_size": 1,
}  # fmt: skip
RULES = {
    "published list": PUBLISHED,
    "one step": dict.fromkeys(PUBLISHED, math.prod(PUBLISHED.values()) ** (1 / len(PUBLISHED))),
    "theory": {p: PUBLISHED[2] * EPS ** (3 * (p - 2)) for p in PUBLISHED},
}


def run(quick: bool, seed: int = 0) -> Findings:
    runs, iterations = (2, 2 * LAST) if quick else (20, ITERATIONS)
    rng = np.random.default_rng(seed)
    starts = [1.0 if i % 2 == 0 else float(rng.uniform(-1.2, 1.2)) for i in range(runs)]
    rows = []
    for rule, steps in RULES.items():
        for p, lr_x in steps.items():
            for i, start in enumerate(starts):
                found = follow(p, lr_x, start, seed + i, iterations)
                row = {"rule": rule, "p": p, "lr_x": lr_x, "run": i, "start": start}
                rows.append(row | {"iterations": iterations} | found)
    findings = Findings(rows)
    findings.tables = [table_of(findings)]
    return findings


def follow(
    p: int, lr_x: float, start: float, seed: int, iterations: int = ITERATIONS
) -> dict[str, float]:
    """One run: when |phi'| is below `GOAL` first, and where it and |y - y*| end up."""
    problem = fb.problems.hard.UniformlyConvex(p, (LOWER_NOISE, UPPER_NOISE), noise_seed=seed)
    slopes, distances = [], []

    def look(intermediate_result: fb.BilevelResult) -> None:
        x, y = intermediate_result.x_last, intermediate_result.y_last
        slopes.append(abs(float(problem.hypergradient(x)[0])))
        distances.append(abs(float(y[0] - problem.lower_solution(x)[0])))

    fb.minimize(
        problem, [start], [1.0], maxiter=iterations, record_every=1, callback=look, seed=seed,
        lr_x=lr_x, **SETTING,
    )  # fmt: skip
    below = np.flatnonzero(np.array(slopes) < GOAL)
    return {
        # Row k of the record is x_k; row 0 is the start.
        "first": int(below[0]) if below.size else iterations,
        "reached": bool(below.size),
        "plateau": float(np.mean(slopes[-LAST:])),
        "lower_error": float(np.mean(distances[-LAST:])),
    }


def later_with_p(findings: Findings, rule: str) -> bool:
    """Whether every p is later than the one before it, in every run."""
    first = np.array([findings.column("first", rule=rule, p=p) for p in PUBLISHED])
    return bool(np.all(np.diff(first, axis=0) > 0))


def interval(values: list[float]) -> tuple[float, float]:
    """Mean and half the width of its 95 % interval."""
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return float(np.mean(values)), float(half)


def table_of(findings: Findings) -> Table:
    """Means over the runs, and what they say about the published order."""
    table = Table(
        "UniBiO on |y|^p / p - y sin x: iterations until |phi'| < 0.1, and what is left at the end",
        ["step of x", "p", "lr_x", "first iteration", "runs there", "|phi'|", "/ lr_x", "|y - y*|"],
    )
    for rule, steps in RULES.items():
        for p, lr_x in steps.items():
            first, plateau, error = (
                interval(findings.column(name, rule=rule, p=p))
                for name in ("first", "plateau", "lower_error")
            )
            reached = findings.column("reached", rule=rule, p=p)
            table.add(
                rule, p, f"{lr_x:.3g}", f"{first[0]:.1f} ± {first[1]:.1f}",
                f"{sum(reached)} of {len(reached)}", f"{plateau[0]:.4f} ± {plateau[1]:.4f}",
                f"{plateau[0] / lr_x:.2f}", f"{error[0]:.3f} ± {error[1]:.3f}",
            )  # fmt: skip
    runs, (iterations,) = len(findings.different("run")), findings.different("iterations")
    table.notes = [
        f"Means over {runs} runs with 95 % intervals; |phi'| and |y - y*| over the last {LAST} of "
        f"{iterations} iterations. {verdict(findings)}"
    ]
    return table


def verdict(findings: Findings) -> str:
    """What the rows say about the order in p and what makes it."""
    ordered = [rule for rule in RULES if later_with_p(findings, rule)]
    lost = [rule for rule in RULES if rule not in ordered]
    said = []
    if ordered:
        said.append(f"Each p is later than the one before in every run with: {', '.join(ordered)}.")
    if lost:
        said.append(f"It is not with: {', '.join(lost)}.")
    apart = np.ptp([findings.column("first", rule="one step", p=p) for p in PUBLISHED], axis=0)
    largest, runs = int(np.max(apart)), int(np.sum(apart == 0))
    survives = "survives" if "one step" in ordered else "does not survive"
    said.append(
        f"The published order {survives} one step for all p: over the four p the first iterations "
        f"of a run are then at most {largest} apart, and equal in {runs} of {apart.size} runs."
    )
    errors = [np.mean(findings.column("lower_error", rule="one step", p=p)) for p in PUBLISHED]
    least, most = min(errors), max(errors)
    said.append(
        f"Still y matters to p: with one step |y - y*| is between {least:.3f} "
        f"(p = {list(PUBLISHED)[errors.index(least)]}) and {most:.3f} "
        f"(p = {list(PUBLISHED)[errors.index(most)]}). The estimate cos x cos w never has the "
        "wrong sign, whatever y is, and a normalised step in one variable needs only the sign."
    )
    return " ".join(said)


def draw(findings: Findings, figure: Any) -> None:
    left, middle, right = figure.subplots(1, 3)
    for rule in RULES:
        for axes, name in ((left, "first"), (middle, "plateau"), (right, "lower_error")):
            found = [interval(findings.column(name, rule=rule, p=p)) for p in PUBLISHED]
            means, halves = zip(*found, strict=True)
            axes.errorbar(list(PUBLISHED), means, halves, fmt="o-", capsize=3, label=rule)
    left.set(ylabel=f"first iteration with |phi'| < {GOAL}")
    middle.set(ylabel=f"mean |phi'| over the last {LAST}")
    right.set(ylabel=f"mean |y - y*| over the last {LAST}")
    for axes in (left, middle, right):
        axes.set(xlabel="p", xticks=list(PUBLISHED))
        axes.set_ylim(bottom=0)
    left.legend(fontsize="small")
