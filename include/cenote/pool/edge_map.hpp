// cenote: SPDX-License-Identifier: MIT
//
// Where the blocks of an arena's chunk begin and end, for checks: two bits for every eight bytes, in front of
// them, so that a free is judged by what was handed out and not by what it says. Each block begins on eight
// bytes of its own; which of them its last byte is in is known, and not which of the eight it is. Bits say
// nothing from the chunk's top on, so going back costs nothing here. O(bytes / 32) for a block that enters
// or is judged, nothing is touched ahead. One thread at a time.
#pragma once

#include <cenote/base/error.hpp>

#include <cstddef>
#include <cstdint>

namespace cenote::inline v0_1::engine {

class edge_map {
public:
    static constexpr std::size_t unit = 8; ///< bytes: the least alignment of a block

    /// Of the bytes from `begin`, at an alignment of 16, to `end`; it stands right in front of them.
    edge_map(std::byte* begin, const std::byte* end) noexcept
        : begin_(begin),
          bits_(reinterpret_cast<unsigned char*>(begin) - bytes_for(static_cast<std::size_t>(end - begin))) {}

    /// Bytes in front of so many.
    [[nodiscard]] static constexpr std::size_t bytes_for(std::size_t bytes) noexcept {
        return bytes / (4 * unit) + 1;
    }

    /// A block was cut at `block`, above all others, which end at `top`.
    void enter(const std::byte* top, const void* block, std::size_t size) noexcept;
    /// The block has `now` bytes; above it was nothing, or it has become smaller.
    void resize(const void* block, std::size_t had, std::size_t now) noexcept;
    /// The block is freed.
    void leave(const void* block, std::size_t size) noexcept;
    /// The block, longer than a unit, is nobody's to free, whatever size is given.
    void keep(const void* block) noexcept;

    /// Whether a block of this size is here, below `top`.
    [[nodiscard]] bool holds(const void* block, std::size_t size, const std::byte* top) const noexcept;
    /// How a pointer below the top is wrong that is no block of this size.
    [[nodiscard]] misuse wrong_about(const void* pointer) const noexcept;
    /// Whether every block that begins ends.
    [[nodiscard]] bool is_valid(const std::byte* top) const noexcept;

private:
    // A unit has two bits in the order in which they are met: a block begins, a block ends.
    static constexpr std::size_t bits = 8; // in a byte
    [[nodiscard]] std::size_t start_of(const void* pointer) const noexcept {
        return (reinterpret_cast<std::uintptr_t>(pointer) - reinterpret_cast<std::uintptr_t>(begin_)) / unit *
               2;
    }
    [[nodiscard]] std::size_t end_of(const void* block, std::size_t size) const noexcept {
        return start_of(static_cast<const std::byte*>(block) + (size - 1)) + 1;
    }
    [[nodiscard]] static bool is_on_unit(const void* pointer) noexcept {
        return reinterpret_cast<std::uintptr_t>(pointer) % unit == 0;
    }
    [[nodiscard]] bool is_set(std::size_t bit) const noexcept {
        return (bits_[bit / bits] >> bit % bits & 1) != 0;
    }
    void set(std::size_t bit) noexcept { bits_[bit / bits] |= static_cast<unsigned char>(1u << bit % bits); }
    void clear(std::size_t bit) noexcept {
        bits_[bit / bits] &= static_cast<unsigned char>(~(1u << bit % bits));
    }
    void clear(std::size_t from, std::size_t to) noexcept;
    /// The first bit set from `from` on and below `to`, or `to`.
    [[nodiscard]] std::size_t next(std::size_t from, std::size_t to) const noexcept;

    std::byte* begin_;
    unsigned char* bits_;
};

} // namespace cenote::inline v0_1::engine
