// The second half of the sums of many blocks.
#include "sums.cuh"

// out[0] <- factor sum of the parts, added to what is there if `keep`; one block.
// Always float64: T only makes it a kernel like the others.
template <typename T>
__global__ void finish(const double* parts, long long n, double factor, long long keep,
                       double* out) {
    double share = 0.0;
    for (STRIDE(i, n)) share += parts[i];
    grid_sum(share, factor, keep, out, nullptr);
}
