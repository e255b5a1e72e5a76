// What a CUDA kernel finds predeclared, for a C++ compiler: included in front of its source.
//
// No header of the host is included. A kernel can use what is declared here and nothing else, as
// under NVRTC, and compiles in a fraction of the time.
#pragma once

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))

struct uint3 {
    unsigned x, y, z;
};

struct dim3 {
    unsigned x, y, z;
};

// The scheduler sets them whenever it goes on to another thread; constant for the thread itself.
extern const uint3 threadIdx, blockIdx;
extern const dim3 blockDim, gridDim;
constexpr int warpSize = 32;

#define EMULATED_VECTORS(T, two, four)                                            \
    struct alignas(2 * sizeof(T)) two {                                           \
        T x, y;                                                                   \
    };                                                                            \
    struct alignas(16) four {                                                     \
        T x, y, z, w;                                                             \
    };                                                                            \
    inline two make_##two(T x, T y) { return {x, y}; }                            \
    inline four make_##four(T x, T y, T z, T w) { return {x, y, z, w}; }
EMULATED_VECTORS(float, float2, float4)
EMULATED_VECTORS(double, double2, double4)
EMULATED_VECTORS(int, int2, int4)
EMULATED_VECTORS(unsigned, uint2, uint4)
EMULATED_VECTORS(long long, longlong2, longlong4)

namespace emulator {
// Memory that the threads of a block share: one variable for each `key`.
void* shared(const void* key, unsigned long long bytes);
void* dynamic_shared();
}  // namespace emulator

// `__shared__ T name[n];` and `extern __shared__ T name[];` are rewritten to these, see build.py.
#define EMULATED_SHARED(name, extents, ...)                                       \
    typedef __VA_ARGS__ name##_type extents;                                      \
    static char name##_key;                                                       \
    name##_type& name = *(name##_type*)emulator::shared(&name##_key, sizeof(name##_type));
#define EMULATED_DYNAMIC_SHARED(name, ...) \
    __VA_ARGS__* const name = (__VA_ARGS__*)emulator::dynamic_shared();

#include "functions.h"
#include "synchronization.h"
#include "atomics.h"
#include "export.h"
