// Weights of training rows, see kernels/reference/weights.py. K is the type of the coefficients.
#include "repeats.cuh"
#include "sums.cuh"
#include "team.cuh"
#include "weights.cuh"

// Of each block's share of x: the maximum, and behind all of them the sums of exp(x - maximum).
template <typename T>
__global__ void exponential_sums(const T* x, double* parts, long long n) {
    double top = (double)x[0];
    for (STRIDE(i, n)) top = fmax(top, (double)x[i]);
    top = block_max(top);
    double sum = 0.0;
    // Equal numbers are not subtracted: both may be infinite.
    for (STRIDE(i, n)) sum += (double)x[i] == top ? 1.0 : exp((double)x[i] - top);
    sum = block_sum(sum);
    if (threadIdx.x != 0) return;
    parts[blockIdx.x] = top;
    parts[gridDim.x + blockIdx.x] = sum;
}

// out[0] <- log(sum_k exp(x_k)) from those of n blocks; one block.
template <typename T>
__global__ void log_of_sum(const T* parts, T* out, long long n) {
    double top = (double)parts[0];
    for (STRIDE(i, n)) top = fmax(top, (double)parts[i]);
    top = block_max(top);
    double sum = 0.0;
    for (STRIDE(i, n)) sum += (double)parts[n + i] * exp((double)parts[i] - top);
    sum = block_sum(sum);
    if (threadIdx.x == 0) out[0] = (T)(top + log(sum));
}

template <typename T, typename K>
__global__ void row_coefficients(long long kind, const T* x, const double* shift,
                                 double shift_value, const T* given, const long long* rows,
                                 double scale, long long n, K* out, long long m) {
    const double s = shift_at(shift, shift_value);
    for (STRIDE(r, m)) {
        const long long i = rows[r];
        const double value = kind == WEIGHT_NONE ? 0.0 : (double)x[i];
        out[r] = (K)(scale * (double)given[i] * row_weight(kind, value, s, n));
    }
}

template <typename T>
__global__ void weighted_sum(long long kind, const T* x, const double* shift, double shift_value,
                             const T* given, const long long* rows, const double* losses,
                             long long n, long long m, double factor, long long keep, double* out,
                             double* parts) {
    const double s = shift_at(shift, shift_value);
    double sum = 0.0;
    for (STRIDE(r, m)) {
        const long long i = rows[r];
        const double value = kind == WEIGHT_NONE ? 0.0 : (double)x[i];
        sum += (double)given[i] * row_weight(kind, value, s, n) * losses[r];
    }
    grid_sum(sum, factor, keep, out, parts);
}

// Adds the terms of the rows to the elements they belong to; for softmax weights also sums them.
template <typename T>
__global__ void weight_gradient(long long kind, const T* x, const double* shift,
                                double shift_value, const T* given, const long long* rows,
                                const long long* counts, const double* losses, double scale,
                                long long n, T* out, long long m, double factor, long long keep,
                                double* total, double* parts) {
    const double s = shift_at(shift, shift_value);
    const auto term = [&](long long r) {
        const long long i = rows[r];
        const double value = (double)x[i];
        const double slope =
            kind == WEIGHT_SOFTMAX ? row_weight(kind, value, s, n) : row_slope(kind, value);
        return scale * (double)given[i] * losses[r] * slope;
    };
    double sum = 0.0;
    for (STRIDE(r, m)) {
        double here = 0.0;
        if (for_equal_rows(rows, counts, r, [&](long long q) { here += term(q); })) {
            out[rows[r]] += (T)here;
            sum += here;
        }
    }
    if (kind == WEIGHT_SOFTMAX) grid_sum(sum, factor, keep, total, parts);
}

// out_i <- out_i - total exp(x_i - shift).
template <typename T>
__global__ void subtract_total(const T* x, const double* shift, double shift_value,
                               const double* total, T* out, long long n) {
    const double s = shift_at(shift, shift_value);
    for (STRIDE(i, n)) out[i] -= (T)(total[0] * exp((double)x[i] - s));
}

template <typename T>
__global__ void row_products(const T* Z, const T* U, double* out, long long m, long long C,
                             long long width) {
    const Team team(width);
    for (TEAM_STRIDE(r, m, team)) {
        double sum = 0.0;
        for (long long c = team.lane; c < C; c += team.width)
            sum += (double)Z[r * C + c] * (double)U[r * C + c];
        sum = team_sum(sum, team);
        if (team.lane == 0) out[r] = sum;
    }
}
