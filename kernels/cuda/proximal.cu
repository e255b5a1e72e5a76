// Steps of the proximal-smoothing methods, see kernels/reference/proximal.py.
#include "projection.cuh"

template <typename T>
__global__ void __launch_bounds__(MOST_THREADS, 1)
    proximal_step(T* y, const T* previous, const T* center, double rate, long long kind, const T* a,
                  const T* b, double size, long long n) {
    const T factor = (T)rate;
    step_into(y, n, Domain<T>{kind, a, b, size},
              [=](long long i) { return y[i] - factor * (previous[i] - center[i]); });
}

template <typename T>
__global__ void smooth(T* center, const T* y, double smoothing, long long n) {
    const T past = (T)(1.0 - smoothing), present = (T)smoothing;
    for (STRIDE(i, n)) center[i] = past * center[i] + present * y[i];
}
