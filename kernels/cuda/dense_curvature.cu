// Curvature of softmax regression on dense data, see kernels/reference/dense_curvature.py.
// Gradients take their residuals from the dense family.
#include "common.cuh"
#include "dense_samples.cuh"

// Z, U <- residuals at y and curvatures along v = Y[1], both padded, U behind Z in each row of the
// scratch array; cross <- slopes, unless there is no such array.
template <typename T>
__global__ void __launch_bounds__(THREADS, 1) sweep(
    const T* X, const int* labels, const T* given, const long long* rows, long long m, const T* x,
    long long n, long long kind, const double* shift, double shift_value, const T* Y, T* Z,
    long long stride, double* cross, long long d, long long C, long long warps) {
    const Samples<T> samples = {
        {X, labels, given, rows, m}, {}, {x, n, kind, shift_at(shift, shift_value)}, d};
    const Crew crew(warps);
    T* U = Z + stride / 2;
    for (long long first = crew.first(); first < tiles_of(m, ROWS); first += crew.all()) {
        const Tile<T> tile(samples, first + crew.own(), Y, crew);
        tile_logits(tile, Y, C, d, Z, stride, crew);
        tile_logits(tile, Y + C * d, C, d, U, stride, crew);
        if (tile.first) {
            const long long at = tile.sample * stride, i = rows[tile.sample];
            const Team team(COLUMNS);
            const T weight = (T)samples.lower_coefficient(i);
            const T slope = softmax_derivatives(Z + at, U + at, C, labels[i], weight, team);
            if (cross && team.lane == 0) cross[tile.sample] = (double)slope;
        }
    }
}

// out <- sum + e V.
template <typename T>
struct WithPenalty {
    const T* V;
    T* out;
    Penalty penalty;

    __device__ void operator()(long long column, long long feature, double sum) const {
        const long long i = column * penalty.d + feature;
        if (penalty.size) sum += penalty.at(column, feature) * (double)V[i];
        out[i] = (T)sum;
    }
};

// `parts` sums over the samples, of C columns of Z each, `apart` columns apart.
template <typename T>
__global__ void __launch_bounds__(THREADS, 1) sums(
    const T* X, const long long* rows, long long m, const T* Z, long long stride, long long apart,
    long long parts, const T* V, const double* penalty, long long penalty_size, T* out,
    long long d, long long C) {
    const Samples<T> samples = {{X, 0, 0, rows, m}, {}, {}, d};
    const long long across = tiles_of(C, COLUMNS), down = tiles_of(d, WARP);
    for (long long task = blockIdx.x; task < parts * across * down; task += gridDim.x) {
        const long long part = task % parts, tile = task / parts;
        const WithPenalty<T> finish = {
            V + part * C * d, out + part * C * d, {penalty, penalty_size, C, d}};
        sum_samples<true>(samples, Z + part * apart, stride, tile % across * COLUMNS, C,
                          tile / across * WARP, finish);
    }
}

// v <- v - lr (H v - b); total <- total + v.
template <typename T>
struct LinearStep {
    T* v;
    const T* b;
    T* total;
    Penalty penalty;
    double lr;
    long long mode;

    __device__ void operator()(long long column, long long feature, double sum) const {
        const long long i = column * penalty.d + feature;
        double change = sum + penalty.at(column, feature) * (double)v[i];
        if (mode == SOLVE) change -= (double)b[i];
        v[i] = (T)((double)v[i] - lr * change);
        if (mode == SUM) total[i] += v[i];
    }
};

template <typename T>
__global__ void __launch_bounds__(THREADS, 1) linear_update(
    const T* X, const long long* rows, long long m, const T* U, long long stride, T* v,
    const double* penalty, long long penalty_size, const T* b, T* total, double lr, long long mode,
    long long d, long long C) {
    const Samples<T> samples = {{X, 0, 0, rows, m}, {}, {}, d};
    const LinearStep<T> finish = {v, b, total, {penalty, penalty_size, C, d}, lr, mode};
    const long long across = tiles_of(C, COLUMNS);
    for (long long task = blockIdx.x; task < across * tiles_of(d, WARP); task += gridDim.x)
        sum_samples<true>(samples, U, stride, task % across * COLUMNS, C, task / across * WARP,
                          finish);
}
