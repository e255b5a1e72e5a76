"""Numba kernels for NumPy arrays: same names, signatures and side effects as `reference`."""

from . import draw, quadratic, vector

__all__ = ["draw", "quadratic", "vector"]
