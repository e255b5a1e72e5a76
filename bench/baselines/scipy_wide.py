"""F2SA-p in SciPy: CSR blocks, transposes made once, all offsets side by side in one product."""

from __future__ import annotations

import numpy as np

from .setting import Block, Setting


class LearnedPenalty:
    """Learn one penalty per feature, gradients written by hand; W is kept as (d, q C)."""

    def __init__(
        self, train: list[Block], val: list[Block], W0: np.ndarray, x0: np.ndarray, setting: Setting
    ) -> None:
        self.train, self.val = ([(X, X.T.tocsr(), y) for X, y in side] for side in (train, val))
        self.setting, self.q, self.C = setting, setting.offsets.size, W0.shape[1]
        self.W = np.tile(W0, self.q)
        self.x = x0.copy()
        self.weights = setting.weights.astype(W0.dtype)

    def descend(self, block: tuple, weights: np.ndarray) -> np.ndarray:
        """lr_y times the gradients of the weighted mean cross-entropies, (d, q C)."""
        X, X_transposed, y = block
        Z = (X @ self.W).reshape(y.size, self.q, self.C)
        Z -= Z.max(axis=2, keepdims=True)
        np.exp(Z, out=Z)
        Z /= Z.sum(axis=2, keepdims=True)
        Z[np.arange(y.size), :, y] -= 1
        Z *= (weights * (self.setting.lr_y / y.size)).astype(Z.dtype)[:, None]
        return X_transposed @ Z.reshape(y.size, -1)

    def iterate(self, plan: np.ndarray) -> None:
        s, d, W = self.setting, self.x.size, self.W
        penalty = np.exp(self.x) / (d * self.C)
        keep = (1 - s.lr_y * penalty)[:, None]
        ones = np.ones_like(self.weights)
        for lower, upper in plan:
            step = self.descend(self.train[lower], ones)
            step += self.descend(self.val[upper], self.weights)
            W *= keep
            W -= step
        squares = np.square(W, dtype=np.float64).reshape(d, self.q, self.C).sum(axis=2)
        phi = penalty * (squares @ s.coefficients) / (2 * s.nu)
        self.x -= (s.lr_x * phi / np.linalg.norm(phi)).astype(self.x.dtype)

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        return self.x, self.W.reshape(-1, self.q, self.C).transpose(1, 0, 2)
