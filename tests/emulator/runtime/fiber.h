// Stacks of their own for the threads of a kernel, and the switch between them.
#pragma once

namespace emulator {
struct Fiber {
    char* stack = nullptr;
    void* pointer = nullptr;  // of the stack, while another one runs
    void* fake_stack = nullptr;
    bool idle = true;  // runs no thread, may be used again
};

// A fiber without a thread. It calls `work` whenever it is switched to while idle.
Fiber* take_fiber(void (*work)());
// Goes on with the fiber until it waits or is idle.
void switch_to(Fiber* fiber);
// Back to the scheduler, out of the fiber that runs.
void switch_to_scheduler();
Fiber* running_fiber();
// For the next taker.
void give_back(Fiber* fiber);
// What a thread left on the stack is not the next one's business, and no race with it.
void forget_accesses(Fiber* fiber);
// Frees fibers that have stopped in the midst of a kernel.
void end_of_fibers();
}  // namespace emulator
