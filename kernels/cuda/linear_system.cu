// Steps on the linear system, see kernels/reference/linear_system.py.
#include "common.cuh"

// Y and G are two rows of n.
template <typename T>
__global__ void joint_step(T* Y, const T* G, const T* b, double sign, double lr_y, double lr_v,
                           long long n) {
    const T of_b = (T)sign, rate_y = (T)lr_y, rate_v = (T)lr_v;
    for (STRIDE(i, n)) {
        Y[i] -= rate_y * G[i];
        Y[n + i] -= rate_v * (G[n + i] + of_b * b[i]);
    }
}

template <typename T>
__global__ void inverse_scaling(const T* y, double power, double floor, T* out, long long n) {
    const T factor = (T)(power - 1.0), exponent = (T)(power - 2.0), least = (T)floor;
    for (STRIDE(i, n)) {
        const T size = fabs(y[i]);
        // Written so that NaN stays NaN.
        out[i] = (T)1 / (factor * pow(size < least ? least : size, exponent));
    }
}

template <typename T>
__global__ void scaled_axpy(double a, const T* s, const T* x, T* y, long long n) {
    const T factor = (T)a;
    for (STRIDE(i, n)) y[i] += factor * s[i] * x[i];
}
