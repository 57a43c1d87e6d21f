// cenote: SPDX-License-Identifier: MIT
#include <cenote/pool/variable_pool.hpp>

#include "contenders/runners.hpp"
#include "patterns/measure.hpp"

namespace cenote::bench {
namespace {

struct contestant {
    variable_pool pool{{.name = "bench"}};
    std::size_t block_size;
    contestant(std::size_t size, std::size_t /*most*/) : block_size(size) {}
    void* get() { return pool.allocate(block_size); }
    void put(void* block) { pool.deallocate(block); }
    void* get(std::size_t size) { return pool.allocate(size); }
    void put(void* block, std::size_t /*size*/) { pool.deallocate(block); }
    [[nodiscard]] std::size_t reserved() const { return pool.stats().reserved_bytes; }
};

} // namespace

outcome run_variable_pool(const job& what) {
    return run_case<contestant, abilities_of("variable_pool")>(what);
}

} // namespace cenote::bench
