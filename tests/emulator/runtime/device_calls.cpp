// What kernels call, as device/device.h and device/synchronization.h declare it.
#include <cstdlib>
#include <cstring>

#include "sanitizers.h"
#include "scheduler.h"

namespace emulator {
namespace {
constexpr size_t STATIC_SHARED = 48 * 1024;
char fences;

void* poisoned(size_t bytes) {
    void* memory = malloc(bytes);
    return memset(memory, 0xff, bytes);  // NaN or -1
}
}  // namespace

void* shared(const void* key, unsigned long long bytes) {
    size_t used = bytes;
    std::vector<Variable>& variables = current.thread->block->shared;
    for (const Variable& variable : variables) {
        if (variable.key == key) return variable.memory;
        used += variable.bytes;
    }
    if (used > STATIC_SHARED) fail("more than 48 KB of static shared memory");
    ignore_accesses(true);
    variables.push_back({key, poisoned(bytes), (size_t)bytes});
    ignore_accesses(false);
    return variables.back().memory;
}

void* dynamic_shared() {
    Block& block = *current.thread->block;
    if (block.dynamic_shared) return block.dynamic_shared;
    ignore_accesses(true);
    block.dynamic_shared = poisoned(current.launch->dynamic_shared_bytes);
    ignore_accesses(false);
    return block.dynamic_shared;
}

unsigned block_barrier(bool predicate, const char* file, int line) {
    Thread& thread = *current.thread;
    thread.predicate = predicate;
    wait(AT_BLOCK, {file, line});
    return thread.count;
}

void grid_barrier(const char* file, int line) {
    if (!current.launch->cooperative)
        fail(text({file, line}) + ": a grid barrier, and the launch is not cooperative");
    wait(AT_GRID, {file, line});
}

unsigned long long warp_rendezvous(WarpOperation operation, unsigned mask,
                                   unsigned long long value, int source, const char* file,
                                   int line) {
    Thread& thread = *current.thread;
    thread.operation = operation;
    thread.mask = mask;
    thread.value = value;
    thread.source = source;
    wait(AT_WARP, {file, line});
    return thread.value;
}

bool is_cooperative() { return current.launch->cooperative; }

// Between fences of different threads the thread sanitizer may assume the order in which they ran.
void fence() {
    acquire(&fences);
    release(&fences);
}
}  // namespace emulator
