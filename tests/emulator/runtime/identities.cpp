// Who is who in the eyes of the thread sanitizer, see sanitizers.h.
//
// Identities are dear, so a launch takes up those of the last one again. Within a launch each thread
// has its own, up to a number: beyond it a race with a thread that has ended long ago is not seen.
#include <cstdlib>
#include <deque>

#include "sanitizers.h"
#include "scheduler.h"

namespace emulator {
namespace {
constexpr size_t MOST_IDENTITIES = 1024;

size_t created;
std::deque<void*> unused, ended;
char begun, all_ended;
}  // namespace

void begin_identities() {
    current.identity = own_identity();
    unused.insert(unused.end(), ended.begin(), ended.end());
    ended.clear();
    release(&begun);
}

void end_identities() { acquire(&all_ended); }

void* begin_identity() {
    if (!THREAD_SANITIZER) return nullptr;
    if (unused.empty() && created >= MOST_IDENTITIES && !ended.empty()) {
        unused.push_back(ended.front());
        ended.pop_front();
    } else if (unused.empty()) {
        unused.push_back(new_identity());
        ++created;
    }
    void* identity = unused.front();
    unused.pop_front();
    assume(identity);
    acquire(&begun);
    return identity;
}

void end_identity(void* identity) {
    if (!THREAD_SANITIZER) return;
    release(&all_ended);
    assume(current.identity);
    ended.push_back(identity);
}

void synchronize(const std::vector<Thread*>& threads) {
    if (!THREAD_SANITIZER) return;
    void* tag = malloc(1);  // one of its own, so that nobody else synchronizes with them
    for (Thread* thread : threads) {
        assume(thread->identity);
        release(tag);
    }
    for (Thread* thread : threads) {
        assume(thread->identity);
        acquire(tag);
    }
    assume(current.identity);
    free(tag);
}
}  // namespace emulator
