"""The texts on which penalties are learned, and the model that is retrained at some penalties."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

import fastbilevel as fb
from fastbilevel._numerics.curvature import curvature_range

from ..data import Text, newsgroups

# Words; x is kept within +-BOUND; accelerated gradient steps of a retrained model.
WORDS, BOUND, RETRAINING = 2000, 6.0, 300


class Task(NamedTuple):
    """The problem, the texts, a bound of the curvature of g in y, and the model at x = 0."""

    problem: fb.problems.LearnToRegularize
    text: Text
    curvature: float
    start: np.ndarray


def newsgroups_task() -> Task:
    """20 Newsgroups with the most frequent words."""
    text = newsgroups()
    held = sum(np.asarray((X > 0).sum(axis=0)).ravel() for X in (text.X, text.X_val))
    columns = np.sort(np.argsort(-held, kind="stable")[:WORDS])
    X, X_val, X_test = (X[:, columns].tocsr() for X in (text.X, text.X_val, text.X_test))
    return task_from(text._replace(X=X, X_val=X_val, X_test=X_test))


def generated_task() -> Task:
    """Generated text, for short forms: nothing is downloaded."""
    X, y = fb.datasets.make_text(1800, d=200, classes=3, nnz=30, dtype=np.float32)
    train, val, test = (slice(first, first + 600) for first in (0, 600, 1200))
    return task_from(Text("generated text", X[train], y[train], X[val], y[val], X[test], y[test]))


def task_from(text: Text) -> Task:
    """The problem of a text, and the model at x = 0."""
    problem = fb.problems.LearnToRegularize(text.X, text.y, text.X_val, text.y_val)
    # The penalties add at most exp(BOUND) / (d C) to the curvature of the loss, which is largest
    # at W = 0.
    curvature = curvature_range(problem, problem.x0 - BOUND, problem.y0)[1]
    curvature += math.exp(BOUND) / problem.n_y
    task = Task(problem, text, curvature, problem.y0)
    return task._replace(start=retrained(task, problem.x0))


def retrained(task: Task, x: np.ndarray) -> np.ndarray:
    """The model at x: accelerated gradient steps on the full data from 0 (Nesterov)."""
    problem = task.problem
    y = problem.y0.copy()
    ahead = y
    for k in range(RETRAINING):
        new = ahead - problem.grad_lower_y(x, ahead) / task.curvature
        ahead = new + k / (k + 3) * (new - y)
        y = new.astype(problem.dtype)
    return y
