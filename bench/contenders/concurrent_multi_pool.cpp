// cenote: SPDX-License-Identifier: MIT
#include <cenote/concurrent/concurrent_multi_pool.hpp>

#include "contenders/runners.hpp"
#include "patterns/measure.hpp"

namespace cenote::bench {
namespace {

struct base {
    concurrent_multi_pool pool{{.name = "bench"}};
    std::size_t block_size;
    base(std::size_t size, std::size_t /*most*/) : block_size(size) {}
    void* get() { return pool.allocate(block_size); }
    void* get(std::size_t size) { return pool.allocate(size); }
};

struct sized : base {
    using base::base;
    void put(void* block) { pool.deallocate(block, block_size); }
    void put(void* block, std::size_t size) { pool.deallocate(block, size); }
};

struct unsized : base {
    using base::base;
    void put(void* block) { pool.deallocate(block); }
    void put(void* block, std::size_t /*size*/) { pool.deallocate(block); }
};

} // namespace

outcome run_concurrent_multi_pool(const job& what) {
    return run_case<sized, abilities_of("concurrent_multi_pool")>(what);
}
outcome run_unsized(const job& what) {
    return run_case<unsized, abilities_of("unsized")>(what);
}

} // namespace cenote::bench
