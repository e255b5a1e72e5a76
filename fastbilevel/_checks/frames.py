"""pandas objects as arrays; pandas is not imported to find out whether there are any."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import scipy.sparse as sp


def _pandas() -> Any:
    return sys.modules.get("pandas")


def is_frame(value: Any) -> bool:
    """True for a DataFrame."""
    pandas = _pandas()
    return pandas is not None and isinstance(value, pandas.DataFrame)


def is_series(value: Any) -> bool:
    """True for a Series, an Index, or an array of pandas."""
    pandas = _pandas()
    return pandas is not None and isinstance(
        value, pandas.Series | pandas.Index | pandas.api.extensions.ExtensionArray
    )


def index_of(value: Any) -> Any:
    """The index of a frame or a series; None if there is none."""
    pandas = _pandas()
    known = pandas is not None and isinstance(value, pandas.DataFrame | pandas.Series)
    return value.index if known else None


def with_index(index: Any, values: np.ndarray, dtype: Any = None) -> Any:
    """`values` as a Series with this index; as they are if it is None."""
    return values if index is None else _pandas().Series(values, index=index, dtype=dtype)


def categories_of(value: Any) -> Any:
    """The categories of a categorical series in their order, as an array; None for all others."""
    if not is_series(value) or not isinstance(value.dtype, _pandas().CategoricalDtype):
        return None
    return np.asarray(value.dtype.categories)


def _numpy_dtype(dtype: Any) -> np.dtype:
    """What the numbers of a column are for NumPy; object if they are none."""
    if isinstance(dtype, np.dtype):
        return dtype
    inner = getattr(dtype, "numpy_dtype", object)
    if isinstance(dtype, _pandas().SparseDtype):
        inner = dtype.subtype
    return np.dtype(inner) if isinstance(inner, np.dtype) else np.dtype(object)


def series_to_array(series: Any) -> np.ndarray:
    """The elements; missing numbers as NaN, other missing elements as they are."""
    dtype = series.dtype
    if isinstance(dtype, np.dtype | _pandas().SparseDtype | _pandas().CategoricalDtype):
        return np.asarray(series)
    kind = _numpy_dtype(dtype)
    if kind.kind not in "biuf":
        return np.asarray(series, dtype=object)
    if not series.isna().any():
        return series.to_numpy(dtype=kind)
    floats = kind if kind.kind == "f" else np.dtype(np.float64)
    return series.to_numpy(dtype=floats, na_value=np.nan)


def _check_columns(name: str, frame: Any) -> None:
    """Raise unless all columns hold real numbers."""
    for column, dtype in zip(frame.columns, frame.dtypes, strict=True):
        if _numpy_dtype(dtype).kind not in "biuf":
            raise TypeError(
                f"{name} must hold real numbers; its column {column!r} has dtype {dtype}. Convert "
                "numbers with .astype(float), encode categories (for example with "
                "pandas.get_dummies), or leave the column out."
            )


def check_same_columns(X: Any, Xv: Any) -> None:
    """Raise if two frames name their columns differently, or in another order."""
    if is_frame(X) and is_frame(Xv) and not X.columns.equals(Xv.columns):
        same = sorted(map(str, X.columns)) == sorted(map(str, Xv.columns))
        way = " They are in another order: pass Xv[X.columns]." if same else ""
        raise ValueError(
            f"Xv must have the columns of X, which begin with {list(X.columns)[:5]}; those of Xv "
            f"begin with {list(Xv.columns)[:5]}.{way}"
        )


def frame_to_array(name: str, frame: Any) -> np.ndarray:
    """A frame of numbers as one array, of the dtype that its columns need together."""
    _check_columns(name, frame)
    if len({*frame.dtypes}) < 2 and all(isinstance(d, np.dtype) for d in frame.dtypes):
        return np.asarray(frame)
    columns = [series_to_array(frame.iloc[:, i]) for i in range(frame.shape[1])]
    array = np.empty(frame.shape, np.result_type(*columns), order="F")
    for i, column in enumerate(columns):
        array[:, i] = column
    return array


def is_sparse_frame(value: Any) -> bool:
    """True for a frame with a sparse column."""
    return is_frame(value) and any(isinstance(d, _pandas().SparseDtype) for d in value.dtypes)


def sparse_frame_to_csr(name: str, frame: Any) -> sp.csr_array:
    """A frame with sparse columns as a CSR array; nothing is made dense.

    Raises
    ------
    ValueError
        If a column is filled with something else than 0.
    """
    _check_columns(name, frame)
    rows, values = [], []
    for i, (column, dtype) in enumerate(frame.dtypes.items()):
        series = frame.iloc[:, i]
        if isinstance(dtype, _pandas().SparseDtype):
            if dtype.fill_value != 0:
                raise ValueError(
                    f"{name} has a sparse column {column!r} whose fill value is "
                    f"{dtype.fill_value!r}; it must be 0."
                )
            found = series.array.sp_index.to_int_index().indices, series.array.sp_values
        else:
            dense = frame_to_array(name, frame.iloc[:, [i]]).reshape(-1)
            where = np.flatnonzero(dense)
            found = where, dense[where]
        rows.append(found[0])
        values.append(found[1])
    pointer = np.concatenate([[0], np.cumsum([row.size for row in rows])])
    entries = np.concatenate(values), np.concatenate(rows), pointer
    return sp.csc_array(entries, shape=frame.shape).tocsr()
