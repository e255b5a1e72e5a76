"""Files in svmlight / libsvm format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from fastbilevel._checks.matrices import check_dtype
from fastbilevel._checks.values import check_integer, check_path

from .digits import Labelled


def load_svmlight(
    path: str | Path, *, n_features: int | None = None, dtype: DTypeLike = np.float64
) -> Labelled:
    """Read a file in svmlight / libsvm format, plain or compressed (.gz, .bz2).

    The parsing is scikit-learn's, so the extra must be there: `pip install "fastbilevel[sklearn]"`.

    Parameters
    ----------
    path : str or Path
        Lines `label index:value index:value ...`; indices from 0 or from 1, found out from the
        file (a file without index 0 counts from 1).
    n_features : int, optional
        Number of columns; needed when a second file of the same data is read. By default the
        largest index of the file.
    dtype : float32 or float64
        Type of the entries.

    Returns
    -------
    Labelled
        `X` csr_matrix (n, n_features), `y` float64 (n,).
    """
    file = check_path("path", path)
    n_features = None if n_features is None else check_integer("n_features", n_features, 1)
    dtype = check_dtype(dtype)
    if not file.is_file():
        raise FileNotFoundError(f"path is {str(path)!r}, which is no file; give an svmlight file.")
    try:
        from sklearn.datasets import load_svmlight_file
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "load_svmlight needs scikit-learn, which is not installed; "
            'run: pip install "fastbilevel[sklearn]"',
            name=error.name,
        ) from error
    X, y = load_svmlight_file(str(file), n_features=n_features, dtype=dtype)
    return Labelled(X, y)
