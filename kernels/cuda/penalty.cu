// Squared penalties with a coefficient for each set of positions, see kernels/reference/penalty.py.
#include "sums.cuh"
#include "team.cuh"

// out_ic <- scale exp(x_k), k = row_index[i] + col_index[c], or scale; `out` has as many columns as
// there are in col_index.
template <typename T>
__global__ void penalty_values(long long learned, const long long* row_index,
                               const long long* col_index, double scale, const T* x, double* out,
                               long long columns, long long n) {
    for (STRIDE(at, n)) {
        double value = scale;
        if (learned) {
            const long long i = at / columns;
            value *= exp((double)x[row_index[i] + col_index[at - i * columns]]);
        }
        out[at] = value;
    }
}

// Where the coefficient of position `at` is: each has its own, or each `columns` share one.
__device__ __forceinline__ long long place(long long own, long long columns, long long at) {
    return own ? at : at / columns;
}

template <typename T>
__global__ void add_penalty_gradient(const double* penalty, long long own, long long columns,
                                     const T* v, T* out, long long n) {
    for (STRIDE(at, n)) out[at] += (T)penalty[place(own, columns, at)] * v[at];
}

template <typename T>
__global__ void add_penalty(const double* penalty, long long own, long long columns, const T* v,
                            long long n, double factor, long long keep, double* out,
                            double* parts) {
    double sum = 0.0;
    for (STRIDE(at, n))
        sum += penalty[place(own, columns, at)] * ((double)v[at] * (double)v[at]);
    grid_sum(sum, factor, keep, out, parts);
}

// parts[b] <- sum of term(position) over piece b, see positions.py; a team for each piece.
template <typename F>
__device__ __forceinline__ void sum_pieces(const long long* cells, long long width,
                                           const long long* pieces, double* parts,
                                           long long count, const Team& team, F term) {
    for (TEAM_STRIDE(b, count, team)) {
        const long long begin = pieces[b];
        const unsigned cell_size = (unsigned)width;
        const unsigned positions = (unsigned)(pieces[b + 1] - begin) * cell_size;
        double sum = 0.0;
        for (unsigned t = team.lane; t < positions; t += team.width) {
            const unsigned cell = t / cell_size;
            sum += term(cells[begin + cell] * width + (t - cell * cell_size));
        }
        sum = team_sum(sum, team);
        if (team.lane == 0) parts[b] = sum;
    }
}

template <typename T>
__global__ void sum_products(const T* u, const T* v, const long long* cells, long long width,
                             const long long* pieces, double* parts, long long count,
                             long long positions_each, long long team_width) {
    const auto term = [&](long long at) { return (double)u[at] * (double)v[at]; };
    sum_pieces(cells, width, pieces, parts, count, Team(team_width), term);
}

// Differences of squares to the first iterate R, as (W_j - R)(W_j + R), combined over the offsets.
template <typename T>
__global__ void sum_differences(const T* Y, Table alpha, long long groups, long long g,
                                long long cols, long long size, const long long* cells,
                                long long width, const long long* pieces, double* parts,
                                long long count, long long positions_each, long long team_width) {
    const auto term = [&](long long at) {
        const T* const here = Y + at + at / cols * (g - 1) * cols;
        const double first = (double)here[0];
        double sum = 0.0;
        for (long long a = 0; a < groups; ++a)
            for (long long j = a == 0 ? 1 : 0; j < g; ++j) {
                const double w = (double)here[a * g * size + j * cols];
                sum += alpha.v[a * g + j] * ((w - first) * (w + first));
            }
        return sum;
    };
    sum_pieces(cells, width, pieces, parts, count, Team(team_width), term);
}

// out_k <- factor exp(x_k) times the sum of the parts of k; a team for each k.
template <typename T>
__global__ void finish(const T* x, double factor, const double* parts, const long long* first,
                       T* out, long long n, long long pieces_each, long long width) {
    const Team team(width);
    for (TEAM_STRIDE(k, n, team)) {
        double sum = 0.0;
        for (long long b = first[k] + team.lane; b < first[k + 1]; b += team.width) sum += parts[b];
        sum = team_sum(sum, team);
        if (team.lane == 0) out[k] = (T)(factor * exp((double)x[k]) * sum);
    }
}
