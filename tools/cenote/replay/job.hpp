// cenote: SPDX-License-Identifier: MIT
//
// What a contender's process is asked to do, and what it answers.
#pragma once

#include "replay/plan.hpp"

#include <cstdint>
#include <span>

namespace cenote::tool {

enum class job_mode : std::uint32_t { time, latency, memory };

struct job {
    job_mode mode = job_mode::time;
    std::span<const op> ops;
    std::uint64_t slots = 0;
    std::uint64_t peak_op = 0; // after which the most bytes are live
    std::span<std::uint32_t>
        latency_ticks; // an operation each, for the first so many: the least of all rounds
};

inline constexpr std::uint64_t unknown_value = ~std::uint64_t{0};

// Sent through a pipe as it stands.
struct outcome {
    std::uint64_t magic = 0x656D6F6374756F31U;
    std::uint64_t first_ns = 0; // processor time of the first pass, in a fresh process
    std::uint64_t again_ns = 0; // of a second pass in the same process
    std::uint64_t refused = 0;  // allocations that failed in the first pass
    std::uint64_t reserved_bytes =
        unknown_value; // at its peak: of a pool what it says, of malloc all that is mapped
    std::uint64_t resident_bytes = unknown_value; // at its peak: of the whole process
    std::uint64_t mapped_before = unknown_value;  // before the replay: of the whole process, with the next
    std::uint64_t resident_before = unknown_value;
    std::uint64_t clock_ticks = 0; // what reading the clock costs by itself
    double ns_per_tick = 1;
    std::uint64_t not_preloaded = 0; // the allocator that was to replace malloc did not
};

} // namespace cenote::tool
