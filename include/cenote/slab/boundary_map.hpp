// cenote: SPDX-License-Identifier: MIT
//
// Where the blocks of a span begin, and which of them are live: two bits for each granule, outside the
// blocks, so that a pointer is judged without reading a byte behind it and a block needs no header. Its
// length is the way to the next boundary. Words without one are skipped by summaries, a bit a word in each
// level, so that every search takes a few steps however long the block. A last boundary, live, stands behind
// the end; granule 0 always is one. Also holds, for each word, the chain of its free blocks' numbers.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace cenote::engine {

/// The unit of blocks of any size, and the alignment of those for which none is asked.
inline constexpr std::size_t granule_bytes = 16;

/// How the map of a span of so many granules lies in memory; the same for all spans of a pool.
struct boundary_layout {
    static constexpr std::uint32_t word_bits = 64;
    static constexpr std::uint32_t most_levels = 5;

    std::uint32_t granules = 0;
    std::uint32_t words = 0;            ///< of boundaries, the last one's included
    std::uint32_t levels = 0;           ///< of summaries
    std::uint32_t at[most_levels] = {}; ///< where each starts, in words from the map's start
    std::size_t chains = 0;             ///< where the chains start
    std::size_t bytes = 0;

    constexpr boundary_layout() noexcept = default;
    explicit constexpr boundary_layout(std::uint32_t count) noexcept
        : granules(count), words(count / word_bits + 1) {
        std::size_t end = 2 * std::size_t{words};
        for (std::uint32_t below = words; below > 1; ++levels) {
            at[levels] = static_cast<std::uint32_t>(end);
            below = (below + word_bits - 1) / word_bits;
            end += below;
        }
        chains = end;
        bytes = end * sizeof(std::uint64_t) + words * sizeof(std::uint32_t);
    }
};

class boundary_map {
public:
    using word = std::uint64_t;

    boundary_map(word* memory, const boundary_layout& layout) noexcept : memory_(memory), layout_(&layout) {}

    /// One free block from end to end, and no chains.
    void clear() const noexcept;

    [[nodiscard]] bool is_start(std::uint32_t g) const noexcept { return (starts(g / bits) & bit(g)) != 0; }
    /// Of a boundary.
    [[nodiscard]] bool is_live(std::uint32_t g) const noexcept { return (live(g / bits) & bit(g)) != 0; }
    /// Whether a live block starts here; for any granule of the span.
    [[nodiscard]] bool is_live_start(std::uint32_t g) const noexcept {
        return (starts(g / bits) & live(g / bits) & bit(g)) != 0;
    }

    void set_live(std::uint32_t g) const noexcept { live(g / bits) |= bit(g); }
    void clear_live(std::uint32_t g) const noexcept { live(g / bits) &= ~bit(g); }
    void set_start(std::uint32_t g) const noexcept {
        word& here = starts(g / bits);
        if (here == 0) note_some(g / bits);
        here |= bit(g);
    }
    void clear_start(std::uint32_t g) const noexcept {
        word& here = starts(g / bits);
        here &= ~bit(g);
        if (here == 0) note_none(g / bits);
    }

    /// The first boundary behind `g`, which is below the end.
    [[nodiscard]] std::uint32_t next(std::uint32_t g) const noexcept {
        const std::uint32_t at = g / bits;
        if (const word here = starts(at) & ~word{1} << g % bits; here != 0) return first_of(at, here);
        if (at + 1 < layout_->words) {
            if (const word here = starts(at + 1); here != 0) return first_of(at + 1, here);
        }
        return next_far(at);
    }
    /// The last boundary before `g`, which is above 0.
    [[nodiscard]] std::uint32_t previous(std::uint32_t g) const noexcept {
        const std::uint32_t at = g / bits;
        if (const word here = starts(at) & (bit(g) - 1); here != 0) return last_of(at, here);
        if (at != 0) {
            if (const word here = starts(at - 1); here != 0) return last_of(at - 1, here);
        }
        return previous_far(at);
    }
    /// The first live block at or behind `g`, or the end.
    [[nodiscard]] std::uint32_t next_live(std::uint32_t g) const noexcept;
    /// The first free block at or behind `g`, or the end.
    [[nodiscard]] std::uint32_t next_free(std::uint32_t g) const noexcept;

    /// The chain of numbers of the free blocks that start in this granule's word.
    [[nodiscard]] std::uint32_t& chain(std::uint32_t g) const noexcept {
        return reinterpret_cast<std::uint32_t*>(memory_ + layout_->chains)[g / bits];
    }

    /// Summaries that say what the words say, and boundaries at both ends.
    [[nodiscard]] bool is_valid() const noexcept;

private:
    static constexpr std::uint32_t bits = boundary_layout::word_bits;

    [[nodiscard]] static word bit(std::uint32_t g) noexcept { return word{1} << g % bits; }
    [[nodiscard]] word& starts(std::uint32_t at) const noexcept { return memory_[2 * std::size_t{at}]; }
    [[nodiscard]] word& live(std::uint32_t at) const noexcept { return memory_[2 * std::size_t{at} + 1]; }
    [[nodiscard]] static std::uint32_t first_of(std::uint32_t at, word some) noexcept {
        return at * bits + static_cast<std::uint32_t>(std::countr_zero(some));
    }
    [[nodiscard]] static std::uint32_t last_of(std::uint32_t at, word some) noexcept {
        return at * bits + bits - 1 - static_cast<std::uint32_t>(std::countl_zero(some));
    }
    [[nodiscard]] word* level(std::uint32_t number) const noexcept { return memory_ + layout_->at[number]; }
    [[nodiscard]] std::uint32_t next_far(std::uint32_t at) const noexcept;
    [[nodiscard]] std::uint32_t previous_far(std::uint32_t at) const noexcept;
    /// A word has its first boundary, or has none any more.
    void note_some(std::uint32_t at) const noexcept;
    void note_none(std::uint32_t at) const noexcept;

    word* memory_;
    const boundary_layout* layout_;
};

} // namespace cenote::engine
