"""The double's functions of the module cupy, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import apply, from_host, ndarray, on_host, poison, wrap
from .streams import forbid_in_capture, synchronize

# Done by NumPy's function of the same name. `out` is written in stream order, without allocation.
_ON_DEVICE = (
    "abs absolute add all allclose any argmax argmin argsort array_equal bincount bitwise_and "
    "bitwise_or broadcast_to ceil clip copysign count_nonzero cumsum diff divide dot einsum equal "
    "exp expand_dims expm1 floor floor_divide greater greater_equal hstack isfinite isinf isnan "
    "less less_equal log log1p logical_and logical_not logical_or matmul max maximum mean min "
    "minimum mod multiply negative not_equal outer power prod ravel repeat reshape searchsorted "
    "sign signbit sort sqrt square squeeze stack std subtract sum swapaxes take tanh tensordot "
    "tile transpose tril triu vdot vstack concatenate round var"
)
# The size of the result depends on values: the host waits for it.
_WAITING = "argwhere flatnonzero nonzero unique"
# Calls of cuBLAS, which CuPy refuses while a stream captures.
_OF_CUBLAS = ("dot", "einsum", "matmul", "tensordot", "vdot")
# The answer is on the host.
_ON_HOST = "can_cast issubdtype may_share_memory promote_types result_type shares_memory"
_NAMES = (
    "bool_ dtype e float32 float64 floating generic inf int8 int16 int32 int64 integer intp nan "
    "newaxis number pi uint8 uint16 uint32 uint64"
)


def array(values: Any, dtype: Any = None, copy: Any = True, order: str = "K") -> ndarray:
    if isinstance(values, ndarray):
        return wrap(np.array(values._host, dtype, copy=copy, order=order), values)
    return from_host(values, dtype)


def asarray(values: Any, dtype: Any = None, order: str = "K") -> ndarray:
    if isinstance(values, ndarray) and dtype in (None, values.dtype) and order == "K":
        return values
    return array(values, dtype, copy=None, order=order)


def ascontiguousarray(values: Any, dtype: Any = None) -> ndarray:
    return asarray(values, dtype, order="C")


def asnumpy(values: Any, stream: Any = None, order: str = "C", out: Any = None) -> np.ndarray:
    if isinstance(values, ndarray):
        return values.get(order=order, out=out)
    return np.asarray(values, order=order)


def empty(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    return wrap(poison(np.empty(shape, dtype, order)))


def empty_like(prototype: ndarray, dtype: Any = None) -> ndarray:
    return empty(prototype.shape, dtype or prototype.dtype)


def zeros(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    # Pages that nobody touches take no memory: arrays of more than 2**31 elements are possible.
    return wrap(np.zeros(shape, dtype, order))


def zeros_like(prototype: ndarray, dtype: Any = None) -> ndarray:
    return zeros(prototype.shape, dtype or prototype.dtype)


def ones(shape: Any, dtype: Any = float) -> ndarray:
    return wrap(np.ones(shape, dtype))


def ones_like(prototype: ndarray, dtype: Any = None) -> ndarray:
    return ones(prototype.shape, dtype or prototype.dtype)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> ndarray:
    return wrap(np.full(shape, on_host(fill_value), dtype))


def full_like(prototype: ndarray, fill_value: Any, dtype: Any = None) -> ndarray:
    return full(prototype.shape, fill_value, dtype or prototype.dtype)


def arange(*bounds: Any, dtype: Any = None) -> ndarray:
    return wrap(np.arange(*bounds, dtype=dtype))


def eye(n: int, dtype: Any = float) -> ndarray:
    return wrap(np.eye(n, dtype=dtype))


def copyto(target: ndarray, source: Any) -> None:
    target[...] = source


def where(condition: Any, *values: Any) -> Any:
    if not values:
        synchronize("where")
    return apply(np.where, condition, *values)


def size(a: Any) -> int:
    return int(np.size(on_host(a)))


def ndim(a: Any) -> int:
    return int(np.ndim(on_host(a)))


def _on_device(function: Callable[..., Any], waits: bool = False) -> Callable[..., Any]:
    def of_cupy(*arguments: Any, **options: Any) -> Any:
        if waits:
            synchronize(function.__name__)
        if function.__name__ in _OF_CUBLAS:
            forbid_in_capture(f"{function.__name__}, by cuBLAS")
        flat = [v for a in arguments for v in (a if isinstance(a, (list, tuple)) else (a,))]
        if not any(isinstance(value, ndarray) for value in flat):
            raise TypeError(f"{function.__name__} wants arrays of the device")
        return apply(function, *arguments, **options)

    return of_cupy


def _on_host(function: Callable[..., Any]) -> Callable[..., Any]:
    def of_cupy(*arguments: Any) -> Any:
        return function(*(on_host(argument) for argument in arguments))

    return of_cupy


def members() -> dict[str, Any]:
    """What the module cupy offers, except for kernels and the device."""
    here = (
        *(array, asarray, ascontiguousarray, asnumpy, empty, empty_like, zeros, zeros_like),
        *(ones, ones_like, full, full_like, arange, eye, copyto, where, size, ndim),
    )
    return {
        **{name: getattr(np, name) for name in _NAMES.split()},
        **{name: _on_device(getattr(np, name)) for name in _ON_DEVICE.split()},
        **{name: _on_device(getattr(np, name), waits=True) for name in _WAITING.split()},
        **{name: _on_host(getattr(np, name)) for name in _ON_HOST.split()},
        **{function.__name__: function for function in here},
        "ndarray": ndarray,
    }
