// cenote: SPDX-License-Identifier: MIT
#include "contenders/runners.hpp"
#include "patterns/measure.hpp"

#include <memory_resource>

namespace cenote::bench {
namespace {

template<class Resource>
struct contestant {
    Resource pool;
    std::size_t block_size;
    contestant(std::size_t size, std::size_t /*most*/) : block_size(size) {}
    void* get() { return pool.allocate(block_size); }
    void put(void* block) { pool.deallocate(block, block_size); }
    void* get(std::size_t size) { return pool.allocate(size); }
    void put(void* block, std::size_t size) { pool.deallocate(block, size); }
};

} // namespace

outcome run_pmr(const job& what) {
    return run_case<contestant<std::pmr::unsynchronized_pool_resource>, abilities_of("pmr")>(what);
}
outcome run_pmr_synchronized(const job& what) {
    return run_case<contestant<std::pmr::synchronized_pool_resource>, abilities_of("pmr_synchronized")>(what);
}

} // namespace cenote::bench
