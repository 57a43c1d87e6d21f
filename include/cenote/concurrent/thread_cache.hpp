// cenote: SPDX-License-Identifier: MIT
//
// What a thread keeps of a pool that many share: two magazines of each block size, as a pool of one thread
// has. A thread finds its own by the pool's number in a small thread-local table of pointers: the head of a
// short chain, so that hundreds of pools in one thread cost a few steps more and never a flush. Records are
// never unmapped: a stale pointer to one is safe to compare through, because numbers are never reused.
// See docs/decisions/0007.
#pragma once

#include <cenote/base/sync.hpp>
#include <cenote/slab/stock.hpp>

#include <cstddef>
#include <cstdint>

namespace cenote::inline v0_1::engine {

/// What a record of no pool has for a number: not that of a pool either that has none yet.
inline constexpr std::uint64_t no_key = ~std::uint64_t{0};

template<class Policy>
class basic_crew;
template<class Policy>
struct basic_thread_slots;

/// One thread's record of one pool. Only that thread reads or writes the magazines while the pool is in use.
template<class Policy>
struct alignas(64) basic_thread_cache {
    typename Policy::template atomic<std::uint64_t> key{no_key}; ///< the pool's number
    stock* stocks = nullptr; ///< by size class, in a pool of several sizes
    stock own;               ///< in a pool of one size

    [[nodiscard]] CENOTE_INLINE bool is_of(std::uint64_t id) const noexcept {
        return key.load(sync::memory_order_relaxed) == id;
    }

    // Cold. The links belong to the lists that they are in: a thread's, a pool's, the registry's.
    cache_unit* unit = nullptr;
    basic_crew<Policy>* crew = nullptr;
    basic_thread_slots<Policy>* owner = nullptr;
    basic_thread_cache* next_here = nullptr; ///< with the same slot of the same thread, or not in use
    basic_thread_cache* next = nullptr;      ///< of the same pool
    basic_thread_cache* previous = nullptr;
};

/// A thread's table. Chains end in one of two records of no pool.
template<class Policy>
struct basic_thread_slots {
    using cache = basic_thread_cache<Policy>;
    static constexpr std::size_t slots = 64;

    cache* heads[slots];

    [[nodiscard]] static constexpr std::size_t slot_of(std::uint64_t id) noexcept { return id % slots; }
};

using thread_cache = basic_thread_cache<sync::real>;
using thread_slots = basic_thread_slots<sync::real>;
static_assert(sizeof(thread_cache) == 128 && sizeof(thread_slots) == 64 * sizeof(void*));

/// The calling thread's. 512 bytes, constant-initialised, without a destructor: good before `main`, and after
/// the thread's caches are gone.
#if CENOTE_EXPORTS_THREAD_LOCALS
extern CENOTE_API constinit thread_local thread_slots this_thread CENOTE_INITIAL_EXEC;

[[nodiscard]] CENOTE_INLINE thread_slots& own_slots() noexcept {
    return this_thread;
}
#else
[[nodiscard]] CENOTE_API thread_slots& own_slots() noexcept;
#endif

/// The calling thread's cache of the pool with this number, if it has one and no other pool of the same slot
/// was used since: ask it.
[[nodiscard]] CENOTE_INLINE thread_cache& first_cache(std::uint64_t id) noexcept {
    return *own_slots().heads[thread_slots::slot_of(id)];
}

} // namespace cenote::inline v0_1::engine
