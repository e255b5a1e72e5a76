// Neighbouring threads of a warp that share a row; one thread alone is a team too.
#pragma once

// `width` is a power of two up to WARP and divides blockDim.x. All threads of a team call the
// functions on it together; other teams of the warp need not.
struct Team {
    int lane = 0, width = 1;
    unsigned mask = 0;  // the team's threads in their warp; not read if width is 1

    __device__ Team() {}

    __device__ explicit Team(long long threads) : width((int)threads) {
        const int place = threadIdx.x % WARP;
        lane = place & (width - 1);
        mask = (0xffffffffu >> (WARP - width)) << (place - lane);
    }
};

// Sum over the team in a fixed order, the same bits in every thread.
template <typename T>
__device__ __forceinline__ T team_sum(T value, const Team& team) {
    for (int step = team.width >> 1; step > 0; step >>= 1)
        value += __shfl_xor_sync(team.mask, value, step);
    return value;
}

// Maximum over the team; a NaN may be lost.
template <typename T>
__device__ __forceinline__ T team_max(T value, const Team& team) {
    for (int step = team.width >> 1; step > 0; step >>= 1) {
        const T other = __shfl_xor_sync(team.mask, value, step);
        value = other > value ? other : value;
    }
    return value;
}

// for (TEAM_STRIDE(r, m, team)): every row r < m once, by all teams of the grid.
#define TEAM_STRIDE(r, m, team)                                                              \
    long long r = ((long long)blockIdx.x * blockDim.x + threadIdx.x) / (team).width; r < (m); \
    r += (long long)gridDim.x * blockDim.x / (team).width
