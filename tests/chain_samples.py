"""Both outcomes of the coin of an oracle over a chain."""

import numpy as np


def outcomes(oracle, x, y, count=200):
    """The two vectors that single samples give where a coordinate is hidden, dark one first."""
    seen = np.unique([oracle(x, y, rows=[i]) for i in range(count)], axis=0)
    assert len(seen) == 2
    return sorted(seen, key=np.linalg.norm)


def mean_and_variance(pair, probability):
    """Expectation and total variance over a coin of this probability."""
    dark, light = pair
    mean = (1 - probability) * dark + probability * light
    variance = (1 - probability) * np.sum((dark - mean) ** 2)
    return mean, variance + probability * np.sum((light - mean) ** 2)
