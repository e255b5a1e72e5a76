"""Slopes in log-log plots, with confidence intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


@dataclass(frozen=True)
class Slope:
    """Exponent b of y ~ a x^b.

    Attributes
    ----------
    value : float
    low, high : float
        Ends of the confidence interval.
    factor : float
        a.
    points : int
        How many points were fitted.
    """

    value: float
    low: float
    high: float
    factor: float
    points: int

    def __str__(self) -> str:
        # Adding 0 turns -0.0 into 0.0.
        value, low, high = (round(v, 2) + 0.0 for v in (self.value, self.low, self.high))
        return f"{value:.2f} ({low:.2f} to {high:.2f})"

    def __contains__(self, exponent: float) -> bool:
        return self.low <= exponent <= self.high

    def line(self, x: ArrayLike) -> np.ndarray:
        """a x^b."""
        return self.factor * np.asarray(x, float) ** self.value


def log_log_slope(x: ArrayLike, y: ArrayLike, confidence: float = 0.95) -> Slope:
    """Least squares fit of log y = log a + b log x.

    The interval is that of Student's t for independent, equal, normal errors of log y. Where the
    points deviate from a line by more than chance, as those of a law that holds in the limit only,
    it says how well they are described by a line, not where the limit is.

    Parameters
    ----------
    x, y : array_like, (n,), positive, n >= 3
    confidence : float
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if x.shape != y.shape or x.ndim != 1 or x.size < 3:
        raise ValueError(
            f"x and y must be vectors of one length of at least 3; got shapes {x.shape} and "
            f"{y.shape}."
        )
    if not (np.all(x > 0) and np.all(y > 0) and np.all(np.isfinite(x * y))):
        raise ValueError("x and y must be positive and finite; leave out points that are 0.")
    fit = stats.linregress(np.log(x), np.log(y))
    half = stats.t.ppf((1 + confidence) / 2, x.size - 2) * fit.stderr
    return Slope(
        float(fit.slope),
        float(fit.slope - half),
        float(fit.slope + half),
        float(np.exp(fit.intercept)),
        x.size,
    )
