// The scalar uniformly convex instance, one thread in float64, see kernels/reference/sine.py.
#include "powers.cuh"

__device__ __forceinline__ double signed_power(double y, double power) {
    return y * absolute_power(y, power - 2.0);
}

template <typename T>
__global__ void lower_value(const T* x, const T* y, double power, double* out) {
    out[0] = absolute_power((double)y[0], power) / power - (double)y[0] * sin((double)x[0]);
}

template <typename T>
__global__ void lower_gradient(const T* x, const T* y, double power, T* out) {
    out[0] = (T)(signed_power((double)y[0], power) - sin((double)x[0]));
}

template <typename T>
__global__ void cross(const T* x, const T* v, T* out) {
    out[0] = (T)(-cos((double)x[0]) * (double)v[0]);
}

template <typename T>
__global__ void upper_value(const T* y, double power, double* out) {
    const double w = signed_power((double)y[0], power);
    out[0] = w > HALF_PI ? 1.0 : w < -HALF_PI ? -1.0 : sin(w);
}

template <typename T>
__global__ void upper_gradient(const T* y, double power, T* out) {
    const double w = signed_power((double)y[0], power);
    const bool flat = w > HALF_PI || w < -HALF_PI;
    const double slope = (power - 1.0) * absolute_power((double)y[0], power - 2.0);
    out[0] = flat ? (T)0 : (T)(cos(w) * slope);
}
