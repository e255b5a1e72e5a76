"""Numba kernels for NumPy arrays: same names, signatures and side effects as `reference`."""

from . import (
    barrier,
    chain,
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
    "chain",
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
