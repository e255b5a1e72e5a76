"""The double of cupyx.scipy.sparse: matrices as containers of three arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from .arrays import from_host, ndarray
from .streams import synchronize


class _Matrix:
    """In the layout of SciPy's class of the same name, whose work is done on the host."""

    format: str
    _parts: tuple[str, ...]

    def __init__(self, arg1: Any, shape: Any = None, dtype: Any = None) -> None:
        if isinstance(arg1, _Matrix):
            arg1 = arg1._host()
        if isinstance(arg1, tuple):
            if not all(isinstance(part, ndarray) for part in _leaves(arg1)):
                raise ValueError("data, indices, and indptr must be 1-D cupy arrays")
            synchronize("the construction of a sparse matrix")
            # SciPy narrows the indices to int32 if they fit, as CuPy does.
            arg1 = _opened(arg1)
        elif not scipy.sparse.issparse(arg1):
            raise ValueError("Unsupported initializer format")
        kind = getattr(scipy.sparse, f"{self.format}_matrix")
        host = kind(arg1, shape=shape, dtype=dtype)
        if host.dtype.char not in "?fdFD":
            raise ValueError("Only bool, float32, float64, complex64 and complex128 are supported")
        self._take(host)

    def _take(self, host: Any) -> None:
        self.shape = host.shape
        for name in self._parts:
            setattr(self, name, from_host(getattr(host, name)))

    def _host(self) -> Any:
        parts = tuple(getattr(self, name)._host for name in self._parts)
        kind = getattr(scipy.sparse, f"{self.format}_matrix")
        if self.format == "coo":
            return kind((parts[0], parts[1:]), shape=self.shape)
        return kind(parts, shape=self.shape)

    def _made(self, host: Any) -> Any:
        return _KINDS[host.format](host)

    dtype = property(lambda self: self.data.dtype)
    nnz = property(lambda self: self.data.size)
    ndim = property(lambda self: 2)

    def get(self, stream: Any = None) -> Any:
        synchronize("get")
        return self._host().copy()

    def tocsr(self) -> Any:
        return self if self.format == "csr" else self._made(self._host().tocsr())

    def tocsc(self) -> Any:
        return self if self.format == "csc" else self._made(self._host().tocsc())

    def tocoo(self) -> Any:
        return self if self.format == "coo" else self._made(self._host().tocoo())

    def astype(self, dtype: Any) -> Any:
        return self._made(self._host().astype(dtype))

    def copy(self) -> Any:
        return self._made(self._host().copy())

    def sum_duplicates(self) -> None:
        synchronize("sum_duplicates")
        host = self._host()
        host.sum_duplicates()
        self._take(host)


class _Compressed(_Matrix):
    _parts = ("data", "indices", "indptr")

    @property
    def has_sorted_indices(self) -> bool:
        synchronize("has_sorted_indices")
        return bool(self._host().has_sorted_indices)

    @property
    def has_canonical_format(self) -> bool:
        synchronize("has_canonical_format")
        return bool(self._host().has_canonical_format)

    def sort_indices(self) -> None:
        host = self._host()
        host.sort_indices()
        self._take(host)


class csr_matrix(_Compressed):
    format = "csr"


class csc_matrix(_Compressed):
    format = "csc"


class coo_matrix(_Matrix):
    format = "coo"
    _parts = ("data", "row", "col")


_KINDS = {kind.format: kind for kind in (csr_matrix, csc_matrix, coo_matrix)}
for _kind in _KINDS.values():
    _kind.__module__ = f"cupyx.scipy.sparse._{_kind.format}"


def _leaves(parts: Any) -> list[Any]:
    return [leaf for part in parts for leaf in (part if isinstance(part, tuple) else (part,))]


def _opened(parts: Any) -> Any:
    if isinstance(parts, tuple):
        return tuple(_opened(part) for part in parts)
    return np.array(parts._host)


def issparse(x: Any) -> bool:
    return isinstance(x, _Matrix)


def isspmatrix_csr(x: Any) -> bool:
    return isinstance(x, csr_matrix)
