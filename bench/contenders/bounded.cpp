// cenote: SPDX-License-Identifier: MIT
//
// A hard number of things for many threads, who wait when there is none; a mutex and a condition variable
// around a list, as a program writes them; the least that serves strictly in turn; and one atomic exchange,
// the least that anything shared can cost.
#include <cenote/concurrent/arena_pool.hpp>
#include <cenote/concurrent/bounded_pool.hpp>

#include "contenders/runners.hpp"
#include "patterns/measure.hpp"

#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace cenote::bench {
namespace {

// A thread's way to a pool whose handles say when they end.
template<class Shared, class Handle>
struct holding {
    Shared& shared;
    Handle held;
    alignas(64) std::byte word[64];
    explicit holding(Shared& of) : shared(of) {}
    void* get() {
        held = shared.pool.acquire();
        escape(&held);
        return word; // what is held may be no plain memory
    }
    void put(void* /*block*/) { held.release(); }
};

struct bounded_contestant {
    using local = holding<bounded_contestant, bounded_pool::block>;
    bounded_pool pool;
    local own{*this};
    bounded_contestant(std::size_t block_size, std::size_t most)
        : pool({.block_size = block_size, .blocks = most, .name = "bench"}) {}
    void* get() { return own.get(); }
    void put(void* block) { own.put(block); }
};

struct arenas_contestant {
    using local = holding<arenas_contestant, arena_pool::lease>;
    arena_pool pool;
    local own{*this};
    arenas_contestant(std::size_t block_size, std::size_t most)
        : pool({.arenas = most, .arena_size = block_size, .name = "bench"}) {}
    void* get() { return own.get(); }
    void put(void* block) { own.put(block); }
};

struct condition_contestant {
    std::mutex lock;
    std::condition_variable some;
    std::vector<void*> list;
    std::unique_ptr<std::byte[]> memory;
    condition_contestant(std::size_t block_size, std::size_t most)
        : memory(std::make_unique<std::byte[]>(block_size * most)) {
        for (std::size_t i = 0; i < most; ++i) list.push_back(memory.get() + i * block_size);
    }
    void* get() {
        std::unique_lock here(lock);
        some.wait(here, [this] { return !list.empty(); });
        void* const block = list.back();
        list.pop_back();
        return block;
    }
    void put(void* block) {
        {
            const std::lock_guard here(lock);
            list.push_back(block);
        }
        some.notify_one();
    }
};

struct exchange_contestant {
    alignas(64) std::atomic<std::size_t> shared{0};
    alignas(64) std::byte word[64];
    exchange_contestant(std::size_t /*block_size*/, std::size_t /*most*/) {}
    void* get() {
        (void)shared.exchange(1, std::memory_order_acq_rel);
        return word;
    }
    void put(void* /*block*/) {}
};

// One thing, handed from thread to thread by the least that sleeps.
struct waiting_contestant {
    alignas(64) std::atomic<std::uint32_t> is_there{1};
    alignas(64) std::byte word[64];
    waiting_contestant(std::size_t /*block_size*/, std::size_t /*most*/) {}
    void* get() {
        while (is_there.exchange(0, std::memory_order_acquire) == 0)
            is_there.wait(0, std::memory_order_relaxed);
        return word;
    }
    void put(void* /*block*/) {
        (void)is_there.exchange(1); // a plain store might come after the look at whether anybody waits
        is_there.notify_one();
    }
};

} // namespace

outcome run_bounded_pool(const job& what) {
    return run_case<bounded_contestant, abilities_of("bounded_pool")>(what);
}
outcome run_arena_pool(const job& what) {
    return run_case<arenas_contestant, abilities_of("arena_pool")>(what);
}
outcome run_condition_variable(const job& what) {
    return run_case<condition_contestant, abilities_of("condition_variable")>(what);
}
outcome run_atomic_wait(const job& what) {
    return run_case<waiting_contestant, abilities_of("atomic_wait")>(what);
}
outcome run_exchange(const job& what) {
    return run_case<exchange_contestant, abilities_of("exchange")>(what);
}

} // namespace cenote::bench
