// cenote: SPDX-License-Identifier: MIT
#include "process.hpp"

#include <cenote/base/arith.hpp>
#include <cenote/source/os_pages.hpp>

#include <new>

namespace cenote::inline v0_1::engine {
namespace {

constinit thread_cache none;
constinit thread_cache gone;
constinit registry all{gone};

// The first records need no system: small programs never ask for more.
constexpr std::size_t first_records = 32;
constinit thread_cache records[first_records];

// Left for threads that only free, and so may not ask for memory.
constexpr std::size_t least_spare = 8;

constexpr thread_slots empty_table() noexcept {
    thread_slots table{};
    for (thread_cache*& head : table.heads) head = &none;
    return table;
}

void end_this_thread(void* table) {
    all.end_thread(*static_cast<thread_slots*>(table));
}

// The hook on thread ends is made here, when the library is loaded: the system keeps the first few without
// asking the heap for memory later, when a thread uses it.
bool set_up() noexcept {
    all.add_records(records, first_records);
    (void)sync::at_thread_exit(&end_this_thread, nullptr);
    return sync::at_fork([] { all.lock_all(); }, [] { all.unlock_all(); },
                         [] {
                             all.abandon_others(own_slots());
                             all.unlock_all();
                         });
}

} // namespace

#if CENOTE_EXPORTS_THREAD_LOCALS
constinit thread_local thread_slots this_thread CENOTE_INITIAL_EXEC = empty_table();
#else
namespace {
constinit thread_local thread_slots this_thread = empty_table();
}
thread_slots& own_slots() noexcept {
    return this_thread;
}
#endif

// Where there are several copies of the library, the loader may bind one's table to another's, though not its
// functions (-Bsymbolic-functions). What is unloaded must leave nothing there: such a copy has no caches.
#if defined(CENOTE_OWN_NAME_OF)
extern constinit thread_local thread_slots
    own_table CENOTE_OWN_NAME_OF("_ZN6cenote4v0_16engine11this_threadE") CENOTE_INITIAL_EXEC;
#else
#define own_table this_thread
#endif

registry& process_registry() noexcept {
    static const bool is_ready = set_up();
    (void)is_ready;
    return all;
}

namespace {

// When the library is loaded at the latest: a fork in the middle of it would leave the child without.
[[maybe_unused]] const registry& at_load = process_registry();

} // namespace

void enter_registry(crew& pool) noexcept {
    process_registry().enter(pool);
}

void leave_registry(crew& pool) noexcept {
    if (pool.is_listed()) process_registry().leave(pool);
}

thread_cache& no_cache() noexcept {
    return none;
}

void supply_records() noexcept {
    if (process_registry().spare_records() >= least_spare) return;
    source& pages = default_source();
    const source::request wanted{base::rounded_up(std::size_t{64} << 10, pages.granularity()),
                                 alignof(thread_cache), source::any_node};
    void* const data = pages.reserve(wanted); // never given back: threads may hold stale pointers
    if (data == nullptr) return;
    if (!pages.commit(data, wanted.bytes)) return pages.release(data, wanted);
    const std::size_t count = wanted.bytes / sizeof(thread_cache);
    auto* const first = static_cast<thread_cache*>(data);
    for (std::size_t i = 0; i < count; ++i) ::new (first + i) thread_cache;
    all.add_records(first, count);
}

bool watch_this_thread() noexcept {
    const void* volatile own = &own_table; // or the compiler knows better: two names, two objects
    return own == &this_thread && sync::at_thread_exit(&end_this_thread, &this_thread);
}

} // namespace cenote::inline v0_1::engine
