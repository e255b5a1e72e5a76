// Rows of a minibatch that may repeat: each row number gets one writer.
#pragma once

// Calls add(s) for r and all later rows s that are equal to it, in order, and returns true; or, if
// an earlier row is equal, which then has done so, returns false. `counts` says how often each row
// number occurs: a row that is alone, as nearly all are, needs no search. The others read all rows.
template <typename F>
__device__ __forceinline__ bool for_equal_rows(const long long* rows, const long long* counts,
                                               long long r, F add) {
    const long long i = rows[r];
    long long left = counts[i];
    if (left == 1) {
        add(r);
        return true;
    }
    for (long long s = 0; left > 0; ++s) {
        if (rows[s] != i) continue;
        if (s < r) return false;
        add(s);
        --left;
    }
    return true;
}
