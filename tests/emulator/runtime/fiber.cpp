#include "fiber.h"

#include <sys/mman.h>

#include <cstdlib>
#include <vector>

#include "sanitizers.h"

#ifndef __x86_64__
#error "switching stacks is written for x86-64 only"
#endif

namespace emulator {
namespace {
#ifdef EMULATED_ADDRESS_SANITIZER
constexpr size_t STACK = 256 * 1024;  // zones between variables take room
#elif defined EMULATED_THREAD_SANITIZER
constexpr size_t STACK = 32 * 1024;  // cleared for every thread
#else
constexpr size_t STACK = 64 * 1024;
#endif
constexpr size_t GUARD = 4096;

std::vector<Fiber*> all, free_ones;
Fiber scheduler;
Fiber* running = nullptr;
void (*fiber_work)() = nullptr;
const void* scheduler_stack = nullptr;
size_t scheduler_size = 0;
}  // namespace

// Saves what a function must preserve on the old stack, and restores it from the new one.
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
    ret
)");

namespace {
void begin() {
    finish_switch(nullptr, &scheduler_stack, &scheduler_size);
    for (;;) {
        running->idle = false;
        fiber_work();
        running->idle = true;
        switch_to_scheduler();
    }
}

Fiber* new_fiber() {
    void* memory = mmap(nullptr, STACK, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) abort();
    // An overflow is a crash, and does not reach the neighbour's stack.
    mprotect(memory, GUARD, PROT_NONE);
    Fiber* fiber = new Fiber;
    fiber->stack = (char*)memory;
    void** top = (void**)(fiber->stack + STACK);
    *--top = nullptr;  // keeps the alignment that a call leaves
    *--top = (void*)&begin;
    for (int i = 0; i < 6; ++i) *--top = nullptr;
    fiber->pointer = top;
    all.push_back(fiber);
    return fiber;
}

void free_fiber(Fiber* fiber) {
    unpoison(fiber->stack, STACK);
    munmap(fiber->stack, STACK);
    delete fiber;
}
}  // namespace

Fiber* take_fiber(void (*work)()) {
    fiber_work = work;
    if (free_ones.empty()) return new_fiber();
    Fiber* fiber = free_ones.back();
    free_ones.pop_back();
    return fiber;
}

void switch_to(Fiber* fiber) {
    running = fiber;
    start_switch(&scheduler.fake_stack, fiber->stack, STACK);
    emulator_swap(&scheduler.pointer, fiber->pointer);
    finish_switch(scheduler.fake_stack, nullptr, nullptr);
}

void switch_to_scheduler() {
    Fiber* fiber = running;
    start_switch(&fiber->fake_stack, scheduler_stack, scheduler_size);
    emulator_swap(&fiber->pointer, scheduler.pointer);
    finish_switch(fiber->fake_stack, &scheduler_stack, &scheduler_size);
}

Fiber* running_fiber() { return running; }

void give_back(Fiber* fiber) { free_ones.push_back(fiber); }

void forget_accesses(Fiber* fiber) { forget_accesses(fiber->stack, STACK); }

void end_of_fibers() {
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
