"""The text benchmarks' setting: F2SA-p on 20 Newsgroups, one penalty per feature.

K = 10 inner steps on blocks of 1,000 rows, nu = 0.1, steps 100 and 0.1, everything started at 0.
"""

from __future__ import annotations

import importlib
import statistics
from typing import Any

import numpy as np

import fastbilevel as fb

from .baselines.setting import Block, cut_blocks, setting_of
from .data import Text
from .ours import Stepper, drawn_blocks

BATCH, SEED = 1000, 0
OPTIONS = {"nu": 0.1, "inner_steps": 10, "lr_y": 100.0, "lr_x": 0.1}
COMPETITORS = {
    "torch_autograd": "torch autograd, COO",
    "scipy_wide": "SciPy CSR, one wide product",
    "torch_csr": "torch CSR, by hand",
}


def our_run(
    text: Text, order: int, count: int, dtype: type = np.float32, n_threads: int = 1
) -> Stepper:
    """Our solver, `count` outer iterations at a time."""
    problem = fb.problems.LearnToRegularize(
        text.X.astype(dtype), text.y, text.X_val.astype(dtype), text.y_val
    )
    return Stepper(
        problem,
        count,
        method="f2sa-p",
        order=order,
        batch_size=BATCH,
        val_batch_size=BATCH,
        sampling="blocks",
        seed=SEED,
        n_threads=n_threads,
        **OPTIONS,
    )


class Competitors:
    """The competitors on the fixed blocks that our solver cuts, and the blocks that it draws."""

    def __init__(self, text: Text, iterations: int) -> None:
        sizes = (text.y.size, text.y_val.size)
        (lower, upper), self.plans, _ = drawn_blocks(
            *sizes, BATCH, SEED, iterations, OPTIONS["inner_steps"]
        )
        self.train: list[Block] = cut_blocks(text.X, text.y, lower, BATCH)
        self.val: list[Block] = cut_blocks(text.X_val, text.y_val, upper, BATCH)
        self.shape = (text.X.shape[1], int(text.y.max()) + 1)

    def make(self, name: str, order: int, **options: Any) -> Any:
        """The competitor `name` of `bench.baselines`, started at 0."""
        steps = {key: OPTIONS[key] for key in ("nu", "lr_y", "lr_x")}
        start = np.zeros(self.shape, np.float32), np.zeros(self.shape[0], np.float32)
        module = importlib.import_module(f".baselines.{name}", __package__)
        setting = setting_of(order, **steps)
        return module.LearnedPenalty(self.train, self.val, *start, setting, **options)


def nearest_mean(W: np.ndarray) -> np.ndarray:
    """Mean of the iterates of the offsets -1 and 1 (our y); W (p, d, C) sorted by offset."""
    middle = W.shape[0] // 2
    return W[middle - 1 : middle + 1].mean(axis=0)


def loss_and_accuracy(X: Any, y: np.ndarray, W: np.ndarray) -> tuple[float, float]:
    """Mean cross-entropy and accuracy of the linear model W, in float64."""
    Z = X.astype(np.float64) @ W.astype(np.float64)
    shift = Z.max(axis=1)
    losses = np.log(np.exp(Z - shift[:, None]).sum(axis=1)) + shift - Z[np.arange(y.size), y]
    return float(losses.mean()), statistics.fmean(Z.argmax(axis=1) == y)
