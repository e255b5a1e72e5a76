// Softmax regression on one row of C logits, see kernels/reference/softmax.py.
//
// A row is C neighbouring numbers. It belongs to one thread, or, for shorter waiting, to a team:
// each thread takes every width-th entry, which suits 2 to 32 classes and is correct for any
// number. Arithmetic is that of T; sums of losses are float64. A NaN or an infinite positive logit
// makes the whole row NaN, because it makes the sum of the exponentials NaN.
#pragma once
#include "common.cuh"
#include "team.cuh"

// The largest logit; anything if there is a NaN.
template <typename T>
__device__ __forceinline__ T largest_logit(const T* z, long long C, const Team& team) {
    // A thread reads no entry but its own: the others write theirs as soon as they know the largest.
    T top = (T)minus_infinity();
    for (long long c = team.lane; c < C; c += team.width) top = z[c] > top ? z[c] : top;
    return team_max(top, team);
}

// z <- exp(z - max z); returns the sum.
template <typename T>
__device__ __forceinline__ T exponentials(T* z, long long C, const Team& team = Team()) {
    const T top = largest_logit(z, C, team);
    T sum = 0;
    for (long long c = team.lane; c < C; c += team.width) sum += z[c] = exp(z[c] - top);
    return team_sum(sum, team);
}

// z <- weight (softmax(z) - e), e the unit vector of the label.
template <typename T>
__device__ __forceinline__ void softmax_residual(T* z, long long C, long long label, T weight,
                                                 const Team& team = Team()) {
    const T sum = exponentials(z, C, team);
    for (long long c = team.lane; c < C; c += team.width)
        z[c] = weight * (z[c] / sum - (c == label ? (T)1 : (T)0));
}

// u <- weight (diag(p) - p p') u with p = softmax(z).
template <typename T>
__device__ __forceinline__ void softmax_curvature(const T* z, T* u, long long C, T weight,
                                                  const Team& team = Team()) {
    const T top = largest_logit(z, C, team);
    T sum = 0, dot = 0;
    for (long long c = team.lane; c < C; c += team.width) {
        const T e = exp(z[c] - top);
        sum += e;
        dot += e * u[c];
    }
    sum = team_sum(sum, team);
    const T mean = team_sum(dot, team) / sum;
    for (long long c = team.lane; c < C; c += team.width)
        u[c] = weight * (exp(z[c] - top) / sum * (u[c] - mean));
}

// The two above, u and z; returns <softmax(z) - e, u> of the old u and z.
template <typename T>
__device__ __forceinline__ T softmax_derivatives(T* z, T* u, long long C, long long label, T weight,
                                                 const Team& team = Team()) {
    const T sum = exponentials(z, C, team);
    T dot = 0, chosen = 0;
    for (long long c = team.lane; c < C; c += team.width) {
        dot += z[c] * u[c];
        if (c == label) chosen = u[c];
    }
    const T mean = team_sum(dot, team) / sum;
    chosen = team_sum(chosen, team);
    for (long long c = team.lane; c < C; c += team.width) {
        const T p = z[c] / sum;
        u[c] = weight * (p * (u[c] - mean));
        z[c] = weight * (p - (c == label ? (T)1 : (T)0));
    }
    return mean - chosen;
}

// log(sum exp(z)) - z[label].
template <typename T>
__device__ __forceinline__ double cross_entropy(const T* z, long long C, long long label,
                                                const Team& team = Team()) {
    const T top = largest_logit(z, C, team);
    double sum = 0.0;
    for (long long c = team.lane; c < C; c += team.width) sum += (double)exp(z[c] - top);
    // The largest term is 1; a small loss keeps its digits.
    return log1p(team_sum(sum, team) - 1.0) + ((double)top - (double)z[label]);
}
