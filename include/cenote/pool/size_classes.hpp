// cenote: SPDX-License-Identifier: MIT
//
// The sizes that a pool of several sizes has: steps of 16 bytes up to 128, then eight to a doubling, so that
// rounding up costs at most an eighth. The class of a size up to 8 KiB is looked up, of a larger one
// computed.
#pragma once

#include <cenote/base/config.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace cenote::inline v0_1::engine {

inline constexpr std::size_t smallest_class = 16;
/// Two magazines of a class may cache this many bytes: all classes together stay below two mebibytes.
inline constexpr std::size_t most_cached_of_a_class = std::size_t{32} << 10;
inline constexpr std::size_t most_size_classes = 8 + 8 * 10; // up to 128 KiB

/// Computed. Below 128 the steps are those of the doubling that begins there.
[[nodiscard]] constexpr std::uint32_t computed_class_of(std::size_t size) noexcept {
    const std::size_t last = size - (size != 0 ? 1 : 0);
    const auto doubling = static_cast<std::uint32_t>(std::bit_width(last | 128)) - 8;
    return static_cast<std::uint32_t>(last >> (doubling + 4)) + doubling * 8;
}

/// Looked up: sizes that come in any order make no branch that cannot be foreseen, and fewer instructions.
struct class_table {
    static constexpr std::size_t largest = 8192;
    unsigned char classes[largest / smallest_class + 1] = {};
    constexpr class_table() noexcept {
        for (std::size_t i = 0; i <= largest / smallest_class; ++i)
            classes[i] = static_cast<unsigned char>(computed_class_of(i * smallest_class));
    }
};
inline constexpr class_table known_classes;

/// The class that serves `size` bytes; 0 bytes are served by the smallest. As wide as an address, so that an
/// array's element is found without a step that widens it.
[[nodiscard]] CENOTE_INLINE constexpr std::size_t index_of_class(std::size_t size) noexcept {
    if (size <= class_table::largest) [[likely]]
        return known_classes.classes[(size + smallest_class - 1) / smallest_class];
    return computed_class_of(size);
}
[[nodiscard]] CENOTE_INLINE constexpr std::uint32_t class_of(std::size_t size) noexcept {
    return static_cast<std::uint32_t>(index_of_class(size));
}

/// Bytes of a block of a class.
[[nodiscard]] constexpr std::size_t class_size(std::uint32_t size_class) noexcept {
    if (size_class < 8) return (size_class + 1) * smallest_class;
    const std::uint32_t doubling = (size_class - 8) / 8;
    return std::size_t{size_class % 8 + 9} << (doubling + 4);
}

static_assert(class_of(0) == 0 && class_of(16) == 0 && class_of(17) == 1 && class_of(128) == 7);
static_assert(class_of(129) == 8 && class_size(8) == 144 && class_of(256) == 15 && class_size(15) == 256);
static_assert(class_of(257) == 16 && class_size(16) == 288 && class_of(8192) == 55 && class_size(55) == 8192);

} // namespace cenote::inline v0_1::engine
