// cenote: SPDX-License-Identifier: MIT
//
// What the kernel says of this process's memory, read without allocating any.
#pragma once

#include <cstdint>

namespace cenote::tool {

// Anonymous memory in RAM, or `unknown_value`. Exact: the kernel walks the page tables, so it takes its time.
[[nodiscard]] std::uint64_t resident_bytes();
// Private memory mapped for writing, touched or not, or `unknown_value`.
[[nodiscard]] std::uint64_t mapped_bytes();
// Free memory of the machine, or `unknown_value`.
[[nodiscard]] std::uint64_t available_bytes();

} // namespace cenote::tool
