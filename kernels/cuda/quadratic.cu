// Quadratic objectives, coefficients one array or a stack, see kernels/reference/quadratic.py.
#include "draw.cuh"
#include "sums.cuh"
#include "team.cuh"

// Pairs (sample, entry), entry < q, numbered one sample after the other: every step-th of them.
struct Pairs {
    long long sample, entry;
    const long long q, samples, entries;

    __device__ Pairs(long long first, long long step, long long q)
        : sample(first / q), entry(first % q), q(q), samples(step / q), entries(step % q) {}

    __device__ void next() {
        sample += samples;
        entry += entries;
        if (entry >= q) {
            entry -= q;
            ++sample;
        }
    }
};

// The member of a stack that a sample stands for: its only one, or that of its row.
__device__ __forceinline__ long long member(long long members, const long long* rows,
                                            long long sample) {
    return members == 1 ? 0 : rows[sample];
}

// A block for every element of `out`.
template <typename T>
__global__ void add_product(const T* A, const long long* rows, const T* v, double factor, T* out,
                            long long members, long long samples, long long p, long long q) {
    for (long long row = blockIdx.x; row < p; row += gridDim.x) {
        double sum = 0.0;
        for (Pairs at(threadIdx.x, blockDim.x, q); at.sample < samples; at.next()) {
            const long long i = member(members, rows, at.sample);
            sum += (double)A[(i * p + row) * q + at.entry] * (double)v[at.entry];
        }
        sum = block_sum(sum);
        if (threadIdx.x == 0) out[row] += (T)(factor * sum / (double)samples);
    }
}

// A block for every WARP neighbouring elements of `out`, so that reads are of neighbours; its warps
// share the summands. No v stands for ones. Blocks have THREADS threads.
template <typename T>
__global__ void add_transposed_product(const T* A, const long long* rows, const T* v,
                                       double factor, T* out, long long members,
                                       long long samples, long long q, long long p) {
    __shared__ double parts[THREADS];
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    for (long long first = (long long)WARP * blockIdx.x; first < p;
         first += (long long)WARP * gridDim.x) {
        const long long column = first + lane;
        double sum = 0.0;
        if (column < p)
            for (Pairs at(warp, warps, q); at.sample < samples; at.next()) {
                const long long i = member(members, rows, at.sample);
                const double entry = (double)A[(i * q + at.entry) * p + column];
                sum += v ? entry * (double)v[at.entry] : entry;
            }
        parts[threadIdx.x] = sum;
        __syncthreads();
        if (warp == 0 && column < p) {
            double total = 0.0;
            for (int w = 0; w < warps; ++w) total += parts[WARP * w + lane];
            out[column] += (T)(factor * total / (double)samples);
        }
        __syncthreads();  // `parts` is written again
    }
}

// A team for every two neighbouring elements of `out`, which share their random words.
template <typename T>
__global__ void add_noise(const long long* rows, long long lane, double factor, long long k0,
                          long long k1, T* out, long long n, long long pairs, long long samples,
                          long long width) {
    const Team team(width);
    for (TEAM_STRIDE(pair, pairs, team)) {
        double even = 0.0, odd = 0.0;
        for (long long s = team.lane; s < samples; s += team.width) {
            const double2 both = normal_pair(pair, rows[s], lane, k0, k1);
            even += both.x;
            odd += both.y;
        }
        even = team_sum(even, team);
        odd = team_sum(odd, team);
        if (team.lane != 0) continue;
        out[2 * pair] += (T)(factor * even);
        if (2 * pair + 1 < n) out[2 * pair + 1] += (T)(factor * odd);
    }
}

template <typename T, typename K>
__global__ void add_dot(const T* u, const K* v, long long n, double factor, long long keep,
                        double* out, double* parts) {
    double sum = 0.0;
    for (STRIDE(i, n)) sum += (double)u[i] * (double)v[i];
    grid_sum(sum, factor, keep, out, parts);
}
