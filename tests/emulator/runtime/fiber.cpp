#include "fiber.h"

#include <sys/mman.h>

#include <cstdlib>
#include <vector>

#include "sanitizers.h"

#ifndef __x86_64__
#error "switching stacks is written for x86-64 only"
#endif

namespace emulator {
Fiber scheduler;
Fiber* running = &scheduler;

namespace {
// A sanitizer puts zones between variables, and writes its reports on the stack that it finds.
#if defined EMULATED_ADDRESS_SANITIZER || defined EMULATED_THREAD_SANITIZER
constexpr size_t STACK = 512 * 1024;
#else
constexpr size_t STACK = 64 * 1024;
#endif
// What a thread of a kernel uses, at most; cleared for every thread under the thread sanitizer.
constexpr size_t USED = 24 * 1024;
constexpr size_t GUARD = 4096;

std::vector<Fiber*> all, free_ones;
Fiber* (*fiber_work)();
}  // namespace

// Saves what a function must preserve on the old stack, and restores it from the new one. A jump
// instead of `ret`, which the processor would predict to go where the last call came from.
extern "C" void emulator_swap(void** from, void* to);
asm(R"(
.text
.type emulator_swap, @function
emulator_swap:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    popq %rcx
    jmp *%rcx
)");

namespace {
void begin() {
    // The first fiber of all comes from the scheduler, and learns where its stack is.
    if (scheduler.stack)
        finish_switch(nullptr, nullptr, nullptr);
    else
        finish_switch(nullptr, &scheduler.stack, &scheduler.size);
    for (;;) {
        running->idle = false;
        Fiber* next = fiber_work();
        running->idle = true;
        free_ones.push_back(running);
        switch_to(next);
    }
}

Fiber* new_fiber() {
    void* memory = mmap(nullptr, STACK, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) abort();
    // An overflow is a crash, and does not reach the neighbour's stack.
    mprotect(memory, GUARD, PROT_NONE);
    // The tops of the stacks differ in their place in a page, or they would compete for the same
    // lines of the cache.
    void** top = (void**)((char*)memory + STACK - all.size() % 32 * 128);
    *--top = nullptr;  // keeps the alignment that a call leaves
    *--top = (void*)&begin;
    for (int i = 0; i < 6; ++i) *--top = nullptr;
    Fiber* fiber = new Fiber;
    fiber->stack = memory;
    fiber->size = STACK;
    fiber->pointer = top;
    all.push_back(fiber);
    return fiber;
}

void free_fiber(Fiber* fiber) {
    void* memory = const_cast<void*>(fiber->stack);
    unpoison(memory, STACK);
    munmap(memory, STACK);
    delete fiber;
}
}  // namespace

Fiber* take_fiber(Fiber* (*work)()) {
    fiber_work = work;
    if (free_ones.empty()) return new_fiber();
    Fiber* fiber = free_ones.back();
    free_ones.pop_back();
    return fiber;
}

void switch_to(Fiber* fiber) {
    Fiber* here = running;
    if (here == fiber) return;
    running = fiber;
    start_switch(&here->fake_stack, fiber->stack, fiber->size);
    emulator_swap(&here->pointer, fiber->pointer);
    finish_switch(here->fake_stack, nullptr, nullptr);
}

void forget_accesses(Fiber* fiber) {
    forget_accesses((const char*)fiber->stack + STACK - USED, USED);
}

void end_fibers() {
    if (free_ones.size() == all.size()) return;
    std::vector<Fiber*> kept;
    for (Fiber* fiber : all) {
        if (fiber->idle)
            kept.push_back(fiber);
        else
            free_fiber(fiber);
    }
    all = kept;
    free_ones = kept;
}
}  // namespace emulator
