"""Numba kernels for NumPy arrays: same names, signatures and side effects as `reference`."""

from . import chain, csr, dense, draw, penalty, projection, quadratic, softmax, vector, weights

__all__ = [
    "chain",
    "csr",
    "dense",
    "draw",
    "penalty",
    "projection",
    "quadratic",
    "softmax",
    "vector",
    "weights",
]
