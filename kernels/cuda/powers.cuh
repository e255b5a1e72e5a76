// Powers of absolute values, see kernels/reference/powers.py.
#pragma once

__device__ __forceinline__ double absolute_power(double value, double exponent) {
    double size = fabs(value);
    if (exponent > LARGEST_WHOLE || floor(exponent) != exponent) return pow(size, exponent);
    double result = 1.0;
    for (int left = (int)exponent; left > 0; left >>= 1) {
        if (left & 1) result *= size;
        size *= size;
    }
    return result;
}

// p z |z|^(p-2) and p (p-1) |z|^(p-2): the derivatives of |z|^p.
__device__ __forceinline__ double power_slope(double z, double power) {
    return power * z * absolute_power(z, power - 2.0);
}

__device__ __forceinline__ double power_curvature(double z, double power) {
    return power * (power - 1.0) * absolute_power(z, power - 2.0);
}
