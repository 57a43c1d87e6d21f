// cenote: SPDX-License-Identifier: MIT
#include "patterns/measure.hpp"

#include <foonathan/memory/allocator_storage.hpp>
#include <foonathan/memory/memory_pool.hpp>
#include <foonathan/memory/memory_pool_collection.hpp>
#include <foonathan/memory/threading.hpp>
#include <mutex>

namespace cenote::bench {
namespace {

namespace fm = foonathan::memory;
using node_pool = fm::memory_pool<fm::node_pool>;

constexpr std::size_t first_blocks = 64; // of the first arena block; each further one is twice as large

struct contestant {
    node_pool pool;
    contestant(std::size_t block_size, std::size_t /*most*/)
        : pool(block_size, node_pool::min_block_size(block_size, first_blocks)) {}
    void* get() { return pool.allocate_node(); }
    void put(void* block) { pool.deallocate_node(block); }
};

struct behind_a_mutex {
    std::size_t block_size;
    fm::thread_safe_allocator<node_pool, std::mutex> pool;
    behind_a_mutex(std::size_t size, std::size_t /*most*/)
        : block_size(size), pool(node_pool(size, node_pool::min_block_size(size, first_blocks))) {}
    void* get() { return pool.allocate_node(block_size, alignment()); }
    void put(void* block) { pool.deallocate_node(block, block_size, alignment()); }
    [[nodiscard]] static std::size_t alignment() { return alignof(void*); }
};

struct collection {
    fm::memory_pool_collection<fm::node_pool, fm::log2_buckets> pool;
    collection(std::size_t largest, std::size_t /*most*/) : pool(largest, std::size_t{1} << 20) {}
    void* get() { return get(largest_random); }
    void put(void* block) { put(block, largest_random); }
    void* get(std::size_t size) { return pool.allocate_node(size); }
    void put(void* block, std::size_t size) { pool.deallocate_node(block, size); }
};

outcome run_pool(const job& what) {
    constexpr unsigned abilities = abilities_of("foonathan_pool");
    return is_for_sharing(what.which.what) ? run_shared<behind_a_mutex, abilities>(what)
                                           : run_alone<contestant, abilities>(what);
}

} // namespace
} // namespace cenote::bench

int main(int argc, char** argv) {
    using namespace cenote::bench;
    return be_child({{"foonathan_pool", run_pool},
                     {"foonathan_collection", run_case<collection, abilities_of("foonathan_collection")>}},
                    argc, argv);
}
