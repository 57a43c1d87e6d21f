// cenote: SPDX-License-Identifier: MIT
#include "contenders/runners.hpp"
#include "patterns/measure.hpp"

#include <algorithm>
#include <memory>

namespace cenote::bench {
namespace {

/// Always the same block, of each thread its own, and in bulk always the same blocks: what remains is the
/// harness's own cost, its walks over its arrays.
struct contestant {
    static constexpr std::size_t pitch = 64; // of blocks got in bulk

    struct local {
        alignas(64) std::byte block[std::max(largest_random, bulk_blocks* pitch)];
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
    void get_many(void** blocks, std::size_t count) { // each another, as any pool's are
        for (std::size_t i = 0; i < count; ++i) blocks[i] = own.block + i * pitch;
    }
    void put_many(void** /*blocks*/, std::size_t /*count*/) {}
    void clear() {}
};

/// The same for buffers: each thread has one as large as any, and what is written there stays.
struct buffer_contestant {
    struct local {
        std::unique_ptr<std::byte[]> memory;
        explicit local(buffer_contestant& shared)
            : memory(std::make_unique_for_overwrite<std::byte[]>(shared.most_bytes)) {}
        void* get(std::size_t /*size*/) { return memory.get(); }
        void put(void* /*block*/, std::size_t /*size*/) {}
    };

    std::size_t most_bytes;
    buffer_contestant(std::size_t largest, std::size_t /*most*/)
        : most_bytes(2 * largest) {} // some patterns ask for more than the size
};

constexpr unsigned of_buffers = 0u | ability::buffers;

} // namespace

outcome run_no_op(const job& what) {
    if (what.which.admits(of_buffers)) return run_buffers<buffer_contestant>(what);
    return run_case < contestant, abilities_of("no_op") & ~of_buffers > (what);
}

} // namespace cenote::bench
