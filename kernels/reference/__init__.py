"""Slow NumPy text of every kernel: the specification that all other backends are tested against."""

from . import draw, quadratic, vector

__all__ = ["draw", "quadratic", "vector"]
