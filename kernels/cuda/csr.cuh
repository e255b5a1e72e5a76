// Softmax regression on CSR data, what both of its families share: products of rows with iterates,
// and updates of iterates by features. See kernels/reference/csr.py.
//
// Nothing is written by two threads: a block owns a row, or every gridDim-th feature. Features are
// numbered by falling frequency, so that neighbours among the blocks have about equal work.
#pragma once
#include "common.cuh"
#include "softmax.cuh"
#include "weights.cuh"

// Entries of a row that are in shared memory at a time.
constexpr int TILE = 256;
// More than so many sums of parts of a row or column cost more than they save.
constexpr int MOST_PARTS = 16;
// Features with more entries are shared by all threads of the block.
constexpr int FEW = 32;

// Rows of data, and those of a minibatch.
template <typename T, typename I>
struct Rows {
    const long long* indptr;
    const I* indices;
    const T* values;
    const long long* rows;
    long long m;
};
#define ROWS_PARAMETERS(s)                                                        \
    const long long *indptr_##s, const I *indices_##s, const T *values_##s,       \
        const long long *rows_##s, long long m_##s
#define ROWS_OF(s) Rows<T, I>{indptr_##s, indices_##s, values_##s, rows_##s, m_##s}

// Copies of the fixed blocks by features, those of a block by rising number; the number of the block
// that the minibatch is, or -1. See layout_csr.py.
template <typename T, typename I>
struct Columns {
    const long long* starts;
    const I* features;
    const long long* pointer;
    const int* local_row;
    const T* values;
    long long block;
};
#define COLUMNS_PARAMETERS(s)                                                     \
    const long long *starts_##s, const I *features_##s, const long long *pointer_##s, \
        const int *local_row_##s, const T *entries_##s, long long block_##s
#define COLUMNS_OF(s)                                                             \
    Columns<T, I>{starts_##s, features_##s, pointer_##s, local_row_##s, entries_##s, block_##s}

// A fixed block by features and the residuals of its rows, `stride` numbers a row.
template <typename T, typename I>
struct Batch {
    Columns<T, I> columns;
    const T* Z;
    long long stride;
};

// One or two matrices of `width` columns side by side, the second `distance` behind the first.
template <typename T>
struct Stacked {
    T* first;
    long long width, distance, columns;

    __device__ long long within(long long k) const { return k < width ? k : k - width; }

    // Column k of the first feature.
    __device__ T* column(long long k) const {
        return first + (k < width ? k : distance + k - width);
    }
};

// A block's threads as groups with a thread for each of `across` neighbouring columns.
struct Groups {
    int across, count, number, column;

    __device__ explicit Groups(long long columns) {
        across = (int)min(columns, (long long)blockDim.x);
        count = blockDim.x / across;
        number = threadIdx.x / across;
        column = threadIdx.x % across;
    }
};

// Sum over the first `count` groups of a block, in a fixed order, valid in group 0. All threads call it.
template <typename T>
__device__ __forceinline__ T sum_of_groups(T value, const Groups& groups, int count, T* parts) {
    parts[threadIdx.x] = value;
    __syncthreads();
    if (groups.number == 0)
        for (int q = 1; q < count; ++q) value += parts[q * groups.across + groups.column];
    __syncthreads();
    return value;
}

// out[k] <- sum over the entries of row i of value * scale * V[feature, k], for every column of V. All
// threads of the block call it and see all of `out` afterwards. There is no scale if it is null.
template <typename T, typename I>
__device__ void row_products(const Rows<T, I>& data, long long i, const Stacked<const T>& V,
                             const double* scale, T* out) {
    __shared__ I index[TILE];
    __shared__ T value[TILE];
    __shared__ T parts[ROW_THREADS];
    const Groups groups(V.columns);
    const int sharing = min(groups.count, MOST_PARTS);
    const long long start = data.indptr[i], stop = data.indptr[i + 1];
    for (long long left = 0; left < V.columns; left += groups.across) {
        const long long k = left + groups.column;
        const bool adds = groups.number < sharing && k < V.columns;
        const T* v = V.column(adds ? k : 0);
        T sum = 0;
        for (long long tile = start; tile < stop; tile += TILE) {
            const int count = (int)min(stop - tile, (long long)TILE);
            for (int e = threadIdx.x; e < count; e += blockDim.x) {
                index[e] = data.indices[tile + e];
                value[e] = data.values[tile + e];
                if (scale) value[e] *= (T)scale[index[e]];
            }
            __syncthreads();
            if (adds) {
#pragma unroll 4
                for (int e = groups.number; e < count; e += sharing)
                    sum += value[e] * v[index[e] * V.width];
            }
            __syncthreads();
        }
        sum = sum_of_groups(sum, groups, sharing, parts);
        if (adds && groups.number == 0) out[k] = sum;
    }
    __syncthreads();
}

// r_i s(x_i) / m, the weight of row i in a minibatch of m rows.
template <typename T>
__device__ __forceinline__ double row_coefficient(long long kind, const T* x, long long n_x,
                                                  double shift, const T* given, long long i,
                                                  long long m) {
    const double value = kind == WEIGHT_NONE ? 0.0 : (double)x[i];
    return (double)given[i] * row_weight(kind, value, shift, n_x) / (double)m;
}

// Threads of a team for rows of C numbers.
__device__ __forceinline__ int team_width(long long C) {
    int width = 1;
    while (width < C && width < WARP) width *= 2;
    return width;
}

// Where the entries of feature i begin in the block; their number, 0 if there are none.
template <typename T, typename I>
__device__ __forceinline__ int find_feature(const Columns<T, I>& block, long long i,
                                            long long& first) {
    first = 0;
    if (block.block < 0) return 0;
    const long long stop = block.starts[block.block + 1];
    long long low = block.starts[block.block], high = stop;
    while (low < high) {
        const long long middle = (low + high) / 2;
        if (block.features[middle] < i)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == stop || block.features[low] != i) return 0;
    first = block.pointer[low];
    return (int)(block.pointer[low + 1] - first);
}

// Sum of every step-th of `count` entries of a feature times column k of their residuals.
template <typename T, typename I>
__device__ __forceinline__ T sum_of_entries(const Batch<T, I>& batch, long long first, int count,
                                            int begin, int step, long long k) {
    const int* local_row = batch.columns.local_row + first;
    const T *values = batch.columns.values + first, *Z = batch.Z + k;
    T sum = 0;
#pragma unroll (sizeof(T) == 4 ? 8 : 4)  // loads on their way; more do not fit in 64 registers
    for (int e = begin; e < count; e += step) sum += values[e] * Z[local_row[e] * batch.stride];
    return sum;
}

// Every feature of the block once. An `Update` has two functions:
// * `prepare(i, found, keep, rate)`, by one thread: whether feature i changes, and two numbers for
//   `apply`; `found` says whether it has entries in the fixed blocks;
// * `apply(i, k, sum, keep, rate)`, by the owner of column k, if it changes: `sum` is over the entries.
template <typename T, typename I, int S, typename Update>
__device__ void by_features(long long d, const Batch<T, I> (&batches)[S], long long columns,
                            const Update& update) {
    __shared__ long long first[S * FEATURES];
    __shared__ int count[S * FEATURES];
    __shared__ int total[FEATURES];  // entries; -1 if the feature does not change
    __shared__ T keep[FEATURES];
    __shared__ T rate[FEATURES];
    __shared__ T parts[OWNERS];
    const Groups groups(columns);
    const int sharing = min(groups.count, MOST_PARTS), slot = threadIdx.x;
    const long long stride = gridDim.x;
    for (long long base = 0; base * stride < d; base += FEATURES) {
        if (slot < FEATURES) {
            const long long i = (base + slot) * stride + blockIdx.x;
            total[slot] = -1;
            if (i < d) {
                int entries = 0;
#pragma unroll
                for (int s = 0; s < S; ++s) {
                    const int at = s * FEATURES + slot;
                    entries += count[at] = find_feature(batches[s].columns, i, first[at]);
                }
                if (update.prepare(i, entries > 0, keep[slot], rate[slot])) total[slot] = entries;
            }
        }
        __syncthreads();
        for (int q = groups.number; q < FEATURES && groups.number < groups.count; q += groups.count) {
            if (total[q] < 0 || (total[q] > FEW && groups.count > 1)) continue;
            for (long long k = groups.column; k < columns; k += groups.across) {
                T sum = 0;
#pragma unroll
                for (int s = 0; s < S; ++s) {
                    const int at = s * FEATURES + q;
                    sum += sum_of_entries(batches[s], first[at], count[at], 0, 1, k);
                }
                update.apply((base + q) * stride + blockIdx.x, k, sum, keep[q], rate[q]);
            }
        }
        for (int q = 0; q < FEATURES; ++q) {
            if (total[q] <= FEW || groups.count == 1) continue;
            T sum = 0;
#pragma unroll
            for (int s = 0; s < S; ++s) {
                const int at = s * FEATURES + q;
                if (groups.number < sharing)
                    sum += sum_of_entries(batches[s], first[at], count[at], groups.number, sharing,
                                          groups.column);
            }
            sum = sum_of_groups(sum, groups, sharing, parts);
            if (groups.number == 0)
                update.apply((base + q) * stride + blockIdx.x, groups.column, sum, keep[q], rate[q]);
        }
        __syncthreads();
    }
}
