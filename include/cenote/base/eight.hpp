// cenote: SPDX-License-Identifier: MIT
//
// Eight numbers of a row at once, two or four to an instruction where the compiler has vectors: at -O2 it
// does not find them by itself.
#pragma once

#include <cenote/base/config.hpp>

#include <cstdint>
#include <cstring>

namespace cenote::inline v0_1::base {

#if defined(__GNUC__)

/// Whether the addresses of [block + 2, block + 8) are `first` and 2 to 7 times `step`, modulo the size of an
/// address.
[[nodiscard]] CENOTE_INLINE bool rises_by(void* const* block, std::uintptr_t first,
                                          std::uintptr_t step) noexcept {
    constexpr std::size_t lanes = 16 / sizeof(std::uintptr_t);
    using vector = std::uintptr_t __attribute__((vector_size(16)));
    vector wanted{};
    for (std::size_t i = 0; i < lanes; ++i) wanted[i] = first + i * step;
    vector apart{};
#pragma GCC unroll 8
    for (std::size_t i = 0; i < 8; i += lanes) {
        vector here;
        std::memcpy(&here, block + i, sizeof here);
        apart |= here ^ wanted;
        wanted += static_cast<std::uintptr_t>(lanes) * step;
    }
    std::uint64_t halves[2];
    std::memcpy(halves, &apart, sizeof halves);
    return (halves[0] | halves[1]) == 0;
}

/// Stores `first` and the seven numbers after it in [to, to + 8), or from its end when not `upwards`.
CENOTE_INLINE void store_eight(std::uint32_t* to, std::uint32_t first, bool upwards) noexcept {
    using vector = std::uint32_t __attribute__((vector_size(16)));
    static constexpr vector rows[2][2] = {{{7, 6, 5, 4}, {3, 2, 1, 0}}, {{0, 1, 2, 3}, {4, 5, 6, 7}}};
    const vector low = rows[upwards ? 1 : 0][0] + first;
    const vector high = rows[upwards ? 1 : 0][1] + first;
    std::memcpy(to, &low, sizeof low);
    std::memcpy(to + 4, &high, sizeof high);
}

#else

[[nodiscard]] inline bool rises_by(void* const* block, std::uintptr_t first, std::uintptr_t step) noexcept {
    std::uintptr_t apart = 0;
    for (std::size_t i = 2; i < 8; ++i)
        apart |= reinterpret_cast<std::uintptr_t>(block[i]) ^ (first + i * step);
    return apart == 0;
}

inline void store_eight(std::uint32_t* to, std::uint32_t first, bool upwards) noexcept {
    for (std::uint32_t i = 0; i < 8; ++i) to[i] = first + (upwards ? i : 7 - i);
}

#endif

} // namespace cenote::inline v0_1::base
