// What all kernels share: loops over elements, tables by value, sums over a block.
//
// Constants that no source defines are put in front of it from Python, see constants.py.
#pragma once

// Numbers that travel with a launch: weights and coefficients of the offsets.
struct Table {
    double v[TABLE_SIZE];
};

// for (STRIDE(i, n)): every element i < n once, by all threads of the grid.
#define STRIDE(i, n)                                                            \
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < (n);    \
    i += (long long)gridDim.x * blockDim.x

// The same by the threads of one block.
#define BLOCK_STRIDE(i, n) long long i = threadIdx.x; i < (n); i += blockDim.x

// Sum over the block in a fixed order; the result is valid in every thread. All threads call it;
// blockDim.x is a multiple of WARP.
__device__ __forceinline__ double block_sum(double value) {
    __shared__ double parts[WARP];  // a block has at most so many warps
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    for (int step = WARP / 2; step > 0; step >>= 1)
        value += __shfl_down_sync(0xffffffffu, value, step);
    if (lane == 0) parts[warp] = value;
    __syncthreads();
    double total = 0.0;
    for (int w = 0; w < warps; ++w) total += parts[w];
    __syncthreads();  // `parts` may be written again by the next call
    return total;
}

// This thread's part of the sum of a reduction's partial sums, for one block.
__device__ __forceinline__ double part_of_sum(const double* parts, long long count) {
    double sum = 0.0;
    for (BLOCK_STRIDE(p, count)) sum += parts[p];
    return sum;
}

// NVRTC has no INFINITY.
__device__ __forceinline__ double minus_infinity() {
    return __longlong_as_double((long long)0xfff0000000000000ull);
}

__device__ __forceinline__ bool is_finite(double value) {
    return value - value == 0.0;
}
