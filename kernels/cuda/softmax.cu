// Softmax regression on logits, a team a row, see kernels/reference/softmax.py.
// K is the type of the coefficients.
#include "common.cuh"
#include "softmax.cuh"

template <typename T, typename K>
__global__ void residual(T* Z, const int* labels, const long long* rows, const K* coefficients,
                         long long m, long long C, long long width) {
    const Team team(width);
    for (TEAM_STRIDE(r, m, team))
        softmax_residual(Z + r * C, C, labels[rows[r]], (T)coefficients[r], team);
}

template <typename T>
__global__ void losses(const T* Z, const int* labels, const long long* rows, double* out,
                       long long m, long long C, long long width) {
    const Team team(width);
    for (TEAM_STRIDE(r, m, team)) {
        const double loss = cross_entropy(Z + r * C, C, labels[rows[r]], team);
        if (team.lane == 0) out[r] = loss;
    }
}

template <typename T, typename K>
__global__ void curvature(const T* Z, T* U, const K* coefficients, long long m, long long C,
                          long long width) {
    const Team team(width);
    for (TEAM_STRIDE(r, m, team))
        softmax_curvature(Z + r * C, U + r * C, C, (T)coefficients[r], team);
}

template <typename T>
__global__ void combine_losses(const T* Z, const int* labels, const long long* rows, Table alpha,
                               double* accumulator, long long g, long long m, long long C,
                               long long width) {
    const Team team(width);
    for (TEAM_STRIDE(r, m, team)) {
        const long long label = labels[rows[r]];
        double total = 0.0;
        for (long long j = 0; j < g; ++j)
            total += alpha.v[j] * cross_entropy(Z + (r * g + j) * C, C, label, team);
        if (team.lane == 0) accumulator[r] += total;
    }
}

template <typename T, typename K>
__global__ void derivatives(T* Z, T* U, const int* labels, const long long* rows,
                            const K* coefficients, double* cross, long long m, long long C,
                            long long width) {
    const Team team(width);
    for (TEAM_STRIDE(r, m, team)) {
        const T along = softmax_derivatives(Z + r * C, U + r * C, C, labels[rows[r]],
                                            (T)coefficients[r], team);
        if (team.lane == 0) cross[r] = (double)along;
    }
}
