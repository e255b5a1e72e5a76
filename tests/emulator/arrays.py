"""The double of cupy.ndarray: a NumPy array that NumPy does not get to see.

Not a subclass of numpy.ndarray: arrays of host and device do not mix, as on a real device. What is
not written here does not exist.
"""

from __future__ import annotations

import operator
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .rules import count
from .streams import Device, allocate, enqueue, forbid_in_capture, synchronize, transfer

# NumPy picks views or copies for these as CuPy does.
_METHODS = (
    "all any argmax argmin argsort astype clip conj copy cumsum diagonal dot flatten max mean min "
    "nonzero prod ravel repeat reshape round searchsorted squeeze std sum swapaxes take transpose "
    "var view"
)
_OPERATORS = (
    "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift radd rsub rmul rtruediv "
    "rfloordiv rmod rpow rmatmul rand ror rxor lt le gt ge eq ne neg pos abs invert"
)
_IN_PLACE = "iadd isub imul itruediv ifloordiv imod ipow iand ior ixor"


def poison(array: np.ndarray) -> np.ndarray:
    """Fill with what nobody expects: NaN, or the largest integer."""
    if array.dtype.kind in "fc":
        array.fill(np.nan)
    elif array.dtype.kind in "iu":
        array.fill(np.iinfo(array.dtype).max)
    elif array.dtype.kind == "b":
        array.fill(True)
    return array


def on_host(value: Any) -> Any:
    """`value` for NumPy: device arrays opened, arrays of the host refused."""
    if isinstance(value, ndarray):
        return value._host
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    if isinstance(value, (list, tuple)):
        return type(value)(on_host(item) for item in value)
    return value


def _root(array: np.ndarray) -> np.ndarray:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def wrap(result: Any, *sources: Any) -> Any:
    """What NumPy has computed, as device arrays: views of `sources`, or new ones."""
    if isinstance(result, tuple):
        return tuple(wrap(item, *sources) for item in result)
    out = ndarray.__new__(ndarray)
    out._host = np.asarray(result)
    out._memory = _root(out._host)
    if not any(isinstance(s, ndarray) and s._memory is out._memory for s in sources):
        allocate("a new array")
    return out


def memories_of(*arrays: Any) -> tuple[Any, ...]:
    """Weak references to the memory of all device arrays among `arrays`."""
    return tuple(weakref.ref(a._memory) for a in arrays if isinstance(a, ndarray))


def change(arrays: tuple[Any, ...], action: Callable[[], Any]) -> None:
    """`action` on the device, which changes arrays in place."""
    count("copies")
    enqueue(action, memories_of(*arrays))


class Flags:
    """Of the layout of an array."""

    def __init__(self, array: ndarray) -> None:
        self.c_contiguous = array._host.flags.c_contiguous
        self.f_contiguous = array._host.flags.f_contiguous
        self.owndata = array._host is array._memory


class ndarray:
    """An array on the emulated device."""

    __slots__ = ("__weakref__", "_host", "_memory")
    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, shape: Any, dtype: Any = float) -> None:
        allocate("a new array")
        self._host = poison(np.empty(shape, dtype))
        self._memory = self._host

    shape = property(lambda self: self._host.shape)
    dtype = property(lambda self: self._host.dtype)
    size = property(lambda self: self._host.size)
    ndim = property(lambda self: self._host.ndim)
    nbytes = property(lambda self: self._host.nbytes)
    itemsize = property(lambda self: self._host.itemsize)
    strides = property(lambda self: self._host.strides)
    T = property(lambda self: wrap(self._host.T, self))
    real = property(lambda self: wrap(self._host.real, self))
    flags = property(Flags)
    device = property(lambda self: Device())

    @property
    def data(self) -> types.SimpleNamespace:
        return types.SimpleNamespace(ptr=self._host.ctypes.data, device_id=0)

    def __len__(self) -> int:
        return len(self._host)

    def __iter__(self) -> Iterator[ndarray]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    # Indexing

    def __getitem__(self, key: Any) -> ndarray:
        keys, basic = _opened(key)
        return wrap(self._host[(*keys, ...) if basic and ... not in keys else keys], self)

    def __setitem__(self, key: Any, value: Any) -> None:
        keys, _ = _opened(key, fetches=False)
        _refuse_as_value(value)
        given = on_host(value)
        change((self, value), lambda: operator.setitem(self._host, keys, given))

    def fill(self, value: Any) -> None:
        self[...] = value

    # To the host and back

    def _fetched(self, what: str) -> np.ndarray:
        synchronize(what)
        return self._host

    def get(self, stream: Any = None, order: str = "C", out: Any = None) -> np.ndarray:
        host = self._fetched("get")
        if out is None:
            return np.array(host, order=order)
        if out.dtype != host.dtype or out.shape != host.shape:
            raise ValueError(f"out is {out.dtype} {out.shape}, not {host.dtype} {host.shape}")
        out[...] = host
        return out

    def set(self, array: Any, stream: Any = None) -> None:
        if not isinstance(array, np.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if self.dtype != array.dtype:
            raise TypeError(f"{array.dtype} array cannot be set to {self.dtype} array")
        if self.shape != array.shape:
            raise ValueError(f"Shape mismatch. Old shape: {self.shape}, new shape: {array.shape}")
        transfer("set")
        self._host[...] = array

    def item(self, *place: Any) -> Any:
        return self._fetched("item").item(*place)

    def tolist(self) -> Any:
        return self._fetched("tolist").tolist()

    def tobytes(self) -> bytes:
        return self._fetched("tobytes").tobytes()

    def __bool__(self) -> bool:
        return bool(self._fetched("bool"))

    def __int__(self) -> int:
        return int(self._fetched("int"))

    def __float__(self) -> float:
        return float(self._fetched("float"))

    def __repr__(self) -> str:
        return repr(self._fetched("repr"))

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """For np.exp(array) and for NumPy scalars on the left of an operator."""
        if method != "__call__":
            return NotImplemented
        return apply(ufunc, *inputs, **options)

    def __copy__(self) -> ndarray:
        return self.copy()

    def __deepcopy__(self, _: Any) -> ndarray:
        return self.copy()

    def __reduce__(self) -> Any:
        return from_host, (self.get(order="A"),)


ndarray.__module__ = "cupy"


def from_host(array: Any, dtype: Any = None) -> ndarray:
    """A device array with the values of the host's `array`."""
    transfer("an array of the host")
    return wrap(np.array(array, dtype))


def apply(function: Callable[..., Any], *arguments: Any, out: Any = None, **options: Any) -> Any:
    """A function of NumPy on device arrays."""
    given = [on_host(argument) for argument in arguments]
    options = {name: on_host(value) for name, value in options.items()}
    if isinstance(out, tuple):
        (out,) = out
    if out is None:
        return wrap(function(*given, **options), *arguments)
    target = on_host(out)
    change((*arguments, out), lambda: function(*given, out=target, **options))
    return out


def _opened(key: Any, fetches: bool = True) -> tuple[tuple[Any, ...], bool]:
    """An index for NumPy, and whether it selects a view."""
    keys, basic = key if isinstance(key, tuple) else (key,), True
    opened = []
    for part in keys:
        if isinstance(part, (list, np.ndarray)):
            transfer("an index of the host")
        array = isinstance(part, (list, np.ndarray, ndarray))
        basic = basic and not array
        if array:
            forbid_in_capture("an array as index")
        if isinstance(part, ndarray) and part.dtype == bool and fetches:
            synchronize("a mask as index")
        opened.append(part._host if isinstance(part, ndarray) else part)
    return tuple(opened), basic


def _refuse_as_value(value: Any) -> None:
    if isinstance(value, (np.ndarray, list, tuple)):
        raise ValueError("non-scalar numpy.ndarray cannot be used for fill")


def _method(name: str) -> Callable[..., Any]:
    function = getattr(np.ndarray, name)

    def method(self: ndarray, *arguments: Any, **options: Any) -> Any:
        return apply(function, self, *arguments, **options)

    method.__name__ = name
    return method


def _operator(name: str) -> Callable[..., Any]:
    function = getattr(np.ndarray, f"__{name}__")

    def method(self: ndarray, *other: Any) -> Any:
        if any(isinstance(value, (list, tuple)) for value in other):
            raise TypeError(f"Unsupported type {type(other[0])}")
        result = function(self._host, *(on_host(value) for value in other))
        return result if result is NotImplemented else wrap(result)

    return method


def _in_place(name: str) -> Callable[..., Any]:
    function = getattr(operator, name)

    def method(self: ndarray, other: Any) -> ndarray:
        given = on_host(other)
        change((self, other), lambda: function(self._host, given))
        return self

    return method


for _name in _METHODS.split():
    setattr(ndarray, _name, _method(_name))
for _name in _OPERATORS.split():
    setattr(ndarray, f"__{_name}__", _operator(_name))
for _name in _IN_PLACE.split():
    setattr(ndarray, f"__{_name}__", _in_place(_name))
