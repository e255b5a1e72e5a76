// Gradient, curvature and linear steps on CSR data, see kernels/reference/csr_curvature.py.
#include "csr.cuh"

// Residuals of a minibatch at y; with two matrices, y and v, behind them in each row the curvature
// times the logits of v, and in `cross`, unless it is null, the slopes along v.
template <typename T, typename I>
__global__ void residuals(ROWS_PARAMETERS(g), const int* labels, const T* given, const T* x,
                          long long n_x, const double* shift, double shift_value, long long kind,
                          const T* Y, double* cross, T* Z, long long matrices, long long d,
                          long long C) {
    const Team team(team_width(C));
    const Stacked<const T> iterates{Y, C, d * C, matrices * C};
    for (long long r = blockIdx.x; r < m_g; r += gridDim.x) {
        const long long i = rows_g[r];
        T* z = Z + r * matrices * C;
        row_products(ROWS_OF(g), i, iterates, (const double*)0, z);
        if (threadIdx.x >= team.width) continue;
        const T weight =
            (T)row_coefficient(kind, x, n_x, shift_at(shift, shift_value), given, i, m_g);
        if (matrices == 1) {
            softmax_residual(z, C, labels[i], weight, team);
        } else {
            const T slope = softmax_derivatives(z, z + C, C, labels[i], weight, team);
            if (cross && threadIdx.x == 0) cross[r] = (double)slope;
        }
    }
}

// One penalty per feature, or per feature and class, or none.
struct Penalty {
    const double* values;
    long long columns;  // 1, C, or 0

    __device__ double at(long long i, long long c) const {
        return columns ? values[columns == 1 ? i : i * columns + c] : 0.0;
    }
};

// out <- e V + X' Z for matrices side by side.
template <typename T>
struct Gradient {
    Stacked<const T> V;
    Stacked<T> out;
    Penalty penalty;

    __device__ bool prepare(long long, bool, T&, T&) const { return true; }

    __device__ void apply(long long i, long long k, T sum, T, T) const {
        const long long at = i * V.width;
        out.column(k)[at] = (T)penalty.at(i, V.within(k)) * V.column(k)[at] + sum;
    }
};

// `Z` has `stride` numbers a row, of which those of the matrices begin behind `skipped` others.
template <typename T, typename I>
__global__ void __launch_bounds__(OWNERS, 2)
    accumulate(COLUMNS_PARAMETERS(g), const T* Z, long long skipped, long long stride, const T* V,
               const double* penalty, long long penalty_columns, T* out, long long matrices,
               long long d, long long C) {
    const Batch<T, I> batches[1] = {{COLUMNS_OF(g), Z + skipped, stride}};
    const long long columns = matrices * C;
    by_features(d, batches, columns,
                Gradient<T>{{V, C, d * C, columns}, {out, C, d * C, columns},
                            {penalty, penalty_columns}});
}

// Bring features of v, and of the total, to where step number `step` begins, and note `mark` for
// them. They are those of block number `first`, or of the minibatch's rows, or all. Whoever marks a
// feature first brings it up to date; who that is makes no difference.
template <typename T, typename I>
__global__ void catch_up(const long long* pointer, const I* indices, const long long* rows,
                         long long first, long long m, const double* penalty,
                         long long penalty_columns, T* V, const T* b, T* total, double lr,
                         long long mode, long long step, int* done, long long mark, long long d,
                         long long C) {
    const Penalty decay{penalty, penalty_columns};
    const int lane = threadIdx.x % WARP;
    const long long warp = (long long)blockIdx.x * (blockDim.x / WARP) + threadIdx.x / WARP;
    const long long stride = (long long)gridDim.x * blockDim.x;
    for (long long r = blockIdx.y; r < m; r += gridDim.y) {
        const long long segment = rows ? rows[r] : first;
        const long long stop = pointer ? pointer[segment + 1] : d;
        for (long long e = (pointer ? pointer[segment] : 0) + warp * WARP; e < stop; e += stride) {
            long long feature = 0, steps = -1;
            if (e + lane < stop) {
                feature = indices ? (long long)indices[e + lane] : e + lane;
                steps = atomicExch(done + feature, (int)mark);
            }
            for (unsigned left = __ballot_sync(0xffffffffu, steps >= 0); left; left &= left - 1u) {
                const int source = __ffs(left) - 1;
                const long long i = __shfl_sync(0xffffffffu, feature, source);
                const long long taken = __shfl_sync(0xffffffffu, steps, source);
                for (long long c = lane; c < C; c += WARP) {
                    const double keep = 1.0 - lr * decay.at(i, c);
                    double power = 1.0, powers = 0.0;
                    for (long long s = taken; s < step; ++s) powers += power *= keep;
                    T& v = V[i * C + c];
                    // The v after the last step of this feature is not in the total yet.
                    if (mode == SUM) total[i * C + c] += (T)(powers + (taken > 0 ? 1.0 : 0.0)) * v;
                    v *= (T)power;
                    if (mode == SOLVE) v += (T)(lr * (1.0 + powers - power)) * b[i * C + c];
                }
            }
        }
    }
}

// v <- v - lr (H v - b) for the features that `catch_up` has marked; H of the fixed block, if any.
template <typename T>
struct LinearStep {
    T* V;
    const T* b;  // null if there is none
    Penalty penalty;
    T lr;
    int* done;
    int next;
    long long C;

    __device__ bool prepare(long long i, bool, T&, T&) const { return done[i] < 0; }

    __device__ void apply(long long i, long long c, T sum, T, T) const {
        T& v = V[i * C + c];
        v -= lr * ((T)penalty.at(i, c) * v + sum - (b ? b[i * C + c] : (T)0));
        if (c == 0) done[i] = next;
    }
};

template <typename T, typename I>
__global__ void __launch_bounds__(OWNERS, 2)
    linear_step(COLUMNS_PARAMETERS(g), const T* Z, T* V, const T* b, const double* penalty,
                long long penalty_columns, double lr, long long mode, long long step, int* done,
                long long d, long long C) {
    const Batch<T, I> batches[1] = {{COLUMNS_OF(g), Z + C, 2 * C}};
    by_features(d, batches, C,
                LinearStep<T>{V, mode == SOLVE ? b : (const T*)0, {penalty, penalty_columns}, (T)lr,
                              done, (int)(step + 1), C});
}
