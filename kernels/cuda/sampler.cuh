// Minibatches drawn inside a kernel, see `draw_batch` in kernels/reference/draw.py.
#pragma once
#include "draw.cuh"

struct Sampler {
    const long long* order;
    long long mode, n, batch, stream, k0, k1;

    // First position of the block of a step.
    __device__ long long first(long long step, long long offset) const {
        if (batch >= n) return 0;
        return draw_index(0, step, stream, offset, n, k0, k1) / batch * batch;
    }

    // Rows of the minibatch; `first` from above.
    __device__ long long size(long long first) const {
        return mode == BLOCKS && n - first < batch ? n - first : batch;
    }

    // Row i of the minibatch; i is less than its size.
    __device__ long long row(long long i, long long first, long long step,
                             long long offset) const {
        if (mode == BLOCKS) return order[first + i];
        if (mode == REPLACEMENT) return draw_index(i, step, stream, offset, n, k0, k1);
        const long long position = step * batch + i;
        return permute(position % n, n, position / n, stream, offset, k0, k1);
    }
};
