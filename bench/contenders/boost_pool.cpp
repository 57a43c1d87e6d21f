// cenote: SPDX-License-Identifier: MIT
#include "contender.hpp"
#include "measure.hpp"

#include <boost/pool/pool.hpp>

namespace cenote::bench {
namespace {

struct contestant {
    boost::pool<boost::default_user_allocator_malloc_free> pool;
    contestant(std::size_t block_size, std::size_t /*most*/) : pool(block_size) {}
    void* get() { return pool.malloc(); }
    void put(void* block) { pool.free(block); }
};

} // namespace

outcome run_boost_pool(const job& what) {
    return run_case<contestant>(what);
}

} // namespace cenote::bench
