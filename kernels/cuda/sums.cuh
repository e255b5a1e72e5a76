// Sums over the grid in a fixed order, without atomics.
#pragma once
#include "common.cuh"

// out[0] <- factor sum, added to what is there if `keep`; one thread calls it.
__device__ __forceinline__ void put_sum(double sum, double factor, long long keep, double* out) {
    out[0] = (keep ? out[0] : 0.0) + factor * sum;
}

// The last step of a kernel that sums: a block that is alone writes the result, of several each
// leaves its part to `sums.finish`. All threads call it.
__device__ __forceinline__ void grid_sum(double share, double factor, long long keep, double* out,
                                         double* parts) {
    const double sum = block_sum(share);
    if (threadIdx.x != 0) return;
    if (gridDim.x == 1)
        put_sum(sum, factor, keep, out);
    else
        parts[blockIdx.x] = sum;
}

// Maximum over the block, in every thread; a NaN may be lost. All threads call it.
__device__ __forceinline__ double block_max(double value) {
    __shared__ double tops[WARP];  // a block has at most so many warps
    const int lane = threadIdx.x % WARP, warps = blockDim.x / WARP;
    for (int step = WARP / 2; step > 0; step >>= 1)
        value = fmax(value, __shfl_xor_sync(0xffffffffu, value, step));
    if (lane == 0) tops[threadIdx.x / WARP] = value;
    __syncthreads();
    for (int w = 0; w < warps; ++w) value = fmax(value, tops[w]);
    __syncthreads();  // `tops` may be written again by the next call
    return value;
}
