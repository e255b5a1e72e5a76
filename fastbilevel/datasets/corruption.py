"""Labels made wrong on purpose, so that finding them can be scored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastbilevel._checks import frames
from fastbilevel._checks.arrays import to_array
from fastbilevel._checks.labels import check_labels
from fastbilevel._checks.values import check_number, check_seed


def corrupt_labels(
    y: ArrayLike, rate: float, seed: int | np.random.Generator | None = 0
) -> tuple[Any, Any]:
    """Replace a share of the labels by another class.

    Exactly `round(rate * n)` rows are chosen without replacement; each gets one of the other
    classes, all with the same probability, so that no replaced label is right by chance.

    Parameters
    ----------
    y : array_like, shape (n,)
        Labels of any kind, none missing, at least two classes. Not modified.
    rate : float
        Share of labels to replace, 0 <= rate <= 1.
    seed : int, Generator or None
        Argument of `numpy.random.default_rng`. The same seed gives the same labels.

    Returns
    -------
    noisy : ndarray or Series, shape (n,)
        The labels, in the dtype of `y`; a Series with the index of `y` if that is one.
    corrupted : ndarray or Series of bool, shape (n,)
        True where the label was replaced.
    """
    labels = to_array("y", y)
    check_labels("y", labels)
    rate = check_number("rate", rate, least=0, most=1)
    classes, codes = np.unique(labels, return_inverse=True)
    if classes.size < 2:
        raise ValueError(
            f"y holds {classes.size} class(es); at least 2 are needed to replace a label by "
            "another class."
        )
    rng = np.random.default_rng(check_seed("seed", seed))
    chosen = rng.permutation(labels.size)[: round(rate * labels.size)]
    # A step of 1..C-1 around the circle of classes never comes back to the class it left.
    steps = rng.integers(1, classes.size, size=chosen.size)
    noisy = labels.copy()
    noisy[chosen] = classes[(codes[chosen] + steps) % classes.size]
    corrupted = np.zeros(labels.size, dtype=bool)
    corrupted[chosen] = True
    index = frames.index_of(y)
    dtype = None if index is None else getattr(y, "dtype", None)
    return frames.with_index(index, noisy, dtype), frames.with_index(index, corrupted)
