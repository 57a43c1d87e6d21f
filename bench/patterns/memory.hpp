// cenote: SPDX-License-Identifier: MIT
//
// The process's memory: how much is in RAM, and a heap cut up beforehand.
#pragma once

#include <cstdint>

namespace cenote::bench {

// Memory of its own in RAM, files that live in memory alone included (DPDK has its pools there).
[[nodiscard]] std::uint64_t resident_bytes();

// Has malloc give 100,000 blocks of 16 to 1,024 bytes and takes a random half of them back.
void fragment_heap();

} // namespace cenote::bench
