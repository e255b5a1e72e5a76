// Random numbers as pure functions of a key and a counter, see kernels/reference/draw.py.
#pragma once

// Philox4x32-10: four random words.
__device__ __forceinline__ uint4 philox(unsigned c0, unsigned c1, unsigned c2, unsigned c3,
                                        unsigned k0, unsigned k1) {
    for (int round = 0; round < PHILOX_ROUNDS; ++round) {
        const unsigned long long a = (unsigned long long)PHILOX_M0 * c0;
        const unsigned long long b = (unsigned long long)PHILOX_M1 * c2;
        c0 = (unsigned)(b >> 32) ^ c1 ^ k0;
        c1 = (unsigned)b;
        c2 = (unsigned)(a >> 32) ^ c3 ^ k1;
        c3 = (unsigned)a;
        k0 += PHILOX_W0;
        k1 += PHILOX_W1;
    }
    return make_uint4(c0, c1, c2, c3);
}

// The words of a step or a sample, whose number takes up two words of the counter.
__device__ __forceinline__ uint4 words_of(long long number, unsigned first, unsigned last,
                                          long long k0, long long k1) {
    const unsigned low = (unsigned)number, high = (unsigned)(number >> 32);
    return philox(first, low, high, last, (unsigned)k0, (unsigned)k1);
}

// In [0, 1), with 53 random bits; exact.
__device__ __forceinline__ double uniform(unsigned high, unsigned low) {
    return ((high >> 5) * 67108864.0 + (low >> 6)) * 0x1p-53;
}

__device__ __forceinline__ long long draw_index(long long position, long long step,
                                                long long stream, long long offset, long long n,
                                                long long k0, long long k1) {
    const unsigned last = (unsigned)((stream << 16) | offset);
    const uint4 w = words_of(step, (unsigned)(position >> 1), last, k0, k1);
    const double u = position & 1 ? uniform(w.z, w.w) : uniform(w.x, w.y);
    const long long index = (long long)(u * (double)n);
    return index < n ? index : n - 1;
}

__device__ __forceinline__ long long permute(long long index, long long n, long long epoch,
                                             long long stream, long long offset, long long k0,
                                             long long k1) {
    int bits = 1;
    while ((1ll << (2 * bits)) < n) ++bits;
    const unsigned mask = (1u << bits) - 1;
    const unsigned tag = (unsigned)((stream << 16) | PERMUTATION_TAG | offset);
    do {
        unsigned left = (unsigned)(index >> bits), right = (unsigned)index & mask;
        for (unsigned round = 0; round < FEISTEL_ROUNDS; ++round) {
            const uint4 w = philox(right, round, (unsigned)epoch, tag, (unsigned)k0, (unsigned)k1);
            const unsigned before = left;
            left = right;
            right = before ^ (w.x & mask);
        }
        index = ((long long)left << bits) | right;
    } while (index >= n);
    return index;
}

// Elements 2 pair and 2 pair + 1 of the standard normal numbers of a sample (Box-Muller).
__device__ __forceinline__ double2 normal_pair(long long pair, long long sample, long long lane,
                                               long long k0, long long k1) {
    const uint4 w = words_of(sample, (unsigned)pair, NOISE_TAG | (unsigned)lane, k0, k1);
    const double radius = sqrt(-2.0 * log(1.0 - uniform(w.x, w.y)));
    double sine, cosine;
    sincos(6.283185307179586 * uniform(w.z, w.w), &sine, &cosine);
    return make_double2(radius * cosine, radius * sine);
}
