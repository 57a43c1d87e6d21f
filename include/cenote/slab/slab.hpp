// cenote: SPDX-License-Identifier: MIT
//
// What is known of one slab: a record with two bitmaps behind it, a bit a block in each. `out`: the block is
// live or in a magazine in use. `idle`: it is free and in no magazine. A block in the depot is neither. The
// record stands outside the blocks, dense with those of its neighbours, so that returning blocks in any
// order touches a few cache lines and no block; it holds numbers, not addresses. One thread at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace cenote::inline v0_1::engine {

/// No slab: ends a list.
inline constexpr std::uint32_t no_slab = 0xffffffff;

struct slab {
    using word = std::uint64_t;
    static constexpr std::uint32_t word_bits = 64;

    std::uint32_t blocks = 0;     ///< how many it is cut in
    std::uint32_t idle_count = 0; ///< free and in no magazine
    std::uint32_t fresh = 0;      ///< blocks from here on have never left
    std::uint32_t hint = 0;       ///< no idle block in bitmap words before this one
    std::uint32_t next = no_slab; ///< in its heap's list
    std::uint32_t previous = no_slab;
    std::uint32_t place = 0; ///< which slab of its region
    std::uint32_t owner = 0; ///< which heap's: the size class in a pool of several sizes

    [[nodiscard]] static constexpr std::size_t words_for(std::size_t blocks) noexcept {
        return (blocks + word_bits - 1) / word_bits;
    }

    /// Bytes of a record with its bitmaps.
    [[nodiscard]] static constexpr std::size_t bytes_for(std::size_t blocks) noexcept {
        return sizeof(slab) + 2 * words_for(blocks) * sizeof(word);
    }

    [[nodiscard]] std::size_t words() const noexcept { return words_for(blocks); }
    [[nodiscard]] word* out() noexcept { return reinterpret_cast<word*>(this + 1); }
    [[nodiscard]] const word* out() const noexcept { return reinterpret_cast<const word*>(this + 1); }
    [[nodiscard]] word* idle() noexcept { return out() + words(); }
    [[nodiscard]] const word* idle() const noexcept { return out() + words(); }

    [[nodiscard]] static constexpr word bit(std::uint32_t index) noexcept {
        return word{1} << index % word_bits;
    }

    [[nodiscard]] bool is_out(std::uint32_t index) const noexcept {
        return (out()[index / word_bits] & bit(index)) != 0;
    }
    [[nodiscard]] bool is_idle(std::uint32_t index) const noexcept {
        return (idle()[index / word_bits] & bit(index)) != 0;
    }

    /// Puts `count` blocks of one word that are neither out nor idle back.
    void give(std::uint32_t at_word, word mask, std::uint32_t count) noexcept {
        idle()[at_word] |= mask;
        idle_count += count;
        if (at_word < hint) hint = at_word;
    }

    /// The first out block from `index` on, or a number not below `blocks`.
    [[nodiscard]] std::uint32_t next_out(std::uint32_t index) const noexcept;

    /// Every block idle, whatever it was before. Remembers which were never out.
    void make_all_idle() noexcept;

    /// Moves up to `want` idle blocks out, lowest first, and writes their addresses from `end` downwards, so
    /// that a stack read from its top hands them out in address order. Returns how many.
    std::size_t take(std::byte* begin, std::size_t stride, void** end, std::size_t want) noexcept;

    /// The same for one idle block.
    void take_at(std::uint32_t index) noexcept {
        idle()[index / word_bits] ^= bit(index);
        out()[index / word_bits] |= bit(index);
        --idle_count;
        if (index >= fresh) fresh = index + 1;
    }

    /// The record's own invariants: no block both out and idle, none beyond the last, counts that add up.
    [[nodiscard]] bool is_valid() const noexcept;
};

} // namespace cenote::inline v0_1::engine
