// Operations of a warp: the lanes of a mask come together and exchange values.
#include "scheduler.h"

namespace emulator {
namespace {
std::string lane_of(const Thread& thread) {
    return text(thread.place) + ": lane " + std::to_string(thread.rank % WARP);
}

void fail_mask(const Thread& thread, unsigned lane, const char* why) {
    fail(lane_of(thread) + " waits for lane " + std::to_string(lane) + " of its mask, which " + why);
}

bool is_complete(const Block& block, unsigned first, const Thread& thread) {
    for (unsigned lane = 0; lane < WARP; ++lane) {
        if (!(thread.mask >> lane & 1)) continue;
        if (first + lane >= block.threads.size()) {
            fail_mask(thread, lane, "is past the end of the block");
            return false;
        }
        const Thread& other = block.threads[first + lane];
        if (other.state == DONE) fail_mask(thread, lane, "has exited");
        if (other.state != AT_WARP || !(other.place == thread.place) ||
            other.mask != thread.mask || other.operation != thread.operation)
            return false;
    }
    return true;
}

void complete(Block& block, unsigned first, unsigned mask) {
    static std::vector<Thread*> group;
    group.clear();
    unsigned long long values[WARP], ballot = 0;
    for (unsigned lane = 0; lane < WARP; ++lane) {
        if (!(mask >> lane & 1)) continue;
        Thread& thread = block.threads[first + lane];
        group.push_back(&thread);
        values[lane] = thread.value;
        if (thread.value) ballot |= 1ull << lane;
    }
    for (Thread* thread : group) {
        thread->state = READY;
        if (thread->operation != SHUFFLE)
            thread->value = ballot;
        else if (mask >> thread->source & 1)
            thread->value = values[thread->source];
        else
            fail(lane_of(*thread) + " reads lane " + std::to_string(thread->source) +
                 ", which the mask leaves out");
    }
    // Shuffles and votes exchange registers and order no memory.
    if (group[0]->operation == SYNCHRONIZE) synchronize(group);
}
}  // namespace

bool finish_warp_operations(Block& block, unsigned first) {
    bool moved = false;
    for (unsigned rank = first; rank < block.end_of_warp(first) && !failed(); ++rank) {
        const Thread& thread = block.threads[rank];
        if (thread.state != AT_WARP) continue;
        if (!(thread.mask >> (rank - first) & 1)) {
            fail(lane_of(thread) + " is not in its own mask");
        } else if (is_complete(block, first, thread)) {
            complete(block, first, thread.mask);
            moved = true;
        }
    }
    return moved;
}
}  // namespace emulator
