"""Slow NumPy text of every kernel: the specification that all other backends are tested against."""

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
