// cenote: SPDX-License-Identifier: MIT
#include "patterns/measure.hpp"

#include <tbb/scalable_allocator.h>

namespace cenote::bench {
namespace {

struct contestant {
    std::size_t block_size;
    contestant(std::size_t size, std::size_t /*most*/) : block_size(size) {}
    void* get() { return scalable_malloc(block_size); }
    void put(void* block) { scalable_free(block); }
    void* get(std::size_t size) { return scalable_malloc(size); }
    void put(void* block, std::size_t /*size*/) { scalable_free(block); }
};

} // namespace
} // namespace cenote::bench

int main(int argc, char** argv) {
    using namespace cenote::bench;
    return be_child({{"tbb", run_case<contestant, abilities_of("tbb")>, scalable_malloc, scalable_free}},
                    argc, argv);
}
