// Stacks of their own for the threads of a kernel, and the switch between them.
#pragma once

#include <cstddef>

namespace emulator {
struct Fiber {
    const void* stack = nullptr;
    size_t size = 0;
    void* pointer = nullptr;  // of the stack, while another one runs
    void* fake_stack = nullptr;
    bool idle = true;  // in the midst of no thread, may be taken
};

// Where a launch came from, and ends.
extern Fiber scheduler;
extern Fiber* running;

// A fiber in the midst of no thread. When it is switched to it calls `work`, which says who is next.
Fiber* take_fiber(Fiber* (*work)());
// Goes on there; returns when somebody goes on here.
void switch_to(Fiber* fiber);
// What a thread left on the stack is not the next one's business, and no race with it.
void forget_accesses(Fiber* fiber);
// Frees fibers that have stopped in the midst of a kernel.
void end_fibers();
}  // namespace emulator
