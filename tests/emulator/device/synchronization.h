// Barriers, shuffles and votes. All are a rendezvous in the scheduler, see runtime/scheduler.cpp.
//
// The last two parameters of each are filled in by the compiler: the place of the call.
#pragma once

#define EMULATED_CALLER const char *file = __builtin_FILE(), int line = __builtin_LINE()

namespace emulator {
enum WarpOperation { SHUFFLE, BALLOT, SYNCHRONIZE };

// How many threads of the block handed over a predicate that is true; all wait for each other.
unsigned block_barrier(bool predicate, const char* file, int line);
void grid_barrier(const char* file, int line);
// The lanes of `mask` wait for each other. SHUFFLE: the `value` of lane `source`; BALLOT: a bit for
// each lane whose value is not 0.
unsigned long long warp_rendezvous(WarpOperation operation, unsigned mask,
                                   unsigned long long value, int source, const char* file,
                                   int line);
void fence();
bool is_cooperative();

inline int thread_rank() {
    return (int)(threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z));
}

inline int block_size() { return (int)(blockDim.x * blockDim.y * blockDim.z); }

inline int lane() { return thread_rank() & 31; }

template <typename T>
inline T shuffle(unsigned mask, T value, int source, bool inside, const char* file, int line) {
    static_assert(sizeof(T) <= 8, "a shuffle moves up to 8 bytes");
    unsigned long long bits = 0;
    __builtin_memcpy(&bits, &value, sizeof(T));
    bits = warp_rendezvous(SHUFFLE, mask, bits, inside ? source : lane(), file, line);
    T result;
    __builtin_memcpy(&result, &bits, sizeof(T));
    return result;
}
}  // namespace emulator

inline void __syncthreads(EMULATED_CALLER) { emulator::block_barrier(false, file, line); }

inline int __syncthreads_count(int predicate, EMULATED_CALLER) {
    return (int)emulator::block_barrier(predicate != 0, file, line);
}

inline int __syncthreads_and(int predicate, EMULATED_CALLER) {
    return (int)emulator::block_barrier(predicate != 0, file, line) == emulator::block_size();
}

inline int __syncthreads_or(int predicate, EMULATED_CALLER) {
    return emulator::block_barrier(predicate != 0, file, line) > 0;
}

inline void __syncwarp(unsigned mask = 0xffffffffu, EMULATED_CALLER) {
    emulator::warp_rendezvous(emulator::SYNCHRONIZE, mask, 0, 0, file, line);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, EMULATED_CALLER) {
    return (unsigned)emulator::warp_rendezvous(emulator::BALLOT, mask, predicate != 0, 0, file, line);
}

inline int __any_sync(unsigned mask, int predicate, EMULATED_CALLER) {
    return __ballot_sync(mask, predicate, file, line) != 0;
}

inline int __all_sync(unsigned mask, int predicate, EMULATED_CALLER) {
    return __ballot_sync(mask, predicate, file, line) == mask;
}

// `width` cuts a warp into segments; who would read outside of its own gets its own value.
template <typename T>
inline T __shfl_sync(unsigned mask, T value, int source, int width = 32, EMULATED_CALLER) {
    const int first = emulator::lane() & ~(width - 1);
    return emulator::shuffle(mask, value, first | (source & (width - 1)), true, file, line);
}

template <typename T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned step, int width = 32, EMULATED_CALLER) {
    const int source = emulator::lane() + (int)step;
    const bool inside = source <= (emulator::lane() | (width - 1));
    return emulator::shuffle(mask, value, source, inside, file, line);
}

template <typename T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned step, int width = 32, EMULATED_CALLER) {
    const int source = emulator::lane() - (int)step;
    const bool inside = source >= (emulator::lane() & ~(width - 1));
    return emulator::shuffle(mask, value, source, inside, file, line);
}

template <typename T>
inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, EMULATED_CALLER) {
    const int source = emulator::lane() ^ bits;
    const bool inside = source <= (emulator::lane() | (width - 1));
    return emulator::shuffle(mask, value, source, inside, file, line);
}

inline void __threadfence() { emulator::fence(); }
inline void __threadfence_block() { emulator::fence(); }
