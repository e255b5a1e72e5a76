// Projection kernels, see kernels/reference/projection.py.
#include "projection.cuh"

template <typename T>
__global__ void box(T* v, const T* lower, const T* upper, long long n) {
    for (STRIDE(i, n)) v[i] = into_box(v[i], lower[i], upper[i]);
}

// One block.
template <typename T>
__global__ void __launch_bounds__(MOST_THREADS, 1)
    project(T* v, long long kind, const T* a, const T* b, double size, long long n) {
    project_by_block(v, n, Domain<T>{kind, a, b, size});
}
