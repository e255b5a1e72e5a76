// A launch: its blocks one after the other, or all at once if they wait for each other.
#include <cstdio>
#include <cstring>
#include <utility>

#include "sanitizers.h"
#include "scheduler.h"

struct dim3 {
    unsigned x, y, z;
};

// As device/device.h declares them, but for `const`: they are constant for a thread only.
uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace emulator {
Current current;

namespace {
uint64_t random_state;

// splitmix64
uint64_t random_number() {
    uint64_t z = random_state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

uint3 block_index(unsigned number) {
    return {number % gridDim.x, number / gridDim.x % gridDim.y, number / gridDim.x / gridDim.y};
}

void run_one_by_one(const std::vector<unsigned>& numbers) {
    Block block;
    for (unsigned number : numbers) {
        open_block(block, block_index(number));
        run_block(block);
        close_block(block);
        if (failed()) return;
    }
}

// Lets all threads go on if all of them wait at the same grid barrier.
void finish_grid_barrier(std::vector<Block>& blocks) {
    std::vector<Thread*> waiting;
    size_t threads = 0;
    for (Block& block : blocks) {
        threads += block.threads.size();
        for (Thread& thread : block.threads)
            if (thread.state == AT_GRID) waiting.push_back(&thread);
    }
    for (Thread* thread : waiting)
        if (!(thread->place == waiting[0]->place) || waiting.size() != threads)
            return fail(text(thread->place) + ": " + std::to_string(waiting.size()) + " of " +
                        std::to_string(threads) + " threads wait at a grid barrier");
    for (Thread* thread : waiting) thread->state = READY;
    synchronize(waiting);
    ++current.launch->barriers;
}

void run_together(unsigned n) {
    std::vector<Block> blocks(n);
    std::vector<unsigned> numbers;
    for (unsigned i = 0; i < n; ++i) open_block(blocks[i], block_index(i));
    for (bool finished = false; !finished && !failed();) {
        finished = true;
        order(numbers, n);
        for (unsigned i : numbers) {
            if (!failed()) run_block(blocks[i]);
            finished = finished && blocks[i].finished();
        }
        if (!failed()) finish_grid_barrier(blocks);
    }
    for (Block& block : blocks) close_block(block);
}
}  // namespace

bool operator==(Place one, Place other) {
    return one.line == other.line &&
           (one.file == other.file || strcmp(one.file, other.file) == 0);
}

std::string text(Place place) { return std::string(place.file) + ":" + std::to_string(place.line); }

void fail(const std::string& message) {
    if (!failed()) current.error = message;
}

void order(std::vector<unsigned>& numbers, unsigned n) {
    numbers.resize(n);
    for (unsigned i = 0; i < n; ++i) numbers[i] = i;
    if (!shuffled()) return;
    for (unsigned i = n; i > 1; --i) std::swap(numbers[i - 1], numbers[random_number() % i]);
}

void be(Thread& thread) {
    current.thread = &thread;
    threadIdx = thread.index;
    blockIdx = thread.block->index;
    assume(thread.identity);
}

void wait(State state, Place place) {
    Thread& thread = *current.thread;
    thread.state = state;
    thread.place = place;
    assume(current.identity);
    switch_to(next_turn());
    be(thread);
}
}  // namespace emulator

// Nonzero, and a message, if the kernel breaks a rule.
extern "C" int emulator_launch(emulator::Launch* launch, void (*body)(void**), void** arguments,
                               char* error, unsigned error_size) {
    using namespace emulator;
    current.launch = launch;
    current.body = body;
    current.arguments = arguments;
    current.error.clear();
    random_state = launch->seed;
    memcpy(&gridDim, launch->grid, sizeof gridDim);
    memcpy(&blockDim, launch->block, sizeof blockDim);
    begin_identities();
    ignore_accesses(true);
    const unsigned n = gridDim.x * gridDim.y * gridDim.z;
    std::vector<unsigned> numbers;
    order(numbers, n);
    if (launch->cooperative)
        run_together(n);
    else
        run_one_by_one(numbers);
    end_fibers();
    ignore_accesses(false);
    end_identities();
    snprintf(error, error_size, "%s", current.error.c_str());
    return failed();
}
