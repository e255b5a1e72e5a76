// Euclidean projections, see kernels/reference/projection.py.
#pragma once
#include "sums.cuh"

// Bounds of a box or the centre of a ball; `size` is the radius or the total.
template <typename T>
struct Domain {
    long long kind;
    const T *a, *b;
    double size;
};

// Written so that NaN stays NaN.
template <typename T>
__device__ __forceinline__ T into_box(T value, T lower, T upper) {
    return value < lower ? lower : value > upper ? upper : value;
}

template <typename T>
__device__ __forceinline__ void project_on_ball(T* v, long long n, const T* centre, double radius) {
    double largest = 0.0;
    for (BLOCK_STRIDE(i, n)) largest = fmax(largest, fabs((double)v[i] - (double)centre[i]));
    largest = block_max(largest);
    if (largest == 0.0) return;
    double length = 0.0;
    for (BLOCK_STRIDE(i, n)) {
        // Squares of huge and of tiny numbers would leave the range of float64.
        const double ratio = ((double)v[i] - (double)centre[i]) / largest;
        length += ratio * ratio;
    }
    const double factor = radius / largest / sqrt(block_sum(length));
    if (factor < 1.0)
        for (BLOCK_STRIDE(i, n))
            v[i] = (T)((double)centre[i] + factor * ((double)v[i] - (double)centre[i]));
}

template <typename T>
__device__ __forceinline__ void project_on_simplex(T* v, long long n, double total) {
    // A thread reads no element but its own: another thread may just have written it.
    double top = minus_infinity();
    for (BLOCK_STRIDE(i, n)) top = fmax(top, (double)v[i]);
    top = block_max(top);
    double threshold = -1.0, before = -1.0;
    while (true) {
        double count = 0.0, excess = 0.0;
        for (BLOCK_STRIDE(i, n)) {
            const double above = ((double)v[i] - top) / total - threshold;
            if (above > 0.0) {
                count += 1.0;
                excess += above;
            }
        }
        count = block_sum(count);
        excess = block_sum(excess) - 1.0;
        if (count == 0.0) break;
        threshold += excess / count;
        if (excess <= 0.0 || count == before) break;
        before = count;
    }
    for (BLOCK_STRIDE(i, n)) {
        const double above = ((double)v[i] - top) / total - threshold;
        // Written so that NaN stays NaN.
        v[i] = above < 0.0 ? (T)0 : (T)(total * above);
    }
}

// By one block, all of whose threads call it; it has no part in boxes.
template <typename T>
__device__ __forceinline__ void project_by_block(T* v, long long n, const Domain<T>& domain) {
    if (domain.kind == BALL) project_on_ball(v, n, domain.a, domain.size);
    if (domain.kind == SIMPLEX) project_on_simplex(v, n, domain.size);
}

// v_i <- step(i), projected. A ball and a simplex are the work of the first block of the grid.
template <typename T, typename Step>
__device__ __forceinline__ void step_into(T* v, long long n, const Domain<T>& domain, Step step) {
    if (domain.kind == BALL || domain.kind == SIMPLEX) {
        if (blockIdx.x > 0) return;
        // The projection gives every thread the elements that it writes here.
        for (BLOCK_STRIDE(i, n)) v[i] = step(i);
        project_by_block(v, n, domain);
    } else if (domain.kind == BOX) {
        for (STRIDE(i, n)) v[i] = into_box(step(i), domain.a[i], domain.b[i]);
    } else {
        for (STRIDE(i, n)) v[i] = step(i);
    }
}
