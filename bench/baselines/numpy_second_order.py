"""Seven second-order methods in plain float64 NumPy: what their competitors are tested against.

A problem has exact derivatives on blocks of consecutive rows; W is (d, C) and F_x is 0. A method is
a function ``method(problem, steps, draws)`` that returns x and W after the outer iterations for
which `draws` has block numbers: `Draws` for all but VRBO, pairs of lists of `Draw` for VRBO.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

Side = tuple[np.ndarray, np.ndarray]
Result = tuple[np.ndarray, np.ndarray]


class Draw(NamedTuple):
    """Block numbers of one outer iteration, or of one estimate.

    Attributes
    ----------
    lower : int or sequence of int
        Of the lower gradients; in the SOBA family of all lower quantities.
    upper : int
        Of F_y.
    linear : sequence of int
        One for each Hessian-vector product of the linear solver.
    cross : int
        Of the cross product.
    """

    lower: Any
    upper: int
    linear: Sequence[int] = ()
    cross: int = 0


class Constants(NamedTuple):
    """Step sizes and constants; a method reads those that it knows."""

    lr_y: float
    lr_x: float
    lr_v: float = 0.0
    neumann_lr: float = 0.0
    momentum: float = 1.0
    lower_momentum: float = 1.0


def probabilities(Z: np.ndarray) -> np.ndarray:
    """Softmax of each row."""
    P = np.exp(Z - Z.max(axis=1, keepdims=True))
    return P / P.sum(axis=1, keepdims=True)


class Regression:
    """Softmax regression with weights s(x_i) of rows and a penalty 1/2 sum p_i(x) W_ic^2."""

    def __init__(self, train: Side, val: Side, batch: int, x0: np.ndarray) -> None:
        self.train, self.val, self.batch, self.x0 = train, val, batch, x0
        self.C = int(train[1].max()) + 1
        self.W0 = np.zeros((train[0].shape[1], self.C))

    def rows(self, block: int) -> slice:
        return slice(block * self.batch, (block + 1) * self.batch)

    def trust(self, x: np.ndarray, block: int) -> Any:
        """Weights of the rows of a block, (batch, 1)."""
        return 1.0

    def decay(self, x: np.ndarray) -> Any:
        """p(x), (d, 1)."""
        raise NotImplementedError

    def J(self, x: np.ndarray, W: np.ndarray, V: np.ndarray, block: int) -> np.ndarray:
        """G_xy V."""
        raise NotImplementedError

    def at(self, side: Side, block: int, W: np.ndarray) -> tuple[np.ndarray, ...]:
        """Rows, probabilities and residuals of a block."""
        X, y = (array[self.rows(block)] for array in side)
        P = probabilities(X @ W)
        return X, P, P - np.eye(self.C)[y]

    def F(self, W: np.ndarray, block: int) -> np.ndarray:
        """F_y."""
        X, _, R = self.at(self.val, block, W)
        return X.T @ R / len(X)

    def G(self, x: np.ndarray, W: np.ndarray, block: int) -> np.ndarray:
        """G_y."""
        X, _, R = self.at(self.train, block, W)
        return X.T @ (self.trust(x, block) * R) / len(X) + self.decay(x) * W

    def H(self, x: np.ndarray, W: np.ndarray, V: np.ndarray, block: int) -> np.ndarray:
        """G_yy V."""
        X, P, _ = self.at(self.train, block, W)
        U = X @ V
        S = P * (U - (P * U).sum(axis=1, keepdims=True))
        return X.T @ (self.trust(x, block) * S) / len(X) + self.decay(x) * V


class LearnedPenalty(Regression):
    """g = mean CE + mean(exp(x_i) W_ic^2)/2."""

    def decay(self, x: np.ndarray) -> np.ndarray:
        return np.exp(x)[:, None] / self.W0.size

    def J(self, x: np.ndarray, W: np.ndarray, V: np.ndarray, block: int) -> np.ndarray:
        return (self.decay(x) * W * V).sum(axis=1)


class Cleaning(Regression):
    """g = mean sigmoid(x_i) CE_i + reg |W|^2."""

    def __init__(self, *arguments: Any, reg: float) -> None:
        super().__init__(*arguments)
        self.reg = reg

    def trust(self, x: np.ndarray, block: int) -> np.ndarray:
        return 1 / (1 + np.exp(-x[self.rows(block), None]))

    def decay(self, x: np.ndarray) -> float:
        return 2 * self.reg

    def J(self, x: np.ndarray, W: np.ndarray, V: np.ndarray, block: int) -> np.ndarray:
        X, _, R = self.at(self.train, block, W)
        trust, out = self.trust(x, block)[:, 0], np.zeros_like(x)
        out[self.rows(block)] = trust * (1 - trust) * (R * (X @ V)).sum(axis=1) / len(X)
        return out


def soba(p: Regression, s: Constants, draws: Iterable[Draw]) -> Result:
    """All directions at the old point; v approaches -G_yy^-1 F_y."""
    x, y, v = p.x0, p.W0, p.W0
    for i, j, *_ in draws:
        G, H, J = p.G(x, y, i), p.H(x, y, v, i) + p.F(y, j), p.J(x, y, v, i)
        x, y, v = x - s.lr_x * J, y - s.lr_y * G, v - s.lr_v * H
    return x, y


def saba(p: Regression, s: Constants, draws: Iterable[Draw]) -> Result:
    """SAGA tables, zeros at first, of blocks of one size."""
    x, y, v = p.x0, p.W0, p.W0
    n, m = (side[1].size // p.batch for side in (p.train, p.val))
    tables = [np.zeros((n, x.size)), *(np.zeros((blocks, *y.shape)) for blocks in (n, n, m))]
    for i, j, *_ in draws:
        new = p.J(x, y, v, i), p.G(x, y, i), p.H(x, y, v, i), p.F(y, j)
        directions = []
        for table, entry, block in zip(tables, new, (i, i, i, j), strict=True):
            directions.append(entry - table[block] + table.mean(axis=0))
            table[block] = entry
        J, G, H, F = directions
        x, y, v = x - s.lr_x * J, y - s.lr_y * G, v - s.lr_v * (H + F)
    return x, y


def ma_soba(p: Regression, s: Constants, draws: Iterable[Draw]) -> Result:
    """x moves along the old average h."""
    x, y, v, h = p.x0, p.W0, p.W0, np.zeros_like(p.x0)
    for i, j, *_ in draws:
        G, H, J = p.G(x, y, i), p.H(x, y, v, i) - p.F(y, j), p.J(x, y, v, i)
        x, y, v = x - s.lr_x * h, y - s.lr_y * G, v - s.lr_v * H
        h = (1 - s.momentum) * h - s.momentum * J
    return x, y


def _descend(
    p: Regression, s: Constants, x: np.ndarray, y: np.ndarray, blocks: Iterable[int]
) -> np.ndarray:
    for block in blocks:
        y = y - s.lr_y * p.G(x, y, block)
    return y


def _hypergradient(
    p: Regression, s: Constants, x: np.ndarray, y: np.ndarray, draw: Draw
) -> np.ndarray:
    """-G_xy v with v = eta sum_q (I - eta G_yy)^q F_y."""
    r = p.F(y, draw.upper)
    total = r.copy()
    for block in draw.linear:
        r = r - s.neumann_lr * p.H(x, y, r, block)
        total += r
    return -p.J(x, y, s.neumann_lr * total, draw.cross)


def stocbio(p: Regression, s: Constants, draws: Iterable[Draw]) -> Result:
    """Lower steps, a Neumann sum, a step of x."""
    x, y = p.x0, p.W0
    for draw in draws:
        y = _descend(p, s, x, y, draw.lower)
        x = x - s.lr_x * _hypergradient(p, s, x, y, draw)
    return x, y


def amigo(p: Regression, s: Constants, draws: Iterable[Draw]) -> Result:
    """Lower steps, steps on the linear system from the old v, a step of x."""
    x, y, v = p.x0, p.W0, p.W0
    for draw in draws:
        y = _descend(p, s, x, y, draw.lower)
        F = p.F(y, draw.upper)
        for block in draw.linear:
            v = v - s.lr_v * (p.H(x, y, v, block) - F)
        x = x + s.lr_x * p.J(x, y, v, draw.cross)
    return x, y


def mrbo(p: Regression, s: Constants, draws: Iterable[Draw]) -> Result:
    """STORM on both levels, the first estimates plain."""
    x, y = old = p.x0, p.W0
    v: Any = 0.0
    u: Any = 0.0
    for k, draw in enumerate(draws):
        h, G = _hypergradient(p, s, x, y, draw), p.G(x, y, draw.lower)
        if k:
            h = h + (1 - s.momentum) * (v - _hypergradient(p, s, *old, draw))
            G = G + (1 - s.lower_momentum) * (u - p.G(*old, draw.lower))
        old, v, u = (x, y), h, G
        x, y = x - s.lr_x * v, y - s.lr_y * u
    return x, y


def vrbo(
    p: Regression, s: Constants, draws: Iterable[tuple[Sequence[Draw], Sequence[Draw]]]
) -> Result:
    """SPIDER on both levels; the first draws, if any, make the estimates anew.

    The last of the others corrects them at the last y, without a step.
    """
    x, y = p.x0, p.W0
    v: Any = 0.0
    u: Any = 0.0
    for refresh, inner in draws:
        if refresh:
            v = sum(_hypergradient(p, s, x, y, draw) for draw in refresh) / len(refresh)
            u = sum(p.G(x, y, draw.lower) for draw in refresh) / len(refresh)
        old, x = (x, y), x - s.lr_x * v
        for t, draw in enumerate(inner, 1):
            v = v + _hypergradient(p, s, x, y, draw) - _hypergradient(p, s, *old, draw)
            u = u + p.G(x, y, draw.lower) - p.G(*old, draw.lower)
            old = x, y
            if t < len(inner):
                y = y - s.lr_y * u
    return x, y


METHODS = {
    "soba": soba,
    "saba": saba,
    "ma-soba": ma_soba,
    "stocbio": stocbio,
    "amigo": amigo,
    "mrbo": mrbo,
    "vrbo": vrbo,
}
