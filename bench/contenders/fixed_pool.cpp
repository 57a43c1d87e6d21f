// cenote: SPDX-License-Identifier: MIT
#include <cenote/pool/fixed_pool.hpp>

#include "contenders/runners.hpp"
#include "patterns/measure.hpp"

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

// Every call at capacity zero, and every free judged at once.
struct checking {
    fixed_pool pool;
    checking(std::size_t block_size, std::size_t /*most*/)
        : pool({.block_size = block_size, .checks = true, .name = "bench"}) {}
    void* get() { return pool.allocate(); }
    void put(void* block) { pool.deallocate(block); }
};

struct on_huge_pages {
    os_pages pages{{.huge_pages = huge_pages::transparent}};
    fixed_pool pool;
    on_huge_pages(std::size_t block_size, std::size_t /*most*/)
        : pool({.block_size = block_size, .source = &pages, .name = "bench"}) {}
    void* get() { return pool.allocate(); }
    void put(void* block) { pool.deallocate(block); }
};

} // namespace

outcome run_fixed_pool(const job& what) {
    return run_case<contestant, abilities_of("fixed_pool")>(what);
}
outcome run_fixed_checks(const job& what) {
    return run_case<checking, abilities_of("fixed_checks")>(what);
}
outcome run_huge_pages(const job& what) {
    return run_case<on_huge_pages, abilities_of("huge_pages")>(what);
}

} // namespace cenote::bench
