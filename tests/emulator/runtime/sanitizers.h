// What the sanitizers want to be told; nothing in the plain build.
//
// The runtime itself is never compiled with a sanitizer, so its bookkeeping is invisible to them.
#pragma once

#include <cstddef>

#ifdef EMULATED_ADDRESS_SANITIZER
extern "C" {
void __sanitizer_start_switch_fiber(void** fake_stack, const void* stack, size_t size);
void __sanitizer_finish_switch_fiber(void* fake_stack, const void** old, size_t* old_size);
void __asan_unpoison_memory_region(const volatile void* address, size_t size);
}
#endif
#ifdef EMULATED_THREAD_SANITIZER
extern "C" {
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned flags);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void __tsan_java_alloc(unsigned long address, unsigned long size);
void __tsan_java_free(unsigned long address, unsigned long size);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#endif

namespace emulator {
#ifdef EMULATED_ADDRESS_SANITIZER
inline void start_switch(void** fake_stack, const void* stack, size_t size) {
    __sanitizer_start_switch_fiber(fake_stack, stack, size);
}
inline void finish_switch(void* fake_stack, const void** old, size_t* old_size) {
    __sanitizer_finish_switch_fiber(fake_stack, old, old_size);
}
inline void unpoison(void* address, size_t size) { __asan_unpoison_memory_region(address, size); }
#else
inline void start_switch(void**, const void*, size_t) {}
inline void finish_switch(void*, const void**, size_t*) {}
inline void unpoison(void*, size_t) {}
#endif

// An identity is who accesses memory in the eyes of the thread sanitizer. Each thread of a kernel
// has one of its own, and switching from one to another orders nothing.
#ifdef EMULATED_THREAD_SANITIZER
constexpr bool THREAD_SANITIZER = true;
inline void* own_identity() { return __tsan_get_current_fiber(); }
inline void* new_identity() { return __tsan_create_fiber(0); }
inline void assume(void* identity) { __tsan_switch_to_fiber(identity, 1); }
// What was done before the release happens before what is done after the acquisition.
inline void release(void* tag) { __tsan_release(tag); }
inline void acquire(void* tag) { __tsan_acquire(tag); }
// Nobody has accessed this memory yet.
inline void forget_accesses(const void* address, size_t size) {
    __tsan_java_free((unsigned long)address, size);
    __tsan_java_alloc((unsigned long)address, size);
}
// Memory that is allocated or freed meanwhile counts as not accessed.
inline void ignore_accesses(bool ignore) {
    if (ignore)
        AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
    else
        AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
}
#else
constexpr bool THREAD_SANITIZER = false;
inline void* own_identity() { return nullptr; }
inline void* new_identity() { return nullptr; }
inline void assume(void*) {}
inline void release(void*) {}
inline void acquire(void*) {}
inline void forget_accesses(const void*, size_t) {}
inline void ignore_accesses(bool) {}
#endif
}  // namespace emulator
