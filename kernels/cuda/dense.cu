// Softmax regression on dense data, see kernels/reference/dense.py.
#include "common.cuh"
#include "dense_samples.cuh"

// Rows of a minibatch of which nothing but the data is needed.
template <typename T>
__device__ __forceinline__ Samples<T> rows_alone(const T* train, const long long* rows_g,
                                                 long long m_g, const T* val,
                                                 const long long* rows_f, long long m_f,
                                                 long long d) {
    return {{train, 0, 0, rows_g, m_g}, {val, 0, 0, rows_f, m_f}, {}, d};
}

template <typename T>
__global__ void __launch_bounds__(THREADS, 1) forward(
    const T* X, const long long* rows, const T* V, T* Z, long long m, long long d,
    long long width, long long warps) {
    const Samples<T> samples = rows_alone<T>(X, rows, m, 0, 0, 0, d);
    const Crew crew(warps);
    for (long long tile = crew.first(); tile < tiles_of(m, ROWS); tile += crew.all())
        tile_logits(Tile<T>(samples, tile + crew.own(), V, crew), V, width, d, Z, width, crew);
}

template <typename T>
struct AddScaled {
    T* G;
    T scale;
    long long d;

    __device__ void operator()(long long column, long long feature, T sum) const {
        G[column * d + feature] += scale * sum;
    }
};

template <typename T>
__global__ void __launch_bounds__(THREADS, 1) backward(
    const T* X, const long long* rows, const T* Z, double scale, T* G, long long m, long long d,
    long long width) {
    const Samples<T> samples = rows_alone<T>(X, rows, m, 0, 0, 0, d);
    const AddScaled<T> finish = {G, (T)scale, d};
    const long long across = tiles_of(width, COLUMNS);
    for (long long task = blockIdx.x; task < across * tiles_of(d, WARP); task += gridDim.x)
        sum_samples<false>(samples, Z, width, task % across * COLUMNS, width, task / across * WARP,
                           finish);
}

// Residuals of both minibatches at g offsets; Z is padded.
template <typename T>
__global__ void __launch_bounds__(THREADS, 1) residuals(
    const T* train, const int* labels_g, const T* given_g, const long long* rows_g, long long m_g,
    const T* val, const int* labels_f, const T* given_f, const long long* rows_f, long long m_f,
    const T* x, long long n, long long kind, const double* shift, double shift_value,
    Table weights, const T* V, T* Z, long long stride, long long d, long long g, long long C,
    long long warps) {
    const Samples<T> samples = {{train, labels_g, given_g, rows_g, m_g},
                                {val, labels_f, given_f, rows_f, m_f},
                                {x, n, kind, shift_at(shift, shift_value)},
                                d};
    const Crew crew(warps);
    const long long tasks = tiles_of(samples.size(), ROWS) * g;
    for (long long first = crew.first(); first < tasks; first += crew.all()) {
        const long long task = first + crew.own(), j = task % g;
        residual_tile(samples, task / g, V + j * C * d, C, weights.v[j], Z + j * C, stride, crew);
    }
}

// The step, from the residuals.
template <typename T>
__global__ void __launch_bounds__(THREADS, 1) update(
    const T* train, const long long* rows_g, long long m_g, const T* val, const long long* rows_f,
    long long m_f, const T* Z, long long stride, T* V, const double* penalty,
    long long penalty_size, double lr, long long d, long long g, long long C) {
    const Samples<T> samples = rows_alone(train, rows_g, m_g, val, rows_f, m_f, d);
    const DescentStep<T> finish = {V, {penalty, penalty_size, C, d}, lr};
    const long long across = tiles_of(g * C, COLUMNS);
    for (long long task = blockIdx.x; task < across * tiles_of(d, WARP); task += gridDim.x)
        sum_samples<true>(samples, Z, stride, task % across * COLUMNS, g * C, task / across * WARP,
                          finish);
}

// out <- the rows of X, one after the other; a warp a row.
template <typename T>
__global__ void gather(const T* X, const long long* rows, T* out, long long m, long long d) {
    const Team team(WARP);
    for (TEAM_STRIDE(r, m, team)) {
        const T* row = X + rows[r] * d;
        for (long long k = team.lane; k < d; k += team.width) out[r * d + k] = row[k];
    }
}

// Residuals from logits, (m, g, C), of large minibatches.
template <typename T>
__global__ void residuals_of_logits(const int* labels_g, const T* given_g, const long long* rows_g,
                                    long long m_g, const int* labels_f, const T* given_f,
                                    const long long* rows_f, long long m_f, const T* x,
                                    long long n, long long kind, const double* shift,
                                    double shift_value, Table weights, T* Z, long long g,
                                    long long m, long long C, long long width) {
    const Samples<T> samples = {{0, labels_g, given_g, rows_g, m_g},
                                {0, labels_f, given_f, rows_f, m_f},
                                {x, n, kind, shift_at(shift, shift_value)},
                                0};
    const Team team(width);
    for (TEAM_STRIDE(r, m, team)) samples.residual(r / g, weights.v[r % g], Z + r * C, C, team);
}

// The step from the gradients of `levels` levels, (levels, g, C, d).
template <typename T>
__global__ void step(const T* G, long long levels, T* V, const double* penalty,
                     long long penalty_size, double lr, long long d, long long g, long long C) {
    const DescentStep<T> finish = {V, {penalty, penalty_size, C, d}, lr};
    const long long size = g * C * d;
    for (STRIDE(i, size)) {
        double sum = 0.0;
        for (long long level = 0; level < levels; ++level) sum += (double)G[level * size + i];
        finish(i / d, i % d, sum);
    }
}
