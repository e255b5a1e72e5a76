// Atomic operations. Relaxed: like on the device, they order no other accesses, and the thread
// sanitizer counts on nothing else.
#pragma once

namespace emulator {
template <typename T, typename Change>
inline T exchange(T* address, Change change) {
    T old, next;
    __atomic_load(address, &old, __ATOMIC_RELAXED);
    do {
        next = change(old);
    } while (!__atomic_compare_exchange(address, &old, &next, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED));
    return old;
}
}  // namespace emulator

#define EMULATED_ATOMIC(name, T, result)                                             \
    inline T name(T* address, T value) {                                             \
        return emulator::exchange(address, [value](T old) -> T { return result; });  \
    }
#define EMULATED_ATOMICS(T)                                           \
    EMULATED_ATOMIC(atomicAdd, T, old + value)                        \
    EMULATED_ATOMIC(atomicExch, T, value)                             \
    EMULATED_ATOMIC(atomicMin, T, old < value ? old : value)          \
    EMULATED_ATOMIC(atomicMax, T, old > value ? old : value)          \
    EMULATED_ATOMIC(atomicAnd, T, old & value)                        \
    EMULATED_ATOMIC(atomicOr, T, old | value)                         \
    inline T atomicCAS(T* address, T expected, T value) {             \
        return emulator::exchange(                                    \
            address, [=](T old) -> T { return old == expected ? value : old; }); \
    }
EMULATED_ATOMICS(int)
EMULATED_ATOMICS(unsigned)
EMULATED_ATOMICS(unsigned long long)
EMULATED_ATOMIC(atomicAdd, float, old + value)
EMULATED_ATOMIC(atomicAdd, double, old + value)
EMULATED_ATOMIC(atomicExch, float, value)
EMULATED_ATOMIC(atomicSub, int, old - value)
EMULATED_ATOMIC(atomicSub, unsigned, old - value)
// Counts up to `value` and begins again.
EMULATED_ATOMIC(atomicInc, unsigned, old >= value ? 0 : old + 1)
