// cenote: SPDX-License-Identifier: MIT
//
// What a contender's process is asked to do, and what it answers.
#pragma once

#include "replay/plan.hpp"
#include "replay/thread_plan.hpp"

#include <cstdint>
#include <span>

namespace cenote::tool {

enum class job_mode : std::uint32_t { time, latency, memory };

struct job {
    job_mode mode = job_mode::time;
    std::span<const op> ops;     // for one worker; empty when there are threads
    std::span<const step> steps; // for as many as there are threads
    std::span<const recorded_thread> threads;
    std::uint64_t slots = 0;
    std::uint64_t peak_op = 0; // operation or step after which the most bytes are live
    std::span<std::uint32_t>
        latency_ticks; // an operation each, for the first so many: the least of all rounds

    [[nodiscard]] std::size_t count() const { return threads.empty() ? ops.size() : steps.size(); }
};

inline constexpr std::uint64_t unknown_value = ~std::uint64_t{0};

struct pass_times {
    std::uint64_t processor_ns = 0; // of all workers, without what waiting took
    std::uint64_t wall_ns = 0;
    std::uint64_t waiting_ns = 0; // for another worker, summed over all
    std::uint64_t lived_ns = 0;   // from a worker's first operation to its last, summed over all
    std::uint64_t waits = 0;      // operations that waited
};

// Sent through a pipe as it stands.
struct outcome {
    std::uint64_t magic = 0x656D6F6374756F31U;
    pass_times first;          // in a fresh process
    pass_times again;          // a second pass in the same process
    std::uint64_t refused = 0; // allocations that failed in the first pass
    std::uint64_t reserved_bytes =
        unknown_value; // at its peak: of a pool what it says, of malloc all that is mapped
    std::uint64_t resident_bytes = unknown_value; // at its peak: of the whole process
    std::uint64_t mapped_bytes = unknown_value;   // at its peak: of the whole process
    std::uint64_t clock_ticks = 0;                // what reading the clock costs by itself
    double ns_per_tick = 1;
    std::uint64_t not_preloaded = 0; // the allocator that was to replace malloc did not
};

} // namespace cenote::tool
