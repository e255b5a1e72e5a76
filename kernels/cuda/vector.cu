// Vector kernels, see kernels/reference/vector.py.
#include "common.cuh"

template <typename T>
__global__ void axpy(double a, const T* x, T* y, long long n) {
    const T factor = (T)a;
    for (STRIDE(i, n)) y[i] += factor * x[i];
}

template <typename T>
__global__ void scale(double a, const T* x, T* out, long long n) {
    const T factor = (T)a;
    for (STRIDE(i, n)) out[i] = factor * x[i];
}

// Partial sums of squares, one a block.
template <typename T>
__global__ void square_sums(const T* x, double* parts, long long n) {
    double sum = 0.0;
    for (STRIDE(i, n)) sum += (double)x[i] * (double)x[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

// out[0] <- root of the sum of the parts; one block.
template <typename T>
__global__ void root_of_sum(const double* parts, double* out, long long n) {
    double sum = 0.0;
    for (STRIDE(i, n)) sum += parts[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) out[0] = sqrt(sum);
}
