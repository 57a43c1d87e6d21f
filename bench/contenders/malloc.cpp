// cenote: SPDX-License-Identifier: MIT
#include "contender.hpp"
#include "measure.hpp"

#include <cstdlib>

namespace cenote::bench {
namespace {

struct contestant {
    std::size_t block_size;
    contestant(std::size_t size, std::size_t /*most*/) : block_size(size) {}
    void* get() { return std::malloc(block_size); }
    void put(void* block) { std::free(block); }
};

} // namespace

outcome run_malloc(const job& what) {
    return run_case<contestant>(what);
}

} // namespace cenote::bench
