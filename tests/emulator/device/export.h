// Makes a kernel callable from outside, and its parameters known there.
#pragma once

namespace emulator {
// A parameter, or what it points to: b(ool), f(loat), i(nteger), u(nsigned), V(oid: anything else).
struct Parameter {
    char kind, pointer;
    unsigned size;
};

template <typename T>
constexpr char kind_of = 'V';
template <>
constexpr char kind_of<bool> = 'b';
template <>
constexpr char kind_of<float> = 'f';
template <>
constexpr char kind_of<double> = 'f';
#define EMULATED_KIND(T) \
    template <>          \
    constexpr char kind_of<T> = 'i'; \
    template <>          \
    constexpr char kind_of<unsigned T> = 'u';
EMULATED_KIND(short)
EMULATED_KIND(int)
EMULATED_KIND(long)
EMULATED_KIND(long long)
template <>
constexpr char kind_of<signed char> = 'i';
template <>
constexpr char kind_of<unsigned char> = 'u';

template <typename T>
struct Described {
    static constexpr Parameter value = {kind_of<T>, 0, sizeof(T)};
};
template <typename T>
struct Described<T*> {
    static constexpr Parameter value = {kind_of<T>, 1, sizeof(T)};
};
template <typename T>
struct Described<const T*> : Described<T*> {};
// Of any type.
template <>
struct Described<void*> {
    static constexpr Parameter value = {'V', 1, 0};
};

template <unsigned... i>
struct Places {};

template <typename... A, unsigned... i>
inline void unpack(void (*kernel)(A...), void** arguments, Places<i...>) {
    kernel(*(A*)arguments[i]...);
}

template <typename... A>
inline void call(void (*kernel)(A...), void** arguments) {
    unpack(kernel, arguments, Places<__integer_pack((unsigned)sizeof...(A))...>());
}

template <typename... A>
inline int describe(void (*)(A...), const Parameter** out) {
    static const Parameter parameters[] = {Described<A>::value..., {}};
    *out = parameters;
    return sizeof...(A);
}
}  // namespace emulator

#define EMULATED_KERNEL(number, ...)                                              \
    extern "C" void emulated_call_##number(void** arguments) {                    \
        emulator::call(&__VA_ARGS__, arguments);                                  \
    }                                                                             \
    extern "C" int emulated_parameters_##number(const emulator::Parameter** out) { \
        return emulator::describe(&__VA_ARGS__, out);                             \
    }
