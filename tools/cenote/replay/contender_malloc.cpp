// cenote: SPDX-License-Identifier: MIT
#include "replay/contenders.hpp"
#include "replay/run_job.hpp"
#include "trace/format.hpp"

#include <cstdlib>

namespace cenote::tool {
namespace {

// malloc and its family, called as the recorded program called them.
struct malloc_contender {
    static constexpr bool has_blocks = true;
    static constexpr bool for_threads = true;
    static constexpr std::size_t usual = std::size_t{1} << trace::default_log2_alignment;

    void* allocate(std::size_t size, std::size_t alignment) {
        if (alignment <= usual) [[likely]]
            return std::malloc(size);
        void* p = nullptr;
        return ::posix_memalign(&p, alignment, size) == 0 ? p : nullptr;
    }
    void* allocate_zeroed(std::size_t size, std::size_t) { return std::calloc(1, size); }
    // A size of zero frees in some C libraries; one byte never does.
    void* reallocate(void* p, std::size_t, std::size_t, std::size_t size) {
        return std::realloc(p, size != 0 ? size : 1);
    }
    void deallocate(void* p, std::size_t, std::size_t) { std::free(p); }
    [[nodiscard]] std::uint64_t reserved_bytes() const { return mapped_bytes(); }
};

// Walks the recording and the replay's own table: what every other contender's time holds besides its own.
struct no_op_contender {
    static constexpr bool has_blocks = false;
    static constexpr bool for_threads = true;
    void* allocate(std::size_t, std::size_t) { return this; }
    void* allocate_zeroed(std::size_t, std::size_t) { return this; }
    void* reallocate(void* p, std::size_t, std::size_t, std::size_t) { return p; }
    void deallocate(void* p, std::size_t, std::size_t) { asm volatile("" : : "r"(p)); }
    [[nodiscard]] std::uint64_t reserved_bytes() const { return unknown_value; }
};

} // namespace

outcome run_malloc(const job& j) {
    malloc_contender contender;
    return run_job(contender, j);
}

outcome run_no_op(const job& j) {
    no_op_contender contender;
    return run_job(contender, j);
}

// The counter's length against the clock over some milliseconds, and the least that two readings in a row lie
// apart.
void measure_clock(outcome& out) {
    const auto start = std::chrono::steady_clock::now();
    const std::uint64_t first = ticks();
    std::uint64_t least = unknown_value;
    std::chrono::nanoseconds passed{};
    while (passed < std::chrono::milliseconds(5)) {
        for (int i = 0; i < 1000; ++i) {
            const std::uint64_t before = ticks();
            least = std::min(least, ticks() - before);
        }
        passed = std::chrono::steady_clock::now() - start;
    }
    out.ns_per_tick = static_cast<double>(passed.count()) / static_cast<double>(ticks() - first);
    out.clock_ticks = least;
}

} // namespace cenote::tool
