// cenote: SPDX-License-Identifier: MIT
#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/concurrent/locked.hpp>

#include "contenders/runners.hpp"
#include "patterns/measure.hpp"

namespace cenote::bench {
namespace {

struct contestant {
    concurrent_pool pool;
    contestant(std::size_t block_size, std::size_t /*most*/)
        : pool({.block_size = block_size, .name = "bench"}) {}
    void* get() { return pool.allocate(); }
    void put(void* block) { pool.deallocate(block); }
    void get_many(void** blocks, std::size_t count) { pool.allocate_n(blocks, count); }
    void put_many(void** blocks, std::size_t count) { pool.deallocate_n(blocks, count); }
};

struct through_local_cache : contestant {
    using contestant::contestant;
    struct local {
        concurrent_pool::local cache;
        explicit local(through_local_cache& shared) : cache(shared.pool.local_cache()) {}
        void* get() { return cache.allocate(); }
        void put(void* block) { cache.deallocate(block); }
    };
};

struct behind_a_lock {
    locked<fixed_pool> pool;
    behind_a_lock(std::size_t block_size, std::size_t /*most*/)
        : pool({.block_size = block_size, .name = "bench"}) {}
    void* get() { return pool.allocate(); }
    void put(void* block) { pool.deallocate(block); }
};

} // namespace

outcome run_concurrent_pool(const job& what) {
    return run_case<contestant, abilities_of("concurrent_pool")>(what);
}
outcome run_local_cache(const job& what) {
    return run_case<through_local_cache, abilities_of("local_cache")>(what);
}
outcome run_locked(const job& what) {
    return run_case<behind_a_lock, abilities_of("locked")>(what);
}

} // namespace cenote::bench
