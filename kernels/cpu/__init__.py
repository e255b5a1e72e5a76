"""Numba kernels for NumPy arrays: same names, signatures and side effects as `reference`."""

from . import (
    barrier,
    csr,
    dense,
    draw,
    momentum,
    penalty,
    projection,
    proximal,
    quadratic,
    softmax,
    vector,
    weights,
)

__all__ = [
    "barrier",
    "csr",
    "dense",
    "draw",
    "momentum",
    "penalty",
    "projection",
    "proximal",
    "quadratic",
    "softmax",
    "vector",
    "weights",
]
