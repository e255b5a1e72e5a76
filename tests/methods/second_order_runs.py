"""Runs of the second-order methods step by step, and their estimates on quadratic problems."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import fastbilevel as fb


class Moment(NamedTuple):
    """What a run shows after an outer iteration; `calls` counts from its beginning."""

    x: np.ndarray
    y: np.ndarray
    direction: np.ndarray
    calls: dict[str, int]


def moments(problem: Any, x0: Any = None, y0: Any = None, **arguments: Any) -> list[Moment]:
    """The moments after every outer iteration of one run; `arguments` go to `minimize`."""
    seen = []

    def note(intermediate_result: Any) -> None:
        r = intermediate_result
        seen.append(Moment(r.x_last.copy(), r.y_last.copy(), r.jac.copy(), dict(r.oracle_calls)))

    fb.minimize(problem, x0, y0, record_every=1, callback=note, **arguments)
    return seen


class Quadratics(NamedTuple):
    """Means of the coefficients of a quadratic problem: g = y'Hy/2 - y'(Bx + b), J = -B',
    f = y'Fy/2 + c'y + x'Rx/2."""

    H: np.ndarray
    B: np.ndarray
    F: np.ndarray
    c: np.ndarray
    b: np.ndarray
    R: np.ndarray

    @classmethod
    def of(cls, problem: Any) -> Quadratics:
        return cls(*problem._means())

    def upper_y(self, y: np.ndarray) -> np.ndarray:
        """f_y."""
        return self.F @ y + self.c

    def lower_y(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """g_y."""
        return self.H @ y - self.B @ x - self.b

    def estimate(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """f_x - J v."""
        return self.R @ x + self.B.T @ v

    def power(self, lr: float, p: int) -> np.ndarray:
        """(I - lr H)^p."""
        return np.linalg.matrix_power(np.eye(len(self.H)) - lr * self.H, p)

    def neumann(self, lr: float, Q: int) -> np.ndarray:
        """lr sum over q = 0, ..., Q of (I - lr H)^q, which stands for the inverse of H."""
        return lr * np.sum([self.power(lr, q) for q in range(Q + 1)], axis=0)

    def rest(self, inverse: np.ndarray) -> np.ndarray:
        """The x at which R x + B' inverse (F y*(x) + c) vanishes, y* = H^-1 (B x + b)."""
        solve = np.linalg.solve
        slope = self.R + self.B.T @ inverse @ self.F @ solve(self.H, self.B)
        return -solve(slope, self.B.T @ inverse @ self.upper_y(solve(self.H, self.b)))
