// Averages of gradients, see kernels/reference/averages.py.
#include "common.cuh"

template <typename T>
__global__ void moving_average(T* h, const T* now, double weight, long long n) {
    const T past = (T)(1.0 - weight), present = (T)weight;
    for (STRIDE(i, n)) h[i] = past * h[i] + present * now[i];
}

template <typename T>
__global__ void saga(T* now, T* row, T* average, double weight, long long n) {
    const T share = (T)weight;
    for (STRIDE(i, n)) {
        const T gradient = now[i], mean = average[i];
        const T change = gradient - row[i];
        row[i] = gradient;
        now[i] = change + mean;
        average[i] = mean + share * change;
    }
}
