"""The one way from what a caller calls an array to one of NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from fastbilevel._arrays.placement import fetch, is_sparse
from fastbilevel._checks import frames
from fastbilevel._checks.values import as_scalar, check_number, shown

# A float dtype that NumPy does not know as one.
BFLOAT16 = "bfloat16"
# Objects that `numpy.asarray` wraps whole.
_NO_SEQUENCE: tuple[type, ...] = (Iterator, type({}.keys()), type({}.values()))


def to_array(name: str, value: Any) -> np.ndarray:
    """`value` as a plain array, without a copy where it is one.

    Parameters
    ----------
    name : str
        What the caller knows it by.
    value : array_like
        NumPy and CuPy arrays, sequences, pandas objects (of any dtype; missing numbers become NaN),
        and whatever has ``__array__``, as polars and pyarrow have.

    Raises
    ------
    TypeError
        For masked arrays (their mask would be lost), `numpy.matrix` (its products differ), sparse
        matrices, and what is no sequence.
    """
    _refuse(name, value)
    if isinstance(value, list | tuple):
        for each in value:
            if isinstance(each, np.ma.MaskedArray):
                _refuse(name, each)
    if frames.is_series(value):
        return frames.series_to_array(value)
    if frames.is_frame(value):
        return frames.frame_to_array(name, value)
    value = fetch(value)
    if hasattr(value, "__array__") and not isinstance(value, np.ndarray | np.generic | type):
        value = value.__array__()
        _refuse(name, value)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(
            f"{name} could not be read as an array: its elements differ in length or kind."
        ) from error
    mixed = array.dtype.kind in "US" and isinstance(value, list | tuple) and array.ndim == 1
    if mixed and not all(isinstance(each, str | bytes) for each in value):
        # NumPy would turn numbers into strings.
        return np.array(value, object)
    return array


def _refuse(name: str, value: Any) -> None:
    """Raise for what `numpy.asarray` would read as something else than it means."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must not be a masked array: fill the missing values, by .filled(...)."
        )
    if isinstance(value, np.matrix):
        raise TypeError(f"{name} must not be a numpy.matrix: pass numpy.asarray({name}).")
    if sp.issparse(value) or is_sparse(value):
        raise TypeError(
            f"{name} must be a dense array; got a sparse matrix of shape {value.shape}: pass "
            f"{name}.toarray()."
        )
    if isinstance(value, dict):
        way = " Pass one of its values, .x or .y." if hasattr(value, "x") else ""
        raise TypeError(f"{name} must be an array or a sequence; got {shown(value)}.{way}")
    if isinstance(value, set | frozenset):
        raise TypeError(
            f"{name} must be an array or a sequence; got a {type(value).__name__}, which has no "
            "order."
        )
    if isinstance(value, _NO_SEQUENCE):
        raise TypeError(
            f"{name} must be an array or a sequence; got a {type(value).__name__}: pass "
            f"list(...) of it."
        )


def check_real(name: str, array: np.ndarray, kinds: str = "biuf") -> np.ndarray:
    """`array` if its dtype is one of real numbers, or a sentence that says what it holds."""
    if array.dtype.kind in kinds or array.dtype.name == BFLOAT16:
        return array
    kind, way = array.dtype.kind, ""
    first = array.reshape(-1)[0] if array.size else None
    if array.ndim == 0:
        raise TypeError(f"{name} must hold real numbers; got {shown(array.item())}.")
    if kind == "c":
        way = " Complex numbers have no order: pass the real part."
    elif kind in "SUT" or isinstance(first, str | bytes):
        way = (
            " These are strings: convert numbers with .astype(float); turn text into numbers first "
            "(for example with scikit-learn's TfidfVectorizer or OneHotEncoder)."
        )
    elif kind in "mM":
        way = " These are dates: convert them to numbers first."
    elif kind == "b":
        way = " These are booleans: convert them with .astype(float)."
    elif kind == "O":
        way = (
            f" Its elements are Python objects, the first one {shown(first)}: convert them with "
            ".astype(float)."
        )
    raise TypeError(f"{name} must hold real numbers; got dtype {array.dtype}.{way}")


def check_vector(
    name: str,
    value: Any,
    size: int | None = None,
    dtype: Any = np.float64,
    *,
    shape: tuple[int, ...] | None = None,
    finite: bool = True,
    copy: bool = True,
) -> np.ndarray:
    """`value` as a C-contiguous vector of `dtype`.

    Parameters
    ----------
    name : str
        What the caller knows it by.
    value : array_like
        Real numbers. A single number is a vector of size 1.
    size : int, optional
        Wanted number of elements; any by default, at least one.
    dtype : dtype
    shape : tuple of int, optional
        A shape, of `size` elements, in which `value` may come too.
    finite : bool
        Refuse NaN and infinity.
    copy : bool
        False gives the caller's own array where it is one already.

    Raises
    ------
    TypeError, ValueError
    """
    array = check_real(name, to_array(name, value), "fiu")
    given = array.shape
    if given == () and size in (None, 1):
        given = (1,)
    fits = given in ((size,), shape)
    if size is None:
        fits = len(given) == 1 and given[0] > 0
    if not fits:
        raise ValueError(_misshapen(name, array, size, shape))
    with np.errstate(over="ignore"):  # what overflows is found as inf below
        vector = np.array(array, dtype=dtype, order="C", copy=copy or None).reshape(-1)
    if finite and not np.isfinite(vector).all():
        i = int(np.flatnonzero(~np.isfinite(vector))[0])
        wide = np.asarray(array.reshape(-1)[i], np.float64)
        what = f" in {vector.dtype}" if np.isfinite(wide) else ""
        raise ValueError(f"{name} must be finite{what}; element {i} is {wide}.")
    return vector


def _misshapen(
    name: str, array: np.ndarray, size: int | None, shape: tuple[int, ...] | None
) -> str:
    """The sentence for a vector of the wrong shape, with the way out."""
    if size is None:
        return f"{name} must be a vector of at least one element; got shape {array.shape}."
    wanted = f"{size} elements, shape ({size},)" + (f" or {shape}" if shape else "")
    way = ""
    if shape is not None and array.shape == shape[::-1]:
        way = f" Transpose it: {name}.T."
    elif array.size == size:
        way = f" Flatten it: numpy.ravel({name})."
    return f"{name} must have {wanted}; got shape {array.shape}.{way}"


def check_array(name: str, value: Any, axes: int, *, stacked: bool = False) -> np.ndarray:
    """`value` as a finite float64 array of its own with so many axes, one more if `stacked`."""
    array = check_real(name, to_array(name, value))
    if array.ndim not in (axes, axes + stacked) or array.size == 0:
        more = f", or {axes + 1} with one array per sample first," if stacked else ""
        raise ValueError(
            f"{name} must have {axes} axes{more} and at least one element; got shape {array.shape}."
        )
    found = np.array(array, np.float64, order="C")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} must be finite; it contains NaN or inf.")
    return found


def check_noise(name: str, value: Any) -> tuple[float, float]:
    """Standard deviations of the noise of the lower and the upper level, not negative."""
    if value is None:
        return 0.0, 0.0
    scalar = as_scalar(value)
    given = to_array(name, scalar) if hasattr(scalar, "__len__") else np.array([scalar] * 2, object)
    if given.shape != (2,):
        raise ValueError(f"{name} must be a number or a pair (lower, upper); got {shown(value)}.")
    lower, upper = (check_number(name, each, least=0) for each in given)
    return lower, upper


def check_numbers(name: str, value: Any) -> np.ndarray:
    """`value` as a float64 array of any shape."""
    return check_real(name, to_array(name, value), "fiu").astype(np.float64)
