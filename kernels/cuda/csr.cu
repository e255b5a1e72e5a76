// Products and the fused SGD step on CSR data, see kernels/reference/csr.py.
#include "csr.cuh"

template <typename T, typename I>
__global__ void forward(ROWS_PARAMETERS(g), const T* V, T* Z, long long width) {
    const Stacked<const T> iterates{V, width, 0, width};
    for (long long r = blockIdx.x; r < m_g; r += gridDim.x)
        row_products(ROWS_OF(g), rows_g[r], iterates, (const double*)0, Z + r * width);
}

// Entries of a row that a warp looks through at a time.
constexpr int SPAN = 64;

// G += factor / scale X' Z for two minibatches, neither of which need be a fixed block; their residuals
// begin at rows 0 and `first_f` of Z. There is no scale if it is null.
//
// Every block looks through all entries: a warp lists those of a row that belong to features of the
// block; then each warp adds what is in the lists of its own features, row by row, and each of its
// threads in its own columns.
template <typename T, typename I>
__global__ void __launch_bounds__(OWNERS, 2)
    backward(ROWS_PARAMETERS(g), ROWS_PARAMETERS(f), const T* Z, long long first_f, long long stride,
             double factor, const double* scale, T* G, long long width, long long distance,
             long long columns) {
    __shared__ I listed[OWNERS / WARP * SPAN];
    __shared__ T value[OWNERS / WARP * SPAN];
    __shared__ int listed_count[OWNERS / WARP];
    const Stacked<T> gradients{G, width, distance, columns};
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    for (long long top = 0; top < m_g + m_f; top += warps) {
        const long long r = top + warp;
        const Rows<T, I> data = r < m_g ? ROWS_OF(g) : ROWS_OF(f);
        const long long i = r < m_g ? rows_g[r] : r < m_g + m_f ? rows_f[r - m_g] : -1;
        long long at = i < 0 ? 0 : data.indptr[i];
        const long long stop = i < 0 ? 0 : data.indptr[i + 1];
        bool more;
        do {
            int n = 0;
            for (int e = lane; e < SPAN; e += WARP) {
                const I feature = at + e < stop ? data.indices[at + e] : 0;
                const bool own = at + e < stop && feature % gridDim.x == blockIdx.x;
                const unsigned owners = __ballot_sync(0xffffffffu, own);
                if (own) {
                    const int place = warp * SPAN + n + __popc(owners & ((1u << lane) - 1u));
                    listed[place] = feature;
                    value[place] = data.values[at + e];
                }
                n += __popc(owners);
            }
            if (lane == 0) listed_count[warp] = n;
            at += SPAN;
            more = __syncthreads_or(at < stop);
            for (int w = 0; w < warps; ++w) {
                const long long row = top + w < m_g ? top + w : top + w - m_g + first_f;
                for (int q = w * SPAN; q < w * SPAN + listed_count[w]; ++q) {
                    const long long feature = listed[q];
                    if (feature / gridDim.x % warps != warp) continue;
                    T by = (T)factor * value[q];
                    if (scale) by /= (T)scale[feature];
                    for (long long k = lane; k < columns; k += WARP)
                        gradients.column(k)[feature * width] += by * Z[row * stride + k];
                }
            }
            __syncthreads();
        } while (more);
    }
}

// Residuals at all offsets, c_r w_j (softmax(X[r] W_j) - e_y): first the lower rows, then the upper.
template <typename T, typename I>
__global__ void residuals(ROWS_PARAMETERS(g), const int* labels_g, const T* given_g,
                          ROWS_PARAMETERS(f), const int* labels_f, const T* given_f, const T* x,
                          long long n_x, const double* shift, double shift_value, long long kind,
                          Table weights, const T* V, const double* scale, T* Z, long long g,
                          long long C) {
    const Team team(team_width(C));
    const Stacked<const T> iterates{V, g * C, 0, g * C};
    for (long long r = blockIdx.x; r < m_g + m_f; r += gridDim.x) {
        const bool upper = r >= m_g;
        const long long i = upper ? rows_f[r - m_g] : rows_g[r];
        T* z = Z + r * g * C;
        row_products(upper ? ROWS_OF(f) : ROWS_OF(g), i, iterates, scale, z);
        const int label = upper ? labels_f[i] : labels_g[i];
        const double coefficient =
            upper ? (double)given_f[i] / (double)m_f
                  : row_coefficient(kind, x, n_x, shift_at(shift, shift_value), given_g, i, m_g);
        for (long long j = threadIdx.x / team.width; j < g; j += blockDim.x / team.width)
            softmax_residual(z + j * C, C, label,
                             (T)(upper ? coefficient * weights.v[j] : coefficient), team);
    }
}

// The step of one feature: decay, and minus lr times the gradient of the fixed blocks.
template <typename T>
struct Descent {
    T* V;
    double* scale;
    const double* penalty;
    bool lazy;
    double lr;
    long long width, C;

    __device__ bool prepare(long long i, bool found, T& keep, T& rate) const {
        double factor = scale[i];
        bool small = false;
        keep = 1;
        if (lazy) {
            factor *= 1.0 - lr * penalty[i];
            small = !(factor > SMALLEST_SCALE);
            if (small) {
                keep = (T)factor;
                factor = 1.0;
            }
            scale[i] = factor;
        }
        rate = (T)lr / (T)factor;
        return found || small || !lazy;
    }

    __device__ void apply(long long i, long long k, T sum, T keep, T rate) const {
        T& v = V[i * width + k];
        const T decayed = lazy ? keep * v : v - (T)lr * (T)penalty[i * C + k % C] * v;
        v = decayed - rate * sum;
    }
};

template <typename T, typename I>
__global__ void __launch_bounds__(OWNERS, 2)
    update(COLUMNS_PARAMETERS(g), COLUMNS_PARAMETERS(f), long long m_g, const T* Z, T* V,
            double* scale, const double* penalty, long long lazy, double lr, long long d,
            long long g, long long C) {
    const long long width = g * C;
    const Batch<T, I> batches[2] = {{COLUMNS_OF(g), Z, width},
                                    {COLUMNS_OF(f), Z + m_g * width, width}};
    by_features(d, batches, width, Descent<T>{V, scale, penalty, lazy != 0, lr, width, C});
}

// V[i] <- scale_i V[i], scale_i <- 1.
template <typename T>
__global__ void flush(T* V, double* scale, long long d, long long width) {
    __shared__ T factor[FEATURES];
    for (long long base = (long long)blockIdx.x * FEATURES; base < d; base += gridDim.x * FEATURES) {
        const int count = (int)min(d - base, (long long)FEATURES), across = (int)width;
        for (int q = threadIdx.x; q < count; q += blockDim.x) {
            factor[q] = (T)scale[base + q];
            scale[base + q] = 1.0;
        }
        __syncthreads();
        for (int e = threadIdx.x; e < count * across; e += blockDim.x) {
            const T by = factor[e / across];
            if (by != (T)1) V[base * width + e] *= by;
        }
        __syncthreads();
    }
}
