"""Slow NumPy text of every kernel: the specification that all other backends are tested against."""

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
