// Products of dense data with iterates, in tiles that a warp holds in registers.
//
// Blocks have THREADS threads. Nothing is read through the read-only cache: iterates and residuals
// change while a kernel runs.
#pragma once

static_assert(ROWS * COLUMNS == WARP, "a thread has one logit of a tile");
static_assert(COLUMNS == WARPS, "a warp has one column of a sum");
// Samples whose products are summed before they are added to the others: rounding errors of a long
// sum would grow with its length.
constexpr long long CHUNK = 512;

// COLUMNS neighbouring numbers of a padded array, read at once.
template <typename T>
struct alignas(16) Columns {
    T v[COLUMNS];
};

__device__ __forceinline__ long long tiles_of(long long count, long long size) {
    return (count + size - 1) / size;
}

// Neighbouring warps that share a tile of logits, each of them with a part of the features: `size`
// of them, a power of two up to WARPS, the same in the whole grid.
struct Crew {
    int size, part;

    __device__ explicit Crew(long long warps) : size((int)warps) {
        part = (threadIdx.x / WARP) & (size - 1);
    }

    // The first tile of the block, the tile of this crew relative to it, and the tiles of the grid.
    __device__ long long first() const { return (long long)blockIdx.x * (WARPS / size); }
    __device__ int own() const { return (threadIdx.x / WARP) / size; }
    __device__ long long all() const { return (long long)gridDim.x * (WARPS / size); }
};

// Sums over the warp: each thread hands half of its 2 HALF sums to another one, until it has one,
// that of its own number. The recursion makes all indices constants: the sums stay in registers.
template <int HALF>
struct Fold {
    template <typename T>
    static __device__ __forceinline__ void run(T* sums, int lane) {
        const bool upper = lane & HALF;
#pragma unroll
        for (int i = 0; i < HALF; ++i) {
            const T kept = upper ? sums[i + HALF] : sums[i];
            const T given = upper ? sums[i] : sums[i + HALF];
            sums[i] = kept + __shfl_xor_sync(0xffffffffu, given, HALF);
        }
        Fold<HALF / 2>::run(sums, lane);
    }
};

template <>
struct Fold<0> {
    template <typename T>
    static __device__ __forceinline__ void run(T*, int) {}
};

// Products of ROWS rows with `columns` <= COLUMNS columns, over the first `features` of d: thread
// COLUMNS r + c of each warp gets that of row r and column c. All threads of the block call it.
template <typename T>
__device__ __forceinline__ T tile_products(const T* const (&rows)[ROWS], const T* V,
                                           long long columns, long long features, long long d,
                                           const Crew& crew) {
    __shared__ T parts[THREADS];
    const int lane = threadIdx.x % WARP;
    T sums[WARP] = {};
#pragma unroll 2
    for (long long k = crew.part * WARP + lane; k < features; k += crew.size * WARP) {
        T x[ROWS];
#pragma unroll
        for (int r = 0; r < ROWS; ++r) x[r] = rows[r][k];
#pragma unroll
        for (int c = 0; c < COLUMNS; ++c) {
            if (c < columns) {
                const T v = V[c * d + k];
#pragma unroll
                for (int r = 0; r < ROWS; ++r) sums[r * COLUMNS + c] += x[r] * v;
            }
        }
    }
    Fold<WARP / 2>::run(sums, lane);
    if (crew.size == 1) return sums[0];
    parts[threadIdx.x] = sums[0];
    __syncthreads();
    T total = 0;
    for (int p = 0; p < crew.size; ++p) total += parts[(crew.own() * crew.size + p) * WARP + lane];
    __syncthreads();  // `parts` may be written again by the next call
    return total;
}

// ROWS neighbouring samples of a minibatch, those numbered from ROWS * tile on.
template <typename T>
struct Tile {
    const T* rows[ROWS];
    long long features;  // 0 if there is no sample at all
    long long sample;    // of this thread
    bool first;          // whether this thread writes

    // `anything` is read in place of rows that are not there.
    template <typename Samples>
    __device__ Tile(const Samples& samples, long long tile, const T* anything, const Crew& crew) {
        features = 0;
#pragma unroll
        for (int r = 0; r < ROWS; ++r) {
            rows[r] = samples.features(tile * ROWS + r);
            if (rows[r]) features = samples.d;
            else rows[r] = anything;
        }
        sample = tile * ROWS + (threadIdx.x % WARP) / COLUMNS;
        first = crew.part == 0 && sample < samples.size();
    }
};

// Logits of a tile at the iterates V (C, d): row `sample` of Z, C numbers.
template <typename T>
__device__ __forceinline__ void tile_logits(const Tile<T>& tile, const T* V, long long C,
                                            long long d, T* Z, long long stride,
                                            const Crew& crew) {
    // Parts of equal length, rather than a short last one.
    const long long step = tiles_of(C, tiles_of(C, COLUMNS));
    const int c = threadIdx.x & (COLUMNS - 1);
    for (long long first = 0; first < C; first += step) {
        const long long columns = C - first < step ? C - first : step;
        const T z = tile_products(tile.rows, V + first * d, columns, tile.features, d, crew);
        if (tile.first && c < columns) Z[tile.sample * stride + first + c] = z;
    }
    __syncwarp();
}

// Sums over the samples of Z[sample, column] times the data, for WARP features and COLUMNS columns
// from `column` on; finish(column, feature, sum) is called for those that are there. All threads of
// the block call it. PADDED: rows of Z begin at multiples of COLUMNS, and so does `column`.
template <bool PADDED, typename T, typename Samples, typename Finish>
__device__ __forceinline__ void sum_samples(const Samples& samples, const T* Z, long long stride,
                                            long long column, long long width, long long feature,
                                            const Finish& finish) {
    __shared__ T parts[THREADS * COLUMNS];
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    const long long n = samples.size(), k = feature + lane;
    T total[COLUMNS] = {};
    for (long long from = 0; from < n; from += CHUNK) {
        const long long end = n - from < CHUNK ? n : from + CHUNK;
        T sums[COLUMNS] = {};
#pragma unroll 4
        for (long long sample = from + warp; sample < end; sample += WARPS) {
            const T* row = samples.features(sample);
            const T x = row && k < samples.d ? row[k] : (T)0;
            const T* z = Z + sample * stride + column;
            Columns<T> values;
            if (PADDED) {
                values = *reinterpret_cast<const Columns<T>*>(z);
            } else {
#pragma unroll
                for (int c = 0; c < COLUMNS; ++c) values.v[c] = column + c < width ? z[c] : (T)0;
            }
#pragma unroll
            for (int c = 0; c < COLUMNS; ++c) sums[c] += values.v[c] * x;
        }
#pragma unroll
        for (int c = 0; c < COLUMNS; ++c) total[c] += sums[c];
    }
#pragma unroll
    for (int c = 0; c < COLUMNS; ++c) parts[(warp * COLUMNS + c) * WARP + lane] = total[c];
    __syncthreads();
    // One column a warp.
    T sum = 0;
    for (int w = 0; w < WARPS; ++w) sum += parts[(w * COLUMNS + warp) * WARP + lane];
    if (k < samples.d && column + warp < width) finish(column + warp, k, sum);
    __syncthreads();
}
