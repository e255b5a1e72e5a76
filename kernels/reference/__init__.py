"""Slow NumPy text of every kernel: the specification that all other backends are tested against."""

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
