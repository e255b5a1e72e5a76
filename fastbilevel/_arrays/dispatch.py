"""From the types of the caller's arrays to the kernels that work on them."""

from __future__ import annotations

import functools
import sys
from types import ModuleType
from typing import Any

CPU, GPU = "NumPy", "CuPy"
_ADVICE = {
    "CuPy": "move them to the CPU with cupy.asnumpy, or .get() for a sparse matrix",
    "Dask": "fetch them with .compute()",
    "JAX": "convert them with numpy.asarray",
    "PyTorch": "convert them with .detach().cpu().numpy()",
    "TensorFlow": "convert them with .numpy()",
}
_LIBRARIES = {
    "cupy": "CuPy",
    "cupyx": "CuPy",
    "dask": "Dask",
    "jax": "JAX",
    "jaxlib": "JAX",
    "torch": "PyTorch",
    "tensorflow": "TensorFlow",
}


def _library_of(kind: type) -> str:
    """The library whose arrays `kind` describes, without importing it."""
    roots = (base.__module__.partition(".")[0] for base in kind.__mro__)
    return next((_LIBRARIES[root] for root in roots if root in _LIBRARIES), CPU)


def backend_of(*arrays: Any) -> ModuleType:
    """The kernels for `arrays`: NumPy or CuPy arrays, dense or sparse; lists, scalars, None too.

    With Numba switched off (NUMBA_DISABLE_JIT=1) those for NumPy are the reference kernels.

    Raises
    ------
    TypeError
        For arrays of another library, or of several. Nothing is moved between devices silently.
    RuntimeError
        For CuPy arrays, if no kernel can run on the device.
    """
    names = sorted({_library_of(type(a)) for a in arrays if hasattr(a, "shape")} or {CPU})
    if names == [GPU]:
        from fastbilevel.kernels import cuda

        require_device(sys.modules["cupy"])
        return cuda
    if names != [CPU]:
        what = "a mixture of arrays" if len(names) > 1 else "arrays"
        advice = "; ".join(f"for {name}, {_ADVICE[name]}" for name in names if name != CPU)
        raise TypeError(
            f"Got {what} of {' and '.join(names)}. There are kernels for NumPy arrays and SciPy "
            "sparse matrices, and for CuPy arrays and cupyx.scipy.sparse matrices, not for both at "
            f"once. Nothing is moved silently: {advice}."
        )
    import numba

    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        from fastbilevel.kernels import reference

        return reference
    from fastbilevel.kernels import cpu

    return cpu


def kernels_named(name: str) -> ModuleType:
    """The kernels of that name, for an object that comes from another process."""
    if name == "cuda":
        from fastbilevel.kernels import cuda

        return cuda
    return backend_of()


@functools.cache
def require_device(cupy: Any) -> None:
    """Raise unless a kernel runs on the current CUDA device; looked at once in a process."""
    try:
        works = float((cupy.zeros(1) + 1.0).get()[0]) == 1.0
        reason = "a kernel gave a wrong result"
    except Exception as error:
        works, reason = False, f"{type(error).__name__}: {error}"
    if not works:
        raise RuntimeError(
            f"CuPy arrays were given, but no kernel can run on the CUDA device ({reason}). Check "
            "the driver and cupy.show_config(), or move the arrays to the CPU with cupy.asnumpy."
        )
