"""A double of CuPy that runs the CUDA C++ of `kernels/cuda` on the CPU. For tests only."""
