// cenote: SPDX-License-Identifier: MIT
#include <cenote/pool/multi_pool.hpp>

#include "contender.hpp"
#include "measure.hpp"

namespace cenote::bench {
namespace {

struct contestant {
    multi_pool pool{{.name = "bench"}};
    std::size_t block_size;
    contestant(std::size_t size, std::size_t /*most*/) : block_size(size) {}
    void* get() { return pool.allocate(block_size); }
    void put(void* block) { pool.deallocate(block, block_size); }
    void get_many(void** blocks, std::size_t count) { pool.allocate_n(block_size, blocks, count); }
    void put_many(void** blocks, std::size_t count) { pool.deallocate_n(blocks, count); }
};

} // namespace

outcome run_multi_pool(const job& what) {
    return run_case<contestant>(what);
}

} // namespace cenote::bench
