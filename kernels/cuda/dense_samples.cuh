// Minibatches of dense data, and the parts of a step that work on one tile of them.
#pragma once
#include "dense_tiles.cuh"
#include "softmax.cuh"
#include "weights.cuh"

// The minibatch of one level. Without row numbers it is all of the data; a negative row number
// stands for no sample.
template <typename T>
struct Level {
    const T* matrix;
    const int* labels;
    const T* given;
    const long long* rows;
    long long size;
    double share;  // one over the number of samples

    __device__ Level() : matrix(0), labels(0), given(0), rows(0), size(0), share(0.0) {}
    __device__ Level(const T* matrix, const int* labels, const T* given, const long long* rows,
                     long long size)
        : matrix(matrix), labels(labels), given(given), rows(rows), size(size) {
        share_among(size);
    }

    __device__ void share_among(long long samples) {
        share = 1.0 / (double)(samples > 0 ? samples : 1);
    }

    __device__ double coefficient(long long i) const { return share * (double)given[i]; }
    __device__ long long row(long long sample) const { return rows ? rows[sample] : sample; }
    __device__ const T* features(long long sample, long long d) const {
        const long long i = row(sample);
        return i < 0 ? 0 : matrix + i * d;
    }
};

// How the rows of the lower level are weighted.
template <typename T>
struct RowWeights {
    const T* x;
    long long n, kind;
    double shift;
};

// The samples of both minibatches, those of the lower level first.
template <typename T>
struct Samples {
    Level<T> train, val;
    RowWeights<T> weights;
    long long d;

    __device__ long long size() const { return train.size + val.size; }
    __device__ bool lower(long long sample) const { return sample < train.size; }
    __device__ const T* features(long long sample) const {
        if (lower(sample)) return train.features(sample, d);
        return sample < size() ? val.features(sample - train.size, d) : 0;
    }

    // Z <- c (softmax(Z) - e) for one sample and offset; C neighbouring logits, a team together.
    __device__ void residual(long long sample, double offset_weight, T* Z, long long C,
                             const Team& team) const {
        const bool is_lower = lower(sample);
        const long long i = is_lower ? train.row(sample) : val.row(sample - train.size);
        if (i < 0) {
            for (long long c = team.lane; c < C; c += team.width) Z[c] = 0;
            return;
        }
        const int label = (is_lower ? train.labels : val.labels)[i];
        const double c = is_lower ? lower_coefficient(i) : offset_weight * val.coefficient(i);
        softmax_residual(Z, C, label, (T)c, team);
    }

    __device__ double lower_coefficient(long long i) const {
        const double c = train.coefficient(i);
        if (weights.kind == WEIGHT_NONE) return c;
        return c * row_weight(weights.kind, (double)weights.x[i], weights.shift, weights.n);
    }
};

// Residuals of a tile at the iterates V (C, d) of one offset: C columns of Z.
template <typename T>
__device__ __forceinline__ void residual_tile(const Samples<T>& samples, long long tile,
                                              const T* V, long long C, double offset_weight, T* Z,
                                              long long stride, const Crew& crew) {
    const Tile<T> own(samples, tile, V, crew);
    tile_logits(own, V, C, samples.d, Z, stride, crew);
    if (own.first)
        samples.residual(own.sample, offset_weight, Z + own.sample * stride, C, Team(COLUMNS));
}

// e, one number or one for each of C d entries, or none.
struct Penalty {
    const double* values;
    long long size, C, d;

    __device__ double at(long long column, long long feature) const {
        return size == 1 ? values[0] : size ? values[column % C * d + feature] : 0.0;
    }
};

// W <- (1 - lr e) W - lr sum, element by element.
template <typename T>
struct DescentStep {
    T* W;
    Penalty penalty;
    double lr;

    __device__ void operator()(long long column, long long feature, double sum) const {
        T& w = W[column * penalty.d + feature];
        w = (T)((1.0 - lr * penalty.at(column, feature)) * (double)w - lr * sum);
    }
};
