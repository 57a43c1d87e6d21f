// cenote: SPDX-License-Identifier: MIT
#include <cenote/pool/fixed_pool.hpp>

#include "contender.hpp"
#include "measure.hpp"

namespace cenote::bench {
namespace {

struct contestant {
    fixed_pool pool;
    contestant(std::size_t block_size, std::size_t /*most*/)
        : pool({.block_size = block_size, .name = "bench"}) {}
    void* get() { return pool.allocate(); }
    void put(void* block) { pool.deallocate(block); }
    void get_many(void** blocks, std::size_t count) { pool.allocate_n(blocks, count); }
    void put_many(void** blocks, std::size_t count) { pool.deallocate_n(blocks, count); }
};

} // namespace

outcome run_fixed_pool(const job& what) {
    return run_case<contestant>(what);
}

} // namespace cenote::bench
