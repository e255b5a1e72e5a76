// The threads and blocks of a launch, and the rules by which they wait for each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fiber.h"

struct uint3 {
    unsigned x, y, z;
};

namespace emulator {
enum State { NEW, READY, AT_WARP, AT_BLOCK, AT_GRID, DONE };
enum WarpOperation { SHUFFLE, BALLOT, SYNCHRONIZE };
constexpr unsigned WARP = 32;

// Where in the source a thread waits.
struct Place {
    const char* file;
    int line;
};
bool operator==(Place one, Place other);
std::string text(Place place);

struct Thread {
    State state;
    unsigned rank;  // in its block
    uint3 index;
    struct Block* block;
    Fiber* fiber;
    void* identity;
    Place place;
    // What it wants from its warp, and gets.
    WarpOperation operation;
    unsigned mask;
    int source;
    unsigned long long value;
    // What it tells its block, and hears.
    bool predicate;
    unsigned count;

    bool runnable() const { return state == NEW || state == READY; }
};

struct Variable {
    const void* key;
    void* memory;
    size_t bytes;
};

struct Block {
    uint3 index;
    std::vector<Thread> threads;
    std::vector<Variable> shared;
    void* dynamic_shared = nullptr;
    unsigned done;

    bool finished() const { return done == threads.size(); }
    unsigned warps() const { return (unsigned)(threads.size() + WARP - 1) / WARP; }
    // Behind the last thread of the warp that begins with `first`.
    unsigned end_of_warp(unsigned first) const {
        return first + WARP < threads.size() ? first + WARP : (unsigned)threads.size();
    }
};

// How to launch, as the Python side lays it out, and what happened.
struct Launch {
    uint32_t grid[3], block[3];
    uint64_t dynamic_shared_bytes;
    uint64_t seed;  // 0: threads and blocks in order; else shuffled
    uint64_t cooperative;
    uint64_t switches, barriers;
};

struct Current {
    Launch* launch;
    Thread* thread;
    void (*body)(void** arguments);
    void** arguments;
    void* identity;  // the scheduler's
    std::string error;
};
extern Current current;

// The first failure of a launch ends it.
void fail(const std::string& message);
inline bool failed() { return !current.error.empty(); }
inline bool shuffled() { return current.launch->seed != 0; }

// Numbers 0..n-1, shuffled if this launch shuffles.
void order(std::vector<unsigned>& numbers, unsigned n);
// Makes `thread` the one that runs.
void be(Thread& thread);
// Who goes on: the next thread of the warp, or the scheduler if all of them have had their turn.
Fiber* next_turn();
// Out of the thread that runs, until it may go on.
void wait(State state, Place place);
// Of a thread that begins, and ends.
void* begin_identity();
void end_identity(void* identity);
// Of all threads of a launch.
void begin_identities();
void end_identities();
// All that these threads did before now happens before all that they do later.
void synchronize(const std::vector<Thread*>& threads);

void open_block(Block& block, uint3 index);
void close_block(Block& block);
// Until every thread is done or waits for the grid.
void run_block(Block& block);
// Lets lanes go on that have all come to their warp operation; whether there were any.
bool finish_warp_operations(Block& block, unsigned first);
}  // namespace emulator
