"""Numba kernels for NumPy arrays: same names, signatures and side effects as `reference`."""

from . import draw, vector

__all__ = ["draw", "vector"]
