"""F2SA-p in plain float64 NumPy: what every competitor is tested against."""

from __future__ import annotations

import numpy as np

from .setting import Block, Setting


def residual(X: np.ndarray, y: np.ndarray, W: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """softmax(X W) - onehot(y), and the cross-entropy of each row."""
    Z = X @ W
    Z = Z - Z.max(axis=1, keepdims=True)
    P = np.exp(Z)
    total = P.sum(axis=1, keepdims=True)
    rows = np.arange(y.size)
    losses = np.log(total[:, 0]) - Z[rows, y]
    P /= total
    P[rows, y] -= 1.0
    return P, losses


class LearnedPenalty:
    """g = mean CE(train) + mean(exp(x_i) W_ic^2)/2, f = mean CE(validation)."""

    def __init__(
        self, train: list[Block], val: list[Block], W0: np.ndarray, x0: np.ndarray, setting: Setting
    ) -> None:
        self.train, self.val, self.setting = train, val, setting
        self.W = np.repeat(W0[None].astype(float), setting.offsets.size, axis=0)
        self.x = x0.astype(float)

    def iterate(self, plan: np.ndarray) -> None:
        s = self.setting
        penalty = np.exp(self.x)[:, None] / self.W[0].size
        for j, weight in enumerate(s.weights):
            for lower, upper in plan:
                (A, a), (B, b) = self.train[lower], self.val[upper]
                gradient = A.T @ residual(A, a, self.W[j])[0] / a.size
                gradient = gradient + weight / b.size * (B.T @ residual(B, b, self.W[j])[0])
                self.W[j] -= s.lr_y * (gradient + penalty * self.W[j])
        squares = np.tensordot(s.coefficients, (self.W**2).sum(axis=2), 1)
        phi = penalty[:, 0] * squares / (2 * s.nu)
        self.x -= s.lr_x * phi / np.linalg.norm(phi)

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        return self.x, self.W


class Cleaning:
    """g = mean sigmoid(x_i) CE_i(train) + reg |W|^2, f = mean CE(validation), on dense blocks.

    Row i of training block b is row ``b * batch + i`` of x.
    """

    def __init__(
        self,
        train: list[Block],
        val: list[Block],
        W0: np.ndarray,
        x0: np.ndarray,
        setting: Setting,
        reg: float,
    ) -> None:
        self.train, self.val, self.setting, self.reg = train, val, setting, reg
        self.W = np.repeat(W0[None].astype(float), setting.offsets.size, axis=0)
        self.x = x0.astype(float)

    def _rows(self, block: int) -> slice:
        batch = self.train[0][1].size
        return slice(block * batch, (block + 1) * batch)

    def iterate(self, plan: np.ndarray, outer: int) -> None:
        s = self.setting
        weight_of_row = 1.0 / (1.0 + np.exp(-self.x))
        for j, weight in enumerate(s.weights):
            for lower, upper in plan:
                (A, a), (B, b) = self.train[lower], self.val[upper]
                trusted = weight_of_row[self._rows(lower), None] * residual(A, a, self.W[j])[0]
                gradient = A.T @ trusted / a.size
                gradient = gradient + weight / b.size * (B.T @ residual(B, b, self.W[j])[0])
                self.W[j] -= s.lr_y * (gradient + 2 * self.reg * self.W[j])
        A, a = self.train[outer]
        losses = np.array([residual(A, a, W)[1] for W in self.W])
        sigmoid = weight_of_row[self._rows(outer)]
        slope = sigmoid * (1.0 - sigmoid) / a.size
        phi = slope * (s.coefficients @ losses) / s.nu
        self.x[self._rows(outer)] -= s.lr_x * phi / np.linalg.norm(phi)

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        return self.x, self.W
