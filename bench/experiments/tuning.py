"""Methods on equal terms: as many step sizes tried for each, and runs of the same cost."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

import fastbilevel as fb

PROBE = 6
"""Outer iterations of the run that measures what one costs: a whole number of periods."""


@dataclass(frozen=True)
class Contender:
    """A method, and the values of its options that are tried.

    Attributes
    ----------
    label : str
    grid : mapping of sequences
        Every combination is tried.
    options : callable
        ``options(**point)``, the method and options of `fb.minimize` at a point of the grid.
    """

    label: str
    grid: Mapping[str, Sequence[float]]
    options: Callable[..., dict[str, Any]]

    def points(self) -> list[dict[str, float]]:
        """All combinations of the grid."""
        return [
            dict(zip(self.grid, values, strict=True))
            for values in itertools.product(*self.grid.values())
        ]


@dataclass
class Tuned:
    """The best point of a grid.

    Attributes
    ----------
    point, options : dict
        The point, and its options of `fb.minimize`, `maxiter` included.
    score : float
        Its score; smaller is better.
    at_edge : list of str
        Names of which the best value is the least or the greatest of three or more.
    tried : list of (point, score)
        All of the grid.
    """

    point: dict[str, float]
    options: dict[str, Any]
    score: float
    at_edge: list[str]
    tried: list[tuple[dict[str, float], float]]


def cost_of(calls: Mapping[str, int], weights: Mapping[str, float]) -> float:
    """Oracle calls of a run in gradients of one sample."""
    return math.fsum(weights[name] * count for name, count in calls.items())


def iterations_within(
    problem: Any, options: Mapping[str, Any], budget: float, weights: Mapping[str, float]
) -> int:
    """Outer iterations that a budget of sample gradients pays for; at least 1."""
    result = quiet_run(problem, {**options, "maxiter": PROBE})
    return max(1, math.floor(budget * PROBE / cost_of(result.oracle_calls, weights)))


def quiet_run(problem: Any, options: Mapping[str, Any]) -> fb.BilevelResult:
    """`fb.minimize`, recorded at the end only, without warnings: a grid goes too far on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        every = options.get("record_every", options["maxiter"])
        return fb.minimize(problem, **{**options, "record_every": every})


def tune(
    contender: Contender,
    problem: Any,
    budget: float,
    weights: Mapping[str, float],
    score: Callable[[fb.BilevelResult], float],
    seed: int,
) -> Tuned:
    """Try every point of the grid, each with a run that costs `budget`.

    Parameters
    ----------
    contender : Contender
    problem : BilevelProblem
    budget : float
        In gradients of one sample.
    weights : mapping
        What a call of each oracle costs for one sample, in such gradients.
    score : callable
        ``score(result)``, smaller is better. Not asked about runs that diverged: they are infinite.
    seed : int
        Of the minibatches.
    """
    tried = []
    for point in contender.points():
        options = contender.options(**point)
        options["maxiter"] = iterations_within(problem, options, budget, weights)
        result = quiet_run(problem, options | {"seed": seed})
        diverged = result.status == fb.Status.DIVERGED or not np.isfinite(result.x_last).all()
        tried.append((point, options, math.inf if diverged else score(result)))
    best, chosen, least = min(tried, key=lambda each: each[2])
    if not math.isfinite(least):
        raise RuntimeError(f"{contender.label} diverged at every point of its grid.")
    edges = [
        name
        for name, values in contender.grid.items()
        if len(values) > 2 and best[name] in (min(values), max(values))
    ]
    return Tuned(best, chosen, least, edges, [(point, score) for point, _, score in tried])


def shortened(contenders: Sequence[Contender], labels: Sequence[str]) -> list[Contender]:
    """A quick form: these contenders only, with the middle two values of the grid's first entry
    and the first one of the others.
    """
    found = []
    for contender in contenders:
        if contender.label in labels:
            (name, values), *others = contender.grid.items()
            middle = len(values) // 2
            grid = {name: values[middle - 1 : middle + 1]}
            grid |= {other: given[:1] for other, given in others}
            found.append(replace(contender, grid=grid))
    return found


def area_under_curve(scores: np.ndarray, positive: np.ndarray) -> float:
    """Probability that a positive row has a larger score than another one; ties count half."""
    values, place = np.unique(scores, return_inverse=True)
    counts = [np.bincount(place[positive == flag], minlength=values.size) for flag in (True, False)]
    below = np.cumsum(counts[1]) - counts[1]
    wins = math.fsum(counts[0] * (below + counts[1] / 2))
    return wins / (float(counts[0].sum()) * float(counts[1].sum()))


def half_interval(values: Sequence[float]) -> float:
    """Half the width of the 95 % interval of a mean (Student's t)."""
    return float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))


def mean_and_interval(values: Sequence[float], digits: int = 3) -> str:
    """A mean and half the width of its 95 % interval, as text."""
    return f"{np.mean(values):.{digits}f} ± {half_interval(values):.{digits}f}"


def larger(values: np.ndarray, others: np.ndarray) -> bool:
    """Whether the 95 % interval of the mean difference of paired values lies above 0."""
    differences = np.asarray(values) - np.asarray(others)
    return bool(np.mean(differences) > half_interval(differences))


def edges_of(rows: Iterable[Mapping[str, Any]], *of: str) -> str:
    """A sentence on the methods whose best step is at the end of its grid, empty if none is.

    `of` are the columns that tell one choice from another, beside the method.
    """
    found = dict.fromkeys(
        f"{row['method']} ({', '.join([*(str(row[name]) for name in of), row['at_edge']])})"
        for row in rows
        if row["at_edge"]
    )
    return f" Best values at the end of their grid: {'; '.join(found)}." if found else ""
