// How often each row number occurs in a minibatch; T is its type.
#include "common.cuh"

// Atomic, because equal rows write to one place.
template <typename T>
__global__ void clear(const T* rows, T* counts, long long m) {
    for (STRIDE(r, m)) atomicExch((unsigned long long*)&counts[rows[r]], 0ull);
}

template <typename T>
__global__ void count(const T* rows, T* counts, long long m) {
    for (STRIDE(r, m)) atomicAdd((unsigned long long*)&counts[rows[r]], 1ull);
}
