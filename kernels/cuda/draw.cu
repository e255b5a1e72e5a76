// Minibatches and normal numbers, see kernels/reference/draw.py.
#include "common.cuh"
#include "sampler.cuh"

// Rows of a mode that is not BLOCKS.
template <typename I>
__global__ void draw_batch(I* buffer, long long mode, long long n, long long batch,
                           long long stream, long long k0, long long k1, long long step,
                           long long offset) {
    const Sampler sampler{nullptr, mode, n, batch, stream, k0, k1};
    for (STRIDE(i, batch)) buffer[i] = (I)sampler.row(i, 0, step, offset);
}

// A thread for two numbers.
template <typename T>
__global__ void normals(T* out, long long sample, long long lane, long long k0, long long k1,
                        long long n) {
    for (STRIDE(pair, (n + 1) / 2)) {
        const double2 values = normal_pair(pair, sample, lane, k0, k1);
        out[2 * pair] = (T)values.x;
        if (2 * pair + 1 < n) out[2 * pair + 1] = (T)values.y;
    }
}
