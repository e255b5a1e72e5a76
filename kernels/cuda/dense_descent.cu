// All steps of several groups of offsets in one launch, see `descend` in kernels/descent.py.
//
// A step has two phases, and no block begins one before all blocks have ended the one before:
// residuals, a warp or a crew of warps for some samples and one offset; then the iterates, a block
// for some features and columns. Rows are drawn beside the second phase of the step before.
#include <cooperative_groups.h>

#include "common.cuh"
#include "dense_samples.cuh"
#include "sampler.cuh"

__device__ __forceinline__ void wait_for_all_blocks() {
    if (gridDim.x == 1) __syncthreads();
    else cooperative_groups::this_grid().sync();
}

// Both samplers, and where the minibatches of a group are written: `capacity` row numbers, those of
// the lower level first and -1 behind the end of a minibatch; then the numbers of rows.
struct Drawing {
    Sampler lower, upper;
    long long independent, g;
    const Table* weights;

    __device__ long long capacity() const { return lower.batch + upper.batch; }
    __device__ long long listed() const { return capacity() + 2; }

    // Whether a group has an upper objective.
    __device__ bool weighted(long long group) const {
        for (long long j = 0; j < g; ++j)
            if (weights->v[group * g + j] != 0.0) return true;
        return false;
    }

    // Write the minibatches of a step.
    __device__ void draw(long long step, long long first_group, long long groups,
                         long long* rows) const {
        for (STRIDE(at, groups * listed())) {
            const long long group = at / listed(), i = at % listed();
            const bool is_lower = i < lower.batch || i == capacity();
            Sampler sampler = lower;
            if (!is_lower) sampler = upper;
            const long long offset = (first_group + group + 1) * independent;
            long long first = 0, size = 0;
            if (sampler.batch > 0 && (is_lower || weighted(group))) {
                if (sampler.mode == BLOCKS) first = sampler.first(step, offset);
                size = sampler.size(first);
            }
            const long long place = is_lower ? i : i - lower.batch;
            if (i >= capacity()) rows[at] = size;
            else rows[at] = place < size ? sampler.row(place, first, step, offset) : -1;
        }
    }
};

template <typename T>
__global__ void __launch_bounds__(THREADS, 1) descend(
    const T* train, const int* labels_g, const T* given_g, const long long* order_g,
    long long mode_g, long long n_g, long long batch_g, long long stream_g, long long k0_g,
    long long k1_g, const T* val, const int* labels_f, const T* given_f, const long long* order_f,
    long long mode_f, long long n_f, long long batch_f, long long stream_f, long long k0_f,
    long long k1_f, const T* x, long long n, Table weights, const double* penalty,
    long long penalty_size, Table lr, T* Y, T* Z, long long* rows, long long stride, long long d,
    long long g, long long C, long long kind, const double* shift, double shift_value,
    long long steps, long long first_step, long long independent, long long first_group,
    long long groups, long long warps) {
    const Drawing drawing = {{order_g, mode_g, n_g, batch_g, stream_g, k0_g, k1_g},
                             {order_f, mode_f, n_f, batch_f, stream_f, k0_f, k1_f},
                             independent, g, &weights};
    const RowWeights<T> row_weights = {x, n, kind, shift_at(shift, shift_value)};
    const Crew crew(warps);
    const long long capacity = drawing.capacity(), listed = drawing.listed();
    const long long tiles = tiles_of(capacity, ROWS), across = tiles_of(g * C, COLUMNS);
    const long long down = tiles_of(d, WARP);
    for (long long s = 0; s < steps; ++s) {
        // Two lists by turns: blocks that are late still read the other one.
        long long* drawn = rows + (s & 1) * groups * listed;
        drawing.draw(first_step + s, first_group, groups, drawn);
        const auto samples_of = [&](long long group) {
            const long long* of_group = drawn + group * listed;
            Samples<T> samples = {
                {train, labels_g, given_g, of_group, batch_g},
                {val, labels_f, given_f, of_group + batch_g, of_group[capacity + 1]},
                row_weights,
                d};
            // A short block leaves a gap before the upper level.
            samples.train.share_among(of_group[capacity]);
            return samples;
        };
        wait_for_all_blocks();
        for (long long first = crew.first(); first < groups * g * tiles; first += crew.all()) {
            const long long task = first + crew.own(), j = task % (groups * g);
            const long long group = j / g;
            residual_tile(samples_of(group), task / (groups * g), Y + j * C * d, C, weights.v[j],
                          Z + group * capacity * stride + j % g * C, stride, crew);
        }
        wait_for_all_blocks();
        for (long long task = blockIdx.x; task < groups * down * across; task += gridDim.x) {
            const long long group = task / (down * across), of_group = task % (down * across);
            const DescentStep<T> finish = {
                Y + group * g * C * d, {penalty, penalty_size, C, d}, lr.v[group]};
            sum_samples<true>(samples_of(group), Z + group * capacity * stride, stride,
                              of_group % across * COLUMNS, g * C, of_group / across * WARP, finish);
        }
    }
}
