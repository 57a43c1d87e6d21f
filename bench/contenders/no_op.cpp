// cenote: SPDX-License-Identifier: MIT
#include "contenders/runners.hpp"
#include "patterns/measure.hpp"

#include <algorithm>

namespace cenote::bench {
namespace {

/// Always the same block, of each thread its own: what remains is the harness's own cost, its walks over its
/// arrays.
struct contestant {
    struct local {
        alignas(64) std::byte block[largest_random];
        explicit local(contestant& /*shared*/) {}
        void* get() { return block; }
        void put(void* /*block*/) {}
        void* get(std::size_t /*size*/) { return block; }
        void put(void* /*block*/, std::size_t /*size*/) {}
    };

    local own{*this};
    contestant(std::size_t /*block_size*/, std::size_t /*most*/) {}
    void* get() { return own.get(); }
    void put(void* block) { own.put(block); }
    void* get(std::size_t size) { return own.get(size); }
    void put(void* block, std::size_t size) { own.put(block, size); }
    void get_many(void** blocks, std::size_t count) { std::fill_n(blocks, count, own.get()); }
    void put_many(void** /*blocks*/, std::size_t /*count*/) {}
};

} // namespace

outcome run_no_op(const job& what) {
    return run_case<contestant, abilities_of("no_op")>(what);
}

} // namespace cenote::bench
