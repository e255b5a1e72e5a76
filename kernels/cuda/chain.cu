// Chains, see kernels/reference/chain.py.
#include "draw.cuh"
#include "sums.cuh"

// 0 for t <= 1/2, else exp(1 - 1 / (2t - 1)^2).
__device__ __forceinline__ double psi(double t) {
    const double w = 2.0 * t - 1.0;
    return t > 0.5 ? exp(1.0 - 1.0 / (w * w)) : 0.0;
}

__device__ __forceinline__ double psi_slope(double t) {
    const double w = 2.0 * t - 1.0;
    return t > 0.5 ? psi(t) * 4.0 / (w * w * w) : 0.0;
}

// sqrt(e) times the integral of exp(-s^2 / 2) over s < t.
__device__ __forceinline__ double phi(double t) {
    return HALF_WIDTH * erfc(-t * ROOT_HALF);
}

// The number before number i of x / scale; 1 before the first.
template <typename T>
__device__ __forceinline__ double before(const T* x, double scale, long long i) {
    return i ? (double)x[i - 1] / scale : 1.0;
}

template <typename T>
__global__ void carmon_value(const T* x, double scale, long long n, double factor, long long keep,
                             double* out, double* parts) {
    double sum = 0.0;
    for (STRIDE(i, n)) {
        const double b = before(x, scale, i), t = (double)x[i] / scale;
        // One of the two is zero, most often both: then no error function is needed.
        const double rise = psi(-b), fall = psi(b);
        if (rise > 0.0) sum += rise * phi(-t);
        if (fall > 0.0) sum -= fall * phi(t);
    }
    grid_sum(sum, factor, keep, out, parts);
}

template <typename T>
__global__ void carmon_gradient(const T* x, double factor, double scale, T* out, long long n) {
    for (STRIDE(i, n)) {
        const double b = before(x, scale, i), t = (double)x[i] / scale;
        double slope = -(psi(-b) + psi(b)) * exp(0.5 * (1.0 - t * t));
        if (i + 1 < n && fabs(t) > 0.5) {
            const double after = (double)x[i + 1] / scale;
            slope -= psi_slope(fabs(t)) * phi(t > 0.0 ? after : -after);
        }
        out[i] = (T)(factor * slope);
    }
}

// The number of coordinates that a method has found; by one block, in every thread.
template <typename T>
__device__ __forceinline__ long long found(const T* x, double threshold, long long n) {
    // The last one found, or the first one that is zero, counted from the end: both the largest.
    double top = 0.0;
    for (BLOCK_STRIDE(i, n)) {
        const double size = fabs((double)x[i]);
        if (threshold > 0.0 ? size >= threshold : size == 0.0)
            top = fmax(top, (double)(threshold > 0.0 ? i + 1 : n - i));
    }
    top = block_max(top);
    return threshold > 0.0 ? (long long)top : n - (long long)top;
}

template <typename T>
__global__ void progress(const T* x, double threshold, double* out, long long n) {
    const long long count = found(x, threshold, n);
    if (threadIdx.x == 0) out[0] = (double)count;
}

// One block.
template <typename T>
__global__ void hide_next(const T* x, double threshold, const long long* rows, long long samples,
                          double probability, long long k0, long long k1, T* out, long long n) {
    const long long i = found(x, threshold, n);
    double heads = 0.0;
    for (BLOCK_STRIDE(s, samples)) {
        const uint4 w = words_of(rows[s], 0, COIN_TAG, k0, k1);
        if (uniform(w.x, w.y) < probability) heads += 1.0;
    }
    heads = block_sum(heads);
    if (threadIdx.x == 0 && i < n) out[i] *= (T)(heads / ((double)samples * probability));
}

template <typename T>
__global__ void path_value(const T* y, double start, long long n, double factor, long long keep,
                           double* out, double* parts) {
    double sum = 0.0;
    for (STRIDE(i, n)) {
        const double step = (double)y[i] - (i ? (double)y[i - 1] : start);
        sum += step * step;
    }
    grid_sum(sum, factor, keep, out, parts);
}

template <typename T>
__global__ void path_gradient(const T* y, double start, T* out, long long n) {
    for (STRIDE(i, n)) {
        const double here = (double)y[i];
        const double after = i + 1 < n ? (double)y[i + 1] : here;
        out[i] = (T)(((here - (i ? (double)y[i - 1] : start)) - (after - here)) / 4.0);
    }
}

// The sum of numbers; the kernels below want half an angle, pi / sqrt(n) that of the second half.
template <typename T>
__global__ void sum(const T* y, long long n, double factor, long long keep, double* out,
                    double* parts) {
    double share = 0.0;
    for (STRIDE(i, n)) share += (double)y[i];
    grid_sum(share, factor, keep, out, parts);
}

template <typename T>
__global__ void tail_value(const T* x, const double* half_angle, double* out) {
    out[0] = sin((double)x[0]) * sin(half_angle[0]);
}

template <typename T>
__global__ void tail_gradient_x(const T* x, const double* half_angle, T* out) {
    out[0] = (T)(cos((double)x[0]) * sin(half_angle[0]));
}

template <typename T>
__global__ void tail_gradient_y(const T* x, const double* half_angle, double factor, T* out,
                                long long n) {
    const double value = factor * sin((double)x[0]) * cos(half_angle[0]);
    for (STRIDE(i, n)) out[i] = i < n / 2 ? (T)0 : (T)value;
}
