// cenote: SPDX-License-Identifier: MIT
//
// What is allocated piece by piece and freed as a whole. The standard's resource gets a buffer of its own, so
// that it need not ask the heap again after each release.
#include <cenote/pool/arena.hpp>

#include "contenders/runners.hpp"
#include "patterns/measure.hpp"

#include <memory_resource>

namespace cenote::bench {
namespace {

constexpr std::size_t room = std::size_t{64} << 10;

struct arena_contestant {
    arena pool{{.chunk_size = room, .name = "bench"}};
    std::size_t size;
    arena_contestant(std::size_t block_size, std::size_t /*most*/) : size(block_size) {}
    void* get() { return pool.allocate(size); }
    void put(void* /*block*/) {}
    void clear() { pool.reset(); }
};

struct monotonic_contestant {
    alignas(64) std::byte buffer[room];
    std::pmr::monotonic_buffer_resource pool{buffer, sizeof buffer};
    std::size_t size;
    monotonic_contestant(std::size_t block_size, std::size_t /*most*/) : size(block_size) {}
    void* get() { return pool.allocate(size); }
    void put(void* /*block*/) {}
    void clear() { pool.release(); }
};

} // namespace

outcome run_arena(const job& what) {
    return run_case<arena_contestant, abilities_of("arena")>(what);
}
outcome run_pmr_monotonic(const job& what) {
    return run_case<monotonic_contestant, abilities_of("pmr_monotonic")>(what);
}

} // namespace cenote::bench
