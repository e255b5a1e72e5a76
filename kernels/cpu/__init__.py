"""Numba kernels for NumPy arrays: same names, signatures and side effects as `reference`."""

from . import csr, dense, draw, penalty, projection, quadratic, softmax, vector, weights

__all__ = [
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
