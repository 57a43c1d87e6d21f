// cenote: SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace worst {

/// Memory, all zero, for one run.
struct ground {
    std::byte* begin;
    std::size_t bytes;
};

struct trace {
    std::vector<std::uint64_t>
        ways;               // of each call, a number for its way through the code; 0: with the source
    std::vector<bool> tide; // of each call that fills the pool or empties it: whether with the source
};

/// Runs the traffic in the traced library.
trace trace_ways(const ground& on, std::size_t calls, std::size_t live);

} // namespace worst
