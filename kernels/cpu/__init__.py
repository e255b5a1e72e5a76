"""Numba kernels for NumPy arrays: same names, signatures and side effects as `reference`."""

from . import (
    barrier,
    chain,
    csr,
    dense,
    draw,
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

__all__ = [
    "barrier",
    "chain",
    "csr",
    "dense",
    "draw",
    "momentum",
    "penalty",
    "powers",
    "projection",
    "proximal",
    "quadratic",
    "sine",
    "softmax",
    "vector",
    "weights",
]
