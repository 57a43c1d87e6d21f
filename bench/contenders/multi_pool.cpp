// cenote: SPDX-License-Identifier: MIT
#include <cenote/pool/multi_pool.hpp>

#include "contenders/runners.hpp"
#include "patterns/measure.hpp"

namespace cenote::bench {
namespace {

struct contestant {
    multi_pool pool{{.name = "bench"}};
    std::size_t block_size;
    contestant(std::size_t size, std::size_t /*most*/) : block_size(size) {}
    void* get() { return pool.allocate(block_size); }
    void put(void* block) { pool.deallocate(block, block_size); }
    void* get(std::size_t size) { return pool.allocate(size); }
    void put(void* block, std::size_t size) { pool.deallocate(block, size); }
    [[nodiscard]] std::size_t reserved() const { return pool.stats().reserved_bytes; }
};

struct unsized : contestant {
    using contestant::contestant;
    using contestant::put;
    void put(void* block, std::size_t /*size*/) { pool.deallocate(block); }
};

} // namespace

outcome run_multi_pool(const job& what) {
    return run_case<contestant, abilities_of("multi_pool")>(what);
}

outcome run_multi_unsized(const job& what) {
    return run_case<unsized, abilities_of("multi_unsized")>(what);
}

} // namespace cenote::bench
