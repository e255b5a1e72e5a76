"""A smooth non-convex function whose gradient stays large until its last coordinate is found."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fastbilevel._arrays.dispatch import backend_of
from fastbilevel._arrays.values import Value
from fastbilevel._checks.arrays import check_vector
from fastbilevel._checks.values import check_integer, check_number

# Of the chain before scaling: Lipschitz constant of the gradient, largest partial derivative, and
# F(0) - inf F per coordinate.
LIPSCHITZ, PARTIAL, GAP = 152.0, 23.0, 12.0


class CarmonChain(Value):
    """f(x) = height F_T(x / scale), the chain from which lower bounds on non-convex descent come.

        F_T(t) = -Psi(1) Phi(t_1) + sum_{i=2}^T [Psi(-t_{i-1}) Phi(-t_i) - Psi(t_{i-1}) Phi(t_i)]

    with Psi(t) = 0 for t <= 1/2, exp(1 - 1/(2t - 1)^2) beyond, and Phi(t) = sqrt(e) times the
    integral of exp(-s^2/2) over s < t. The gradient of f is `smoothness`-Lipschitz, its largest
    partial derivative is at most `gradient_bound`, f(0) - inf f is at most `gap`, and
    ||f'(x)|| >= 2 epsilon while ``|x_T| < scale``. If only the first i coordinates of x are not
    zero, only the first i + 1 of f'(x) are: from zero at least `length` gradients are needed.

    Parameters
    ----------
    length : int
        T, the number of coordinates.
    smoothness : float
        Lipschitz constant of the gradient, L.
    epsilon : float
        Half the gradient norm that is kept up. ``scale = 304 epsilon / L`` and ``height =
        L scale^2 / 152``; with the defaults both are 1.

    Attributes
    ----------
    length : int
    smoothness, epsilon, scale, height : float
    gradient_bound : float
        46 epsilon.
    gap : float
        12 T height.

    References
    ----------
    Y. Carmon, J. Duchi, O. Hinder, A. Sidford: Lower bounds for finding stationary points I,
    Mathematical Programming 2020.

    Examples
    --------
    >>> import numpy as np, fastbilevel as fb
    >>> chain = fb.problems.hard.CarmonChain(3)
    >>> chain.gradient(np.zeros(3)).round(4) + 0.0
    array([-1.6487,  0.    ,  0.    ])
    """

    def __init__(self, length: int, smoothness: float = LIPSCHITZ, epsilon: float = 0.5):
        self.length = check_integer("length", length, 1)
        self.smoothness = check_number("smoothness", smoothness, above=0)
        self.epsilon = check_number("epsilon", epsilon, above=0)
        self.scale = 2 * LIPSCHITZ * self.epsilon / self.smoothness
        self.height = self.smoothness * self.scale**2 / LIPSCHITZ
        self.gradient_bound = 2 * PARTIAL * self.epsilon
        self.gap = GAP * self.length * self.height

    @classmethod
    def longest(cls, gap: float, smoothness: float, epsilon: float) -> CarmonChain:
        """The longest chain with f(0) - inf f <= gap: T = floor(gap L / (12 * 608 epsilon^2)).

        Parameters
        ----------
        gap, smoothness, epsilon : float

        Raises
        ------
        ValueError
            If not even one coordinate fits.
        """
        single = cls(1, smoothness, epsilon)
        length = math.floor(check_number("gap", gap, above=0) / single.gap)
        if length < 1:
            raise ValueError(
                f"gap must be at least {single.gap:.6g} with this smoothness and epsilon; got "
                f"{gap}. Take a smaller epsilon."
            )
        return cls(length, smoothness, epsilon)

    def facts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("length", "smoothness", "epsilon")}

    def value(self, x: Any) -> float:
        """f(x)."""
        out = np.empty(1)
        backend_of().chain.carmon_value(self._vector(x), self.height, self.scale, out)
        return float(out[0])

    def gradient(self, x: Any) -> np.ndarray:
        """f'(x), (length,)."""
        out = np.empty(self.length)
        backend_of().chain.carmon_gradient(self._vector(x), self.height, self.scale, out)
        return out

    def progress(self, x: Any, threshold: float = 0.25) -> int:
        """The last i with ``|x_i| >= threshold scale``, counted from 1, or 0.

        With threshold 0 the number of coordinates before the first one that is exactly zero.
        """
        threshold = check_number("threshold", threshold, least=0)
        return int(backend_of().chain.progress(self._vector(x), threshold * self.scale))

    def _vector(self, x: Any) -> np.ndarray:
        return check_vector("x", x, self.length, finite=False)
