// cenote: SPDX-License-Identifier: MIT
//
// Sizes that no machine has, for addresses of 64 bits and of 32.
#pragma once

#include "support/slowness.hpp"

#include <cstddef>
#include <cstdint>

namespace cenote::test {

/// More bytes than there is memory, and far from the end of what can be counted: 2^60; half of all addresses
/// where these have 32 bits.
inline constexpr std::size_t beyond_memory = sizeof(std::size_t) > 4 ? SIZE_MAX / 16 + 1 : SIZE_MAX / 2 + 1;

/// The maximum of an arena that asks for more than there is, and then for half of it, until it can be had: 64
/// TiB of addresses. Wine notes a byte for each page that was ever reserved, and never forgets: 16 GiB of
/// memory. A sanitizer clears what it knows of each: ten seconds.
[[nodiscard]] inline std::size_t most_to_reserve() noexcept {
    constexpr std::size_t little = std::size_t{1} << 20;
#if defined(_WIN32)
    return little;
#else
    return slowness() == 1 ? SIZE_MAX : little;
#endif
}

/// Where slabs stand of which no byte is read: at a multiple of 64 KiB, with 2 GiB of addresses behind it.
inline constexpr std::uintptr_t nobodys_address =
    static_cast<std::uintptr_t>(sizeof(std::uintptr_t) > 4 ? 0x7f0000000000 : 0x20000000);

/// The largest power of two.
inline constexpr std::size_t top_bit = SIZE_MAX / 2 + 1;

} // namespace cenote::test
