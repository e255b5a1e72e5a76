// Mathematical functions and intrinsics, overloaded on the type as CUDA's are.
#pragma once

#define EMULATED_UNARY(name)                                      \
    inline float name(float x) { return __builtin_##name##f(x); } \
    inline float name##f(float x) { return __builtin_##name##f(x); } \
    extern "C" double name(double);
EMULATED_UNARY(exp)
EMULATED_UNARY(exp2)
EMULATED_UNARY(expm1)
EMULATED_UNARY(log)
EMULATED_UNARY(log2)
EMULATED_UNARY(log10)
EMULATED_UNARY(log1p)
EMULATED_UNARY(sqrt)
EMULATED_UNARY(cbrt)
EMULATED_UNARY(sin)
EMULATED_UNARY(cos)
EMULATED_UNARY(tan)
EMULATED_UNARY(tanh)
EMULATED_UNARY(fabs)
EMULATED_UNARY(floor)
EMULATED_UNARY(ceil)
EMULATED_UNARY(trunc)
EMULATED_UNARY(rint)
EMULATED_UNARY(round)
EMULATED_UNARY(erf)
EMULATED_UNARY(erfc)
EMULATED_UNARY(sinh)
EMULATED_UNARY(cosh)
EMULATED_UNARY(asin)
EMULATED_UNARY(acos)
EMULATED_UNARY(atan)
EMULATED_UNARY(lgamma)
EMULATED_UNARY(tgamma)

#define EMULATED_BINARY(name)                                                  \
    inline float name(float x, float y) { return __builtin_##name##f(x, y); }  \
    inline float name##f(float x, float y) { return __builtin_##name##f(x, y); } \
    extern "C" double name(double, double);
EMULATED_BINARY(pow)
EMULATED_BINARY(fmax)
EMULATED_BINARY(fmin)
EMULATED_BINARY(fmod)
EMULATED_BINARY(copysign)
EMULATED_BINARY(hypot)
EMULATED_BINARY(atan2)

// Of mixed types as in C++: in double.
inline double pow(double x, int y) { return __builtin_pow(x, y); }
inline double pow(float x, double y) { return __builtin_pow(x, y); }
inline double pow(double x, float y) { return __builtin_pow(x, y); }

inline float fma(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
inline float fmaf(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
extern "C" double fma(double, double, double);
inline float ldexp(float x, int n) { return __builtin_ldexpf(x, n); }
inline float ldexpf(float x, int n) { return __builtin_ldexpf(x, n); }
extern "C" double ldexp(double, int);
inline float frexp(float x, int* n) { return __builtin_frexpf(x, n); }
extern "C" double frexp(double, int*);
inline void sincos(float x, float* s, float* c) { __builtin_sincosf(x, s, c); }
inline void sincosf(float x, float* s, float* c) { __builtin_sincosf(x, s, c); }
extern "C" void sincos(double, double*, double*);
inline void sincospi(double x, double* s, double* c) { sincos(x * 3.14159265358979323846, s, c); }
inline double sinpi(double x) { return sin(x * 3.14159265358979323846); }
inline double cospi(double x) { return cos(x * 3.14159265358979323846); }
inline float rsqrt(float x) { return 1.0f / __builtin_sqrtf(x); }
inline float rsqrtf(float x) { return 1.0f / __builtin_sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / __builtin_sqrt(x); }

#define EMULATED_TESTS(T)                                          \
    inline bool isnan(T x) { return __builtin_isnan(x); }          \
    inline bool isinf(T x) { return __builtin_isinf(x) != 0; }     \
    inline bool isfinite(T x) { return __builtin_isfinite(x); }    \
    inline bool signbit(T x) { return __builtin_signbit(x) != 0; }
EMULATED_TESTS(float)
EMULATED_TESTS(double)

inline int abs(int x) { return x < 0 ? -x : x; }
inline long long abs(long long x) { return x < 0 ? -x : x; }
inline float abs(float x) { return __builtin_fabsf(x); }
inline double abs(double x) { return __builtin_fabs(x); }

// The one that is no NaN, if there is one.
inline float min(float x, float y) { return fmin(x, y); }
inline float max(float x, float y) { return fmax(x, y); }
inline double min(double x, double y) { return fmin(x, y); }
inline double max(double x, double y) { return fmax(x, y); }
inline double min(float x, double y) { return fmin((double)x, y); }
inline double max(float x, double y) { return fmax((double)x, y); }
inline double min(double x, float y) { return fmin(x, (double)y); }
inline double max(double x, float y) { return fmax(x, (double)y); }
#define EMULATED_ORDER(T)                               \
    inline T min(T x, T y) { return x < y ? x : y; }    \
    inline T max(T x, T y) { return x > y ? x : y; }
EMULATED_ORDER(int)
EMULATED_ORDER(unsigned)
EMULATED_ORDER(long)
EMULATED_ORDER(unsigned long)
EMULATED_ORDER(long long)
EMULATED_ORDER(unsigned long long)
// Of mixed types: what the usual conversions give, as CUDA's overloads do.
inline long long min(int x, long long y) { return min((long long)x, y); }
inline long long min(long long x, int y) { return min(x, (long long)y); }
inline long long max(int x, long long y) { return max((long long)x, y); }
inline long long max(long long x, int y) { return max(x, (long long)y); }

template <typename T>
inline T __ldg(const T* address) {
    return *address;
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
inline unsigned __umulhi(unsigned x, unsigned y) {
    return (unsigned)((unsigned long long)x * y >> 32);
}
inline long long __mul64hi(long long x, long long y) { return (long long)((__int128)x * y >> 64); }
inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
    return (unsigned long long)((unsigned __int128)x * y >> 64);
}

#define EMULATED_BITS(name, From, To)            \
    inline To name(From value) {                 \
        To bits;                                 \
        __builtin_memcpy(&bits, &value, sizeof bits); \
        return bits;                             \
    }
EMULATED_BITS(__float_as_int, float, int)
EMULATED_BITS(__int_as_float, int, float)
EMULATED_BITS(__float_as_uint, float, unsigned)
EMULATED_BITS(__uint_as_float, unsigned, float)
EMULATED_BITS(__double_as_longlong, double, long long)
EMULATED_BITS(__longlong_as_double, long long, double)
