"""Numba kernels for NumPy arrays: same names, signatures and side effects as `reference`."""

# ruff: noqa: F401 (they are in __all__)
from .. import FAMILIES, layout_dense
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

__all__ = [*FAMILIES, "COMPILED", "MOST_OFFSETS", "NAME", "ON_DEVICE", "layout_csr", "layout_dense"]

# What users call the backend.
NAME = "cpu"
# Whether kernels take arrays of a device.
ON_DEVICE = False
# Whether Numba compiles the texts that call the kernels.
COMPILED = True
# The most offsets of a stencil that one call takes; None if any number will do.
MOST_OFFSETS: int | None = None
