"""From the types of the caller's arrays to the kernels that work on them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

CPU = "NumPy"
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
    """The kernels for `arrays`: NumPy arrays, SciPy sparse matrices, lists, scalars, None.

    With Numba switched off (NUMBA_DISABLE_JIT=1) these are the reference kernels.

    Raises
    ------
    TypeError
        For arrays of another library, or of several. Nothing is moved between devices silently.
    """
    names = sorted({_library_of(type(a)) for a in arrays if hasattr(a, "shape")} or {CPU})
    if names != [CPU]:
        what = "a mixture of arrays" if len(names) > 1 else "arrays"
        advice = "; ".join(f"for {name}, {_ADVICE[name]}" for name in names if name != CPU)
        raise TypeError(
            f"Got {what} of {' and '.join(names)}. There are kernels for NumPy arrays and SciPy "
            "sparse matrices only; a CUDA backend does not exist yet. Nothing is moved silently: "
            f"{advice}."
        )
    import numba

    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        from fastbilevel.kernels import reference

        return reference
    from fastbilevel.kernels import cpu

    return cpu
