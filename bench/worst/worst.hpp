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

/// Runs the traffic in the traced library: for each call a number that stands for its way through the code,
/// or 0 when the pool went to its source.
std::vector<std::uint64_t> trace_ways(const ground& on, std::size_t calls, std::size_t live);

} // namespace worst
