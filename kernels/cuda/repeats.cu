// How often each row number occurs in a minibatch; I is its type.
#include "common.cuh"

// Atomic, because equal rows write to one place.
template <typename I>
__global__ void clear(const I* rows, I* counts, long long m) {
    for (STRIDE(r, m)) atomicExch((unsigned long long*)&counts[rows[r]], 0ull);
}

template <typename I>
__global__ void count(const I* rows, I* counts, long long m) {
    for (STRIDE(r, m)) atomicAdd((unsigned long long*)&counts[rows[r]], 1ull);
}
