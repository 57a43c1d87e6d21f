// cenote: SPDX-License-Identifier: MIT
//
// Eight numbers of a row at once, two or four to an instruction where the compiler has vectors: at -O2 it
// does not find them by itself.
#pragma once

#include <cenote/base/config.hpp>

#include <concepts>
#include <cstdint>
#include <cstring>

namespace cenote::inline v0_1::base {

#if defined(__GNUC__)

/// So many numbers that they fill a vector.
template<std::unsigned_integral Number>
struct lanes {
    typedef Number type __attribute__((vector_size(16)));
};
template<std::unsigned_integral Number>
using lanes_of = typename lanes<Number>::type;

/// `first`, `first + step`, … (Not returned: what holds a vector then differs between processors.)
template<std::unsigned_integral Number>
CENOTE_INLINE void start_row(lanes_of<Number>& row, Number first, Number step) noexcept {
    for (std::size_t i = 0; i < 16 / sizeof(Number); ++i) row[i] = first + static_cast<Number>(i) * step;
}

/// Whether the eight numbers at `row`, the first two of which are `first` and `first + step`, go on like
/// that, modulo their size.
template<std::unsigned_integral Number>
[[nodiscard]] CENOTE_INLINE bool rises_by(const void* row, Number first, Number step) noexcept {
    constexpr std::size_t each = 16 / sizeof(Number);
    lanes_of<Number> wanted{};
    start_row(wanted, first, step);
    lanes_of<Number> apart{};
#pragma GCC unroll 8
    for (std::size_t i = 0; i < 8; i += each) {
        lanes_of<Number> here;
        std::memcpy(&here, static_cast<const Number*>(row) + i, sizeof here);
        apart |= here ^ wanted;
        wanted += static_cast<Number>(each) * step;
    }
    std::uint64_t halves[2];
    std::memcpy(halves, &apart, sizeof halves);
    return (halves[0] | halves[1]) == 0;
}

/// Stores the addresses `first`, `first + step`, … in [to, to + 8).
CENOTE_INLINE void store_eight(void** to, std::uintptr_t first, std::uintptr_t step) noexcept {
    constexpr std::size_t each = 16 / sizeof(std::uintptr_t);
    lanes_of<std::uintptr_t> row{};
    start_row(row, first, step);
#pragma GCC unroll 8
    for (std::size_t i = 0; i < 8; i += each) {
        std::memcpy(to + i, &row, sizeof row);
        row += static_cast<std::uintptr_t>(each) * step;
    }
}

/// Stores `first` and the seven numbers after it in [to, to + 8), or from its end when not `upwards`.
CENOTE_INLINE void store_eight(std::uint32_t* to, std::uint32_t first, bool upwards) noexcept {
    using vector = lanes_of<std::uint32_t>;
    static constexpr vector rows[2][2] = {{{7, 6, 5, 4}, {3, 2, 1, 0}}, {{0, 1, 2, 3}, {4, 5, 6, 7}}};
    const vector low = rows[upwards ? 1 : 0][0] + first;
    const vector high = rows[upwards ? 1 : 0][1] + first;
    std::memcpy(to, &low, sizeof low);
    std::memcpy(to + 4, &high, sizeof high);
}

#else

template<std::unsigned_integral Number>
[[nodiscard]] inline bool rises_by(const void* row, Number first, Number step) noexcept {
    Number apart = 0;
    for (std::size_t i = 2; i < 8; ++i) {
        Number here;
        std::memcpy(&here, static_cast<const Number*>(row) + i, sizeof here);
        apart |= here ^ (first + static_cast<Number>(i) * step);
    }
    return apart == 0;
}

inline void store_eight(void** to, std::uintptr_t first, std::uintptr_t step) noexcept {
    for (std::size_t i = 0; i < 8; ++i) to[i] = reinterpret_cast<void*>(first + i * step);
}

inline void store_eight(std::uint32_t* to, std::uint32_t first, bool upwards) noexcept {
    for (std::uint32_t i = 0; i < 8; ++i) to[i] = first + (upwards ? i : 7 - i);
}

#endif

} // namespace cenote::inline v0_1::base
