// Vector kernels, see kernels/reference/vector.py.
#include "projection.cuh"

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

// A thread's part of ||x||^2.
template <typename T>
__device__ __forceinline__ double squares(const T* x, long long n) {
    double sum = 0.0;
    for (STRIDE(i, n)) sum += (double)x[i] * (double)x[i];
    return sum;
}

// Partial sums of squares, one a block.
template <typename T>
__global__ void square_sums(const T* x, double* parts, long long n) {
    const double sum = block_sum(squares(x, n));
    if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

// One block. out[0] <- root of the sum of `count` parts, or of all squares if that is 0.
template <typename T>
__global__ void __launch_bounds__(MOST_THREADS, 1)
    norm(const T* x, double* out, const double* parts, long long count, long long n) {
    const double sum = block_sum(count ? part_of_sum(parts, count) : squares(x, n));
    if (threadIdx.x == 0) out[0] = sqrt(sum);
}

template <typename T>
__global__ void perturbed_step(T* y, const T* g, const T* f, double weight, double lr,
                               long long n) {
    const T of_f = (T)weight, rate = (T)lr;
    if (weight == 0.0) {
        for (STRIDE(i, n)) y[i] -= rate * g[i];
    } else {
        for (STRIDE(i, n)) y[i] -= rate * (g[i] + of_f * f[i]);
    }
}

// In float64, because the lower gradients cancel.
template <typename T>
__global__ void combine_offsets(const T* F, const T* G, const Table weights, const Table alpha,
                                double nu, T* out, long long q, long long n) {
    for (STRIDE(i, n)) {
        const double first = (double)G[i];
        double total = 0.0;
        for (long long j = 0; j < q; ++j) {
            const double change = (double)G[j * n + i] - first;
            total += alpha.v[j] * (weights.v[j] * (double)F[j * n + i] + change);
        }
        out[i] = (T)(total / nu);
    }
}

// m <- momentum m + (1 - momentum) phi; a thread's part of ||m||^2.
template <typename T>
__device__ __forceinline__ double average(T* m, const T* phi, double momentum, long long n) {
    const T past = (T)momentum, present = (T)(1.0 - momentum);
    double sum = 0.0;
    for (STRIDE(i, n)) {
        const T mean = past * m[i] + present * phi[i];
        m[i] = mean;
        sum += (double)mean * (double)mean;
    }
    return sum;
}

template <typename T>
__global__ void average_sums(T* m, const T* phi, double momentum, double* parts, long long n) {
    const double sum = block_sum(average(m, phi, momentum, n));
    if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

// After `average_sums` with `count` parts; or one block, and 0.
template <typename T>
__global__ void __launch_bounds__(MOST_THREADS, 1)
    normalized_momentum(T* x, T* m, const T* phi, double lr, double momentum, long long normalize,
                        long long kind, const T* a, const T* b, double size, double* norm_out,
                        long long* flag, const double* parts, long long count, long long n) {
    const double sum = block_sum(count ? part_of_sum(parts, count) : average(m, phi, momentum, n));
    const double length = sqrt(sum);
    const bool first = blockIdx.x == 0 && threadIdx.x == 0;
    if (first) norm_out[0] = length;
    if (!is_finite(length)) {
        // All blocks return here, so none reads the flag that is written.
        if (first) flag[0] = 1;
        return;
    }
    if (flag[0] != 0 || length == 0.0) return;
    const T factor = (T)(normalize ? lr / length : lr);
    step_into(x, n, Domain<T>{kind, a, b, size},
              [=](long long i) { return x[i] - factor * m[i]; });
}

// Stacked iterates [offset group][row][offset of the group][column]; one thread for all offsets.
template <typename T>
__global__ void recenter(T* Y, const Table positive, long long groups, long long rows, long long g,
                         long long cols) {
    for (STRIDE(i, rows * cols)) {
        T* here = Y + i / cols * g * cols + i % cols;
        double sums[2] = {0.0, 0.0}, counts[2] = {0.0, 0.0};
        for (long long k = 0; k < groups * g; ++k) {
            const double value = (double)here[k / g * rows * g * cols + k % g * cols];
            const bool side = positive.v[k] != 0.0;
            sums[0] += side ? 0.0 : value;
            sums[1] += side ? value : 0.0;
            counts[0] += side ? 0.0 : 1.0;
            counts[1] += side ? 1.0 : 0.0;
        }
        const T low = (T)(sums[0] / counts[0]), high = (T)(sums[1] / counts[1]);
        for (long long k = 0; k < groups * g; ++k)
            here[k / g * rows * g * cols + k % g * cols] = positive.v[k] != 0.0 ? high : low;
    }
}

template <typename T>
__global__ void average_offsets(const T* Y, const Table weights, T* out, long long groups,
                                long long rows, long long g, long long cols) {
    for (STRIDE(i, rows * cols)) {
        const T* here = Y + i / cols * g * cols + i % cols;
        double total = 0.0;
        for (long long k = 0; k < groups * g; ++k)
            if (weights.v[k] != 0.0)
                total += weights.v[k] * (double)here[k / g * rows * g * cols + k % g * cols];
        out[i] = (T)total;
    }
}
