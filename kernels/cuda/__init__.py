"""CUDA kernels for CuPy arrays: same names, signatures and side effects as `reference`."""
