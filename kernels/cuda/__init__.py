"""CUDA kernels for CuPy arrays: same names, signatures and side effects as `reference`."""

# ruff: noqa: F401 (they are in __all__)
from .. import FAMILIES
from . import (
    averages,
    barrier,
    chain,
    csr,
    csr_curvature,
    dense,
    dense_curvature,
    draw,
    layout_csr,
    layout_dense,
    linear_system,
    momentum,
    penalty,
    powers,
    projection,
    proximal,
    quadratic,
    sine,
    softmax,
    vector,
    weights,
)
from .constants import TABLE_SIZE

__all__ = [*FAMILIES, "COMPILED", "MOST_OFFSETS", "NAME", "ON_DEVICE", "layout_csr", "layout_dense"]

# What users call the backend.
NAME = "cuda"
# Whether kernels take arrays of a device.
ON_DEVICE = True
# Whether Numba compiles the texts that call the kernels.
COMPILED = False
# The most offsets of a stencil that one call takes; None if any number will do.
MOST_OFFSETS: int | None = TABLE_SIZE
