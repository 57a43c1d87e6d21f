// cenote: SPDX-License-Identifier: MIT
#include "contenders/runners.hpp"
#include "patterns/measure.hpp"

#include <cstdlib>

namespace cenote::bench {
namespace {

struct contestant {
    std::size_t block_size;
    contestant(std::size_t size, std::size_t /*most*/) : block_size(size) {}
    void* get() { return std::malloc(block_size); }
    void put(void* block) { std::free(block); }
    void* get(std::size_t size) { return std::malloc(size); }
    void put(void* block, std::size_t /*size*/) { std::free(block); }
};

} // namespace

// Also those that a preloaded library puts in its place.
outcome run_malloc(const job& what) {
    return run_case<contestant, abilities_of("malloc")>(what);
}

} // namespace cenote::bench
