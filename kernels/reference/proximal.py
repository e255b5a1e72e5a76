"""Steps of the proximal-smoothing methods Prox-F2SA and Prox-F3SA."""

from __future__ import annotations

import numpy as np

from .projection import project


def proximal_step(y, previous, center, rate, kind, a, b):
    """The proximal term and the projection of a step: ``y <- P(y - rate (previous - center))``.

    After ``y <- y - gamma grad`` and with rate = gamma / rho this completes
    ``y <- P_Y(y - gamma (grad + (y - center) / rho))``.

    Parameters
    ----------
    y : (n,) float array
        Changed in place.
    previous : (n,) float array
        y before the gradient step.
    center : (n,) float array
    rate : float
    kind, a, b : int and float arrays
        The set that P projects onto, see `projection.project`.
    """
    y[:] = (y - rate * (previous.astype(np.float64) - center)).astype(y.dtype)
    project(y, kind, a, b)


def smooth(center, y, smoothing):
    """Move a proximal centre: ``center <- (1 - smoothing) center + smoothing y``.

    Parameters
    ----------
    center, y : (n,) float arrays
        `center` is changed in place.
    smoothing : float
        beta in [0, 1].
    """
    mean = (1.0 - smoothing) * center.astype(np.float64) + smoothing * y.astype(np.float64)
    center[:] = mean.astype(center.dtype)
