"""F2SA in plain float64 NumPy: what the JAX loops are tested against."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .numpy_float64 import residual
from .setting import Block


class F2SASetting(NamedTuple):
    """Constants of F2SA with lr_z = lambda lr_y; lambda_k is ``penalty + k penalty_increment``."""

    penalty: float
    penalty_increment: float
    lr_z: float
    lr_x: float

    def penalties(self, iterations: int) -> np.ndarray:
        """lambda_k for k < `iterations`, (iterations,) float64."""
        return self.penalty + self.penalty_increment * np.arange(iterations)


class LearnedPenalty:
    """g = mean CE(train) + mean(exp(x_i) W_ic^2)/2, f = mean CE(validation); z and y are (d, C)."""

    def __init__(
        self,
        train: list[Block],
        val: list[Block],
        W0: np.ndarray,
        x0: np.ndarray,
        setting: F2SASetting,
    ) -> None:
        self.train, self.val, self.setting = train, val, setting
        self.z, self.y, self.x = W0.astype(float), W0.astype(float), x0.astype(float)

    def iterate(self, plan: np.ndarray, penalty: float) -> None:
        """One outer iteration; a row of `plan` (K, 3) has the blocks of G at z, G at y and F."""
        s = self.setting
        decay = np.exp(self.x)[:, None] / self.z.size
        for blocks in plan:
            (A, a), (B, b) = self.train[blocks[0]], self.train[blocks[1]]
            V, v = self.val[blocks[2]]
            self.z = self.z - s.lr_z * (A.T @ residual(A, a, self.z)[0] / a.size + decay * self.z)
            lower = B.T @ residual(B, b, self.y)[0] / b.size + decay * self.y
            upper = V.T @ residual(V, v, self.y)[0] / v.size
            self.y = self.y - s.lr_z / penalty * (upper + penalty * lower)
        difference = (self.y**2 - self.z**2).sum(axis=1)
        self.x = self.x - s.lr_x * penalty * decay[:, 0] * difference / 2
