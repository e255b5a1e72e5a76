"""Gradient estimators that average: the moving average of MA-SOBA and the tables of SAGA."""

from __future__ import annotations

import numpy as np


def moving_average(h, new, weight):
    """``h <- (1 - weight) h + weight new`` (MA-SOBA, Algorithm 1).

    Parameters
    ----------
    h : (n,) float array
        Average, changed in place.
    new : (n,) float array
    weight : float
        theta in (0, 1].
    """
    h[:] = (1.0 - weight) * h.astype(np.float64) + weight * new.astype(np.float64)


def saga(new, row, average, weight):
    """SAGA's direction from the gradient of one block, and the entry of that block in the table.

    ``new, row, average <- new - row + average, new, average + weight (new - row)``, all from the
    old values (SABA, Algorithm 1). The average stays the mean of the table's rows, weighted by the
    shares of their blocks.

    Parameters
    ----------
    new : (n,) float array
        Gradient of the block; changed into the direction.
    row : (n,) float array
        Gradient of the block when it was last drawn, overwritten.
    average : (n,) float array
        Changed in place.
    weight : float
        Rows of the block over all rows.
    """
    gradient = new.astype(np.float64)
    change = gradient - row
    row[:] = gradient
    new[:] = change + average
    average[:] = average + weight * change
