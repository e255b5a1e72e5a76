// A block: its threads take turns, its barriers let them go on.
#include <cstdlib>

#include "sanitizers.h"
#include "scheduler.h"

namespace emulator {
namespace {
// The threads of a warp whose turn it is.
std::vector<Thread*> turns;
size_t turn;

// On a fiber: runs threads one after the other until one of them has to wait. A kernel that has no
// barriers needs no other stack.
Fiber* run_new_threads() {
    while (turn < turns.size() && turns[turn]->state == NEW && !failed()) {
        Thread& thread = *turns[turn++];
        thread.fiber = running;
        thread.identity = begin_identity();
        be(thread);
        current.body(current.arguments);
        end_identity(thread.identity);
        thread.state = DONE;
        ++thread.block->done;
        forget_accesses(thread.fiber);
    }
    return next_turn();
}

bool take_turns(Block& block, unsigned first) {
    static std::vector<unsigned> lanes;
    order(lanes, block.end_of_warp(first) - first);
    turns.clear();
    turn = 0;
    for (unsigned lane : lanes)
        if (block.threads[first + lane].runnable()) turns.push_back(&block.threads[first + lane]);
    switch_to(next_turn());
    return !turns.empty();
}

// In order, a warp goes as far as it comes; shuffled, warps overtake each other.
bool run_warp(Block& block, unsigned first) {
    bool moved = false, again;
    do {
        again = take_turns(block, first);
        again = finish_warp_operations(block, first) || again;
        moved = moved || again;
    } while (again && !shuffled() && !failed());
    return moved;
}

bool finish_barrier(Block& block) {
    static std::vector<Thread*> waiting;
    waiting.clear();
    unsigned count = 0;
    for (Thread& thread : block.threads) {
        if (thread.state == DONE) continue;
        if (thread.state != AT_BLOCK) return false;
        waiting.push_back(&thread);
        count += thread.predicate;
    }
    const Place place = waiting[0]->place;
    for (Thread* thread : waiting)
        if (!(thread->place == place))
            fail("threads of one block wait at different barriers: " + text(place) + " and " +
                 text(thread->place));
    if (waiting.size() != block.threads.size())
        fail(text(place) + ": " + std::to_string(waiting.size()) + " of " +
             std::to_string(block.threads.size()) +
             " threads have come to the barrier, the others have exited");
    if (failed()) return false;
    for (Thread* thread : waiting) {
        thread->count = count;
        thread->state = READY;
    }
    synchronize(waiting);
    ++current.launch->barriers;
    return true;
}

void report_deadlock(const Block& block) {
    const char* wanted[] = {"", "", "for its warp", "for its block", "for the grid", ""};
    std::string message = "deadlock";
    unsigned named = 0;
    for (const Thread& thread : block.threads)
        if (thread.state != DONE && named++ < 4)
            message += ", thread " + std::to_string(thread.rank) + " of block " +
                       std::to_string(block.index.x) + " waits " + wanted[thread.state] + " at " +
                       text(thread.place);
    fail(message);
}
}  // namespace

Fiber* next_turn() {
    if (turn == turns.size() || failed()) return &scheduler;
    ++current.launch->switches;
    if (turns[turn]->state == NEW) return take_fiber(run_new_threads);
    return turns[turn++]->fiber;
}

void run_block(Block& block) {
    static std::vector<unsigned> warps;
    while (!block.finished() && !failed()) {
        bool moved = false;
        order(warps, block.warps());
        for (unsigned warp : warps) moved = run_warp(block, warp * WARP) || moved;
        if (moved || failed() || finish_barrier(block)) continue;
        for (const Thread& thread : block.threads)
            if (thread.state == AT_GRID) return;
        if (!failed()) report_deadlock(block);
    }
}

void open_block(Block& block, uint3 index) {
    const uint32_t* shape = current.launch->block;
    block.index = index;
    block.done = 0;
    block.threads.resize((size_t)shape[0] * shape[1] * shape[2]);
    for (unsigned rank = 0; rank < block.threads.size(); ++rank) {
        Thread& thread = block.threads[rank];
        thread.state = NEW;
        thread.rank = rank;
        thread.index = {rank % shape[0], rank / shape[0] % shape[1], rank / shape[0] / shape[1]};
        thread.block = &block;
    }
}

void close_block(Block& block) {
    for (const Variable& variable : block.shared) free(variable.memory);
    block.shared.clear();
    free(block.dynamic_shared);
    block.dynamic_shared = nullptr;
}
}  // namespace emulator
