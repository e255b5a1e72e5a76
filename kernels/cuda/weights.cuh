// Weights of training rows, see kernels/reference/weights.py.
#pragma once

// The shift of the softmax weights: an element on the device, or a number if there is none.
__device__ __forceinline__ double shift_at(const double* shift, double value) {
    return shift ? *shift : value;
}

__device__ __forceinline__ double row_weight(long long kind, double value, double shift,
                                             long long n) {
    if (kind == WEIGHT_SIGMOID) {
        // Each side in the form that cannot overflow.
        if (value >= 0.0) return 1.0 / (1.0 + exp(-value));
        return exp(value) / (1.0 + exp(value));
    }
    // Written so that NaN stays NaN.
    if (kind == WEIGHT_CLIP) return value < 0.0 ? 0.0 : value > 1.0 ? 1.0 : value;
    if (kind == WEIGHT_SOFTMAX) return (double)n * exp(value - shift);
    return 1.0;
}

__device__ __forceinline__ double row_slope(long long kind, double value) {
    if (kind == WEIGHT_SIGMOID)
        // s(x) (1 - s(x)) without the cancellation for large x.
        return row_weight(WEIGHT_SIGMOID, value, 0.0, 0) *
               row_weight(WEIGHT_SIGMOID, -value, 0.0, 0);
    if (kind == WEIGHT_CLIP) return value < 0.0 || value > 1.0 ? 0.0 : value >= 0.0 ? 1.0 : value;
    return 0.0;
}
