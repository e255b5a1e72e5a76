// The step of BOME, see kernels/reference/barrier.py. All arithmetic is float64.
#include "projection.cuh"

// Gradients of both levels in x and y; an index below n_x means x, the others y.
template <typename T>
struct Gradients {
    const T *f_x, *f_y, *G_x, *g_y;
    long long n_x, n_y;

    __device__ double upper(long long i) const {
        return i < n_x ? (double)f_x[i] : (double)f_y[i - n_x];
    }

    // Of q.
    __device__ double lower(long long i) const {
        return i < n_x ? (double)G_x[n_x + i] - (double)G_x[i] : (double)g_y[i - n_x];
    }
};

// A thread's parts of <df, dq> and ||dq||^2.
template <typename T>
__device__ __forceinline__ void inner_products(const Gradients<T>& of, double& product,
                                               double& square) {
    product = square = 0.0;
    for (STRIDE(i, of.n_x + of.n_y)) {
        const double slope = of.lower(i);
        product += of.upper(i) * slope;
        square += slope * slope;
    }
}

struct Barrier {
    double phi, lam, product, square;

    __device__ Barrier(double product, double square, const double* values, double eta,
                       long long use_values)
        : product(product), square(square) {
        phi = use_values ? eta * (values[1] - values[0]) : eta * square;
        lam = square == 0.0 ? 0.0 : (phi - product) / square;
        // Written so that NaN stays NaN.
        if (lam < 0.0) lam = 0.0;
    }

    __device__ void write(double* out) const {
        out[0] = phi;
        out[1] = lam;
        out[2] = product;
        out[3] = square;
    }
};

// m <- df_x + lam dq_x; a thread's part of ||df + lam dq||^2.
template <typename T>
__device__ __forceinline__ double direction(T* m, const Gradients<T>& of, double lam) {
    double sum = 0.0;
    for (STRIDE(i, of.n_x + of.n_y)) {
        double slope = of.upper(i) + lam * of.lower(i);
        if (i < of.n_x) slope = (double)(m[i] = (T)slope);
        sum += slope * slope;
    }
    return sum;
}

// The partial products lie in front of the partial squares.
template <typename T>
__global__ void product_sums(const T* f_x, const T* f_y, const T* G_x, const T* g_y, long long n_x,
                             double* parts, long long n) {
    const Gradients<T> of{f_x, f_y, G_x, g_y, n_x, n - n_x};
    double product, square;
    inner_products(of, product, square);
    product = block_sum(product);
    square = block_sum(square);
    if (threadIdx.x == 0) {
        parts[blockIdx.x] = product;
        parts[gridDim.x + blockIdx.x] = square;
    }
}

// The grid of `product_sums`; the partial sums of the norm lie behind its sums.
template <typename T>
__global__ void direction_sums(T* m, const T* f_x, const T* f_y, const T* G_x, const T* g_y,
                               const double* values, double eta, long long use_values,
                               double* barrier_out, double* parts, long long n_x, long long n_y) {
    const double product = block_sum(part_of_sum(parts, gridDim.x));
    const double square = block_sum(part_of_sum(parts + gridDim.x, gridDim.x));
    const Barrier barrier(product, square, values, eta, use_values);
    const double sum =
        block_sum(direction(m, Gradients<T>{f_x, f_y, G_x, g_y, n_x, n_y}, barrier.lam));
    if (threadIdx.x == 0) parts[2 * gridDim.x + blockIdx.x] = sum;
    if (threadIdx.x == 0 && blockIdx.x == 0) barrier.write(barrier_out);
}

// After `direction_sums` of `count` blocks; or one block that does everything, and 0.
template <typename T>
__global__ void __launch_bounds__(MOST_THREADS, 1)
    dynamic_barrier(T* x, T* y, T* m, const T* f_x, const T* f_y, const T* G_x, const T* g_y,
                    const double* values, double eta, long long use_values, double lr,
                    long long kind, const T* a, const T* b, double size, double* barrier_out,
                    double* norm_out, long long* flag, const double* parts, long long count,
                    long long n_x, long long n_y) {
    const Gradients<T> of{f_x, f_y, G_x, g_y, n_x, n_y};
    const bool first = blockIdx.x == 0 && threadIdx.x == 0;
    double lam, sum;
    if (count) {
        lam = barrier_out[1];
        sum = part_of_sum(parts + 2 * count, count);
    } else {
        double product, square;
        inner_products(of, product, square);
        product = block_sum(product);
        square = block_sum(square);
        const Barrier barrier(product, square, values, eta, use_values);
        if (first) barrier.write(barrier_out);
        lam = barrier.lam;
        sum = direction(m, of, lam);
    }
    const double length = sqrt(block_sum(sum));
    if (first) norm_out[0] = length;
    if (!is_finite(length)) {
        // All blocks return here, so none reads the flag that is written.
        if (first) flag[0] = 1;
        return;
    }
    if (flag[0] != 0) return;
    for (STRIDE(i, n_y))
        y[i] = (T)((double)y[i] - lr * ((double)f_y[i] + lam * (double)g_y[i]));
    step_into(x, n_x, Domain<T>{kind, a, b, size},
              [=](long long i) { return (T)((double)x[i] - lr * (double)m[i]); });
}
