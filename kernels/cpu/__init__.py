"""Numba kernels for NumPy arrays: same names, signatures and side effects as `reference`."""
