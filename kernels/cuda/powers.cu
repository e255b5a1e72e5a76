// Powers of residuals and coordinates, computed in float64, see kernels/reference/powers.py.
#include "powers.cuh"
#include "repeats.cuh"
#include "sums.cuh"
#include "weights.cuh"

template <typename T>
__global__ void subtract_targets(T* Z, const T* targets, const long long* rows, long long m) {
    for (STRIDE(r, m)) Z[r] -= targets[rows[r]];
}

template <typename T>
__global__ void losses(const T* Z, long long m, double power, double* out) {
    for (STRIDE(r, m)) out[r] = absolute_power((double)Z[r], power);
}

template <typename T>
__global__ void slopes(T* Z, const double* coefficients, long long m, double power) {
    for (STRIDE(r, m)) Z[r] = (T)(coefficients[r] * power_slope((double)Z[r], power));
}

template <typename T>
__global__ void curvatures(const T* Z, T* U, const double* coefficients, long long m,
                           double power) {
    for (STRIDE(r, m))
        U[r] = (T)(coefficients[r] * power_curvature((double)Z[r], power) * (double)U[r]);
}

template <typename T>
__global__ void directional(const T* Z, const T* U, long long m, double power, double* out) {
    for (STRIDE(r, m)) out[r] = power_slope((double)Z[r], power) * (double)U[r];
}

template <typename T>
__global__ void row_coefficients(long long kind, const T* x, const T* given,
                                 const long long* rows, double power, double scale, double* out,
                                 long long m) {
    for (STRIDE(r, m)) {
        const long long i = rows[r];
        const double value = kind == WEIGHT_NONE ? 0.0 : (double)x[i];
        const double weight = row_weight(kind, value, 0.0, 0);
        out[r] = scale * (double)given[i] * absolute_power(weight, power);
    }
}

template <typename T>
__global__ void weight_gradient(long long kind, const T* x, const T* given,
                                const long long* rows, const long long* counts,
                                const double* terms, double power, double scale, T* out,
                                long long m) {
    for (STRIDE(r, m)) {
        const long long i = rows[r];
        const double value = (double)x[i], weight = row_weight(kind, value, 0.0, 0);
        const double slope =
            power * absolute_power(weight, power - 1.0) * row_slope(kind, value);
        double here = 0.0;
        if (for_equal_rows(rows, counts, r, [&](long long q) { here += terms[q]; }))
            out[i] += (T)(scale * (double)given[i] * slope * here);
    }
}

template <typename T>
__global__ void add_norm(const T* y, double power, long long n, double factor, long long keep,
                         double* out, double* parts) {
    double sum = 0.0;
    for (STRIDE(i, n)) sum += absolute_power((double)y[i], power);
    grid_sum(sum, factor, keep, out, parts);
}

template <typename T>
__global__ void add_norm_gradient(const T* y, double power, double scale, T* out, long long n) {
    for (STRIDE(i, n)) out[i] += (T)(scale * power_slope((double)y[i], power));
}

template <typename T>
__global__ void add_norm_product(const T* y, const T* v, double power, double scale, T* out,
                                 long long n) {
    for (STRIDE(i, n))
        out[i] += (T)(scale * power_curvature((double)y[i], power) * (double)v[i]);
}
