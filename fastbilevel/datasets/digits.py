"""The handwritten digits that ship with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

GREY_LEVELS = 16


class Labelled(NamedTuple):
    """Rows and their labels; unpacks as `X, y`.

    Attributes
    ----------
    X : ndarray or csr_matrix, shape (n, d)
        One row per sample.
    y : ndarray, shape (n,)
        One label per row.
    """

    X: Any
    y: np.ndarray


def load_digits() -> Labelled:
    """Handwritten digits: 1,797 images of 8 x 8 pixels, ten classes.

    The data are the test part of "Optical Recognition of Handwritten Digits" by E. Alpaydin and
    C. Kaynak, UCI Machine Learning Repository, https://doi.org/10.24432/C50P49, licence CC BY 4.0.
    Nothing is downloaded.

    Returns
    -------
    Labelled
        `X` float64 (1797, 64) in [0, 1] (the grey levels 0..16 divided by 16), `y` int64 (1797,)
        in 0..9. Both are fresh copies.
    """
    with np.load(Path(__file__).with_name("digits.npz"), allow_pickle=False) as stored:
        return Labelled(stored["X"] / GREY_LEVELS, stored["y"].astype(np.int64))
