// Momentum kernels, see kernels/reference/momentum.py. Differences of neighbouring iterates cancel, so
// they are taken in float64; these kernels wait for memory all the same.
#include "common.cuh"

template <typename T>
__global__ void recursive_momentum(T* h, const T* now, const T* before, double momentum,
                                   long long n) {
    const double rest = 1.0 - momentum;
    if (momentum == 1.0) {
        for (STRIDE(i, n)) h[i] = now[i];
    } else {
        for (STRIDE(i, n)) h[i] = (T)(now[i] + rest * ((double)h[i] - before[i]));
    }
}

template <typename T>
__global__ void extrapolate(T* v, T* previous, double momentum, long long n) {
    for (STRIDE(i, n)) {
        const T here = v[i];
        v[i] = (T)(here + momentum * ((double)here - previous[i]));
        previous[i] = here;
    }
}

// A thread's part of ||x - previous||^2.
template <typename T>
__device__ __forceinline__ double moved(const T* x, const T* previous, long long n) {
    double sum = 0.0;
    for (STRIDE(i, n)) {
        const double step = (double)x[i] - (double)previous[i];
        sum += step * step;
    }
    return sum;
}

template <typename T>
__global__ void move_sums(const T* x, const T* previous, double* parts, long long n) {
    const double sum = block_sum(moved(x, previous, n));
    if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

// One block. After `move_sums` with `count` parts it leaves to `forget` whether x has moved far, in
// parts[0]; if `count` is 0 it does all there is to do.
template <typename T>
__global__ void __launch_bounds__(MOST_THREADS, 1)
    restart(const T* x, T* previous, double* memory, double* parts, long long count, long long n) {
    const double moves =
        memory[1] + block_sum(count ? part_of_sum(parts, count) : moved(x, previous, n));
    const double steps = memory[0] + 1.0, limit = fmax(memory[2], memory[3]);
    const bool far = steps * moves > limit * limit;
    __syncthreads();  // everyone has read the memory
    if (threadIdx.x == 0) {
        memory[0] = far ? 0.0 : steps;
        memory[1] = far ? 0.0 : moves;
        if (far) memory[2] *= LEFT_AFTER_RESTART;
        if (count) parts[0] = far;
    }
    if (far && count == 0)
        for (BLOCK_STRIDE(i, n)) previous[i] = x[i];
}

template <typename T>
__global__ void forget(const T* x, T* previous, const double* far, long long n) {
    if (far[0] == 0.0) return;
    for (STRIDE(i, n)) previous[i] = x[i];
}
