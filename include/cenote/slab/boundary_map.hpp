// cenote: SPDX-License-Identifier: MIT
//
// Where the blocks of a span begin, and which of them are live: two bits for each granule, outside the
// blocks, so that a pointer is judged without reading a byte behind it and a block needs no header. Its
// length is the way to the next boundary, and the last granule of a live block says that it is live, like the
// first: what lies before a block is known without a search. Words without a boundary are skipped by
// summaries, a bit a word in each level, so that every search takes a few steps however long the block. A
// last boundary, live, stands behind the end; granule 0 always is one. Also holds the chains of the free
// blocks' numbers, by where they start.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace cenote::inline v0_1::engine {

/// The unit of blocks of any size, and the alignment of those for which none is asked.
inline constexpr std::size_t granule_bytes = 16;

/// What is known of 64 granules. Free blocks hold two granules at least and never meet: of sixteen granules,
/// at most four can start one, so chains are short.
struct boundary_word {
    static constexpr std::uint32_t bits = 64;
    static constexpr std::uint32_t chain_granules = 16;

    std::uint64_t starts = 0;
    std::uint64_t live = 0;
    std::uint32_t chains[bits / chain_granules] = {}; ///< numbers of the free blocks that start there

    [[nodiscard]] static constexpr std::uint64_t bit(std::uint32_t g) noexcept {
        return std::uint64_t{1} << g % bits;
    }
};
static_assert(sizeof(boundary_word) == 32);

/// How the map of a span of so many granules lies in memory; the same for all spans of a pool.
struct boundary_layout {
    static constexpr std::uint32_t most_levels = 5;

    std::uint32_t granules = 0;
    std::uint32_t words = 0;            ///< of boundaries, the last one's included
    std::uint32_t levels = 0;           ///< of summaries
    std::uint32_t at[most_levels] = {}; ///< where each starts from the first word on, in words of 64 bits
    std::size_t bytes = 0;              ///< with what the alignment may skip
    /// Of the words: none lies in two cache lines.
    static constexpr std::size_t alignment = sizeof(boundary_word);

    constexpr boundary_layout() noexcept = default;
    explicit constexpr boundary_layout(std::uint32_t count) noexcept
        : granules(count), words(count / boundary_word::bits + 1) {
        constexpr std::uint32_t parts = sizeof(boundary_word) / sizeof(std::uint64_t);
        std::uint32_t end = words * parts;
        for (std::uint32_t below = words; below > 1; ++levels) {
            at[levels] = end;
            below = (below + boundary_word::bits - 1) / boundary_word::bits;
            end += below;
        }
        bytes = end * sizeof(std::uint64_t) + alignment - 8;
    }
};

class boundary_map {
public:
    using word = std::uint64_t;

    /// `memory` is aligned for words of 64 bits; the map takes what it needs of it.
    boundary_map(void* memory, const boundary_layout& layout) noexcept
        : words_(reinterpret_cast<boundary_word*>(
              (reinterpret_cast<std::uintptr_t>(memory) + boundary_layout::alignment - 1) &
              ~(boundary_layout::alignment - 1))),
          layout_(&layout) {}

    /// The same of words that are known.
    boundary_map(boundary_word* words, const boundary_layout& layout) noexcept
        : words_(words), layout_(&layout) {}
    [[nodiscard]] boundary_word* words() const noexcept { return words_; }

    /// One free block from end to end, and no chains.
    void clear() const noexcept;

    [[nodiscard]] bool is_start(std::uint32_t g) const noexcept { return (starts(g / bits) & bit(g)) != 0; }
    /// Of a boundary.
    [[nodiscard]] bool is_live(std::uint32_t g) const noexcept { return (live(g / bits) & bit(g)) != 0; }
    /// Whether a live block starts here; for any granule of the span.
    [[nodiscard]] bool is_live_start(std::uint32_t g) const noexcept {
        return (starts(g / bits) & live(g / bits) & bit(g)) != 0;
    }

    /// A block of two granules or more, from `g` up to `end`: its first one and its last one say so, so that
    /// what comes behind knows it without looking for its start.
    void set_live(std::uint32_t g, std::uint32_t end) const noexcept {
        live(g / bits) |= bit(g);
        live((end - 1) / bits) |= bit(end - 1);
    }
    void clear_live(std::uint32_t g, std::uint32_t end) const noexcept {
        live(g / bits) &= ~bit(g);
        live((end - 1) / bits) &= ~bit(end - 1);
    }
    /// A live block ends elsewhere.
    void move_end(std::uint32_t from, std::uint32_t to) const noexcept {
        live((from - 1) / bits) &= ~bit(from - 1);
        live((to - 1) / bits) |= bit(to - 1);
    }
    /// Whether the block that ends at a boundary above 0 is free.
    [[nodiscard]] bool is_free_before(std::uint32_t g) const noexcept {
        return (live((g - 1) / bits) & bit(g - 1)) == 0;
    }
    void set_start(std::uint32_t g) const noexcept {
        word& here = starts(g / bits);
        const word before = here;
        here = before | bit(g);
        if (before == 0) note_some(*this, g / bits);
    }
    void clear_start(std::uint32_t g) const noexcept {
        word& here = starts(g / bits);
        const word after = here & ~bit(g);
        here = after;
        if (after == 0) note_none(*this, g / bits);
    }

    /// The first boundary behind `g`, which is below the end.
    [[nodiscard]] std::uint32_t next(std::uint32_t g) const noexcept {
        const word here = starts(g / bits) & ~word{1} << g % bits;
        return here != 0 ? first_of(g / bits, here) : next_beyond(g / bits);
    }
    /// The first one in the words behind this one.
    [[nodiscard]] std::uint32_t next_beyond(std::uint32_t at) const noexcept {
        if (++at < layout_->words) {
            if (const word here = starts(at); here != 0) return first_of(at, here);
        }
        return next_far(*this, at - 1);
    }
    /// The last boundary before `g`, which is above 0.
    [[nodiscard]] std::uint32_t previous(std::uint32_t g) const noexcept {
        const word here = starts(g / bits) & (bit(g) - 1);
        return here != 0 ? last_of(g / bits, here) : previous_beyond(g / bits);
    }
    /// The last one in the words before this one, which is not the first.
    [[nodiscard]] std::uint32_t previous_beyond(std::uint32_t at) const noexcept {
        if (const word here = starts(at - 1); here != 0) return last_of(at - 1, here);
        return previous_far(*this, at);
    }
    /// The same, mostly of the 64 granules before `g`, which two words tell without a branch. Of the first
    /// word none is asked that is before it: granule 0 is a boundary.
    [[nodiscard]] std::uint32_t previous_near(std::uint32_t g) const noexcept {
        const boundary_word* const here = words_ + g / bits;
        const boundary_word* const before = here - (g < bits ? 0 : 1);
        const word near = here->starts << 1 << (bits - 1 - g % bits) | before->starts >> g % bits;
        if (near != 0) [[likely]]
            return g - 1 - static_cast<std::uint32_t>(std::countl_zero(near));
        return previous_far(*this, g / bits);
    }
    /// The first boundary behind `g`, which likely is not in the next word either.
    [[nodiscard]] std::uint32_t next_apart(std::uint32_t g) const noexcept {
        const word here = starts(g / bits) & ~word{1} << g % bits;
        return here != 0 ? first_of(g / bits, here) : next_far(*this, g / bits);
    }
    /// The first live block at or behind `g`, or the end.
    [[nodiscard]] std::uint32_t next_live(std::uint32_t g) const noexcept;
    /// The first free block at or behind `g`, or the end.
    [[nodiscard]] std::uint32_t next_free(std::uint32_t g) const noexcept;

    /// The chain of numbers of the free blocks that start near this granule.
    [[nodiscard]] std::uint32_t& chain(std::uint32_t g) const noexcept {
        return words_[g / bits].chains[g % bits / boundary_word::chain_granules];
    }
    [[nodiscard]] boundary_word& at(std::uint32_t g) const noexcept { return words_[g / bits]; }
    [[nodiscard]] bool is_of_last_word(std::uint32_t g) const noexcept {
        return g / bits == layout_->words - 1;
    }

    /// Summaries that say what the words say, and boundaries at both ends.
    [[nodiscard]] bool is_valid() const noexcept;

private:
    static constexpr std::uint32_t bits = boundary_word::bits;

    [[nodiscard]] static word bit(std::uint32_t g) noexcept { return boundary_word::bit(g); }
    [[nodiscard]] word& starts(std::uint32_t at) const noexcept { return words_[at].starts; }
    [[nodiscard]] word& live(std::uint32_t at) const noexcept { return words_[at].live; }
    [[nodiscard]] static std::uint32_t first_of(std::uint32_t at, word some) noexcept {
        return at * bits + static_cast<std::uint32_t>(std::countr_zero(some));
    }
    [[nodiscard]] static std::uint32_t last_of(std::uint32_t at, word some) noexcept {
        return at * bits + (static_cast<std::uint32_t>(std::countl_zero(some)) ^ (bits - 1));
    }
    [[nodiscard]] word* level(std::uint32_t number) const noexcept {
        return reinterpret_cast<word*>(words_) + layout_->at[number];
    }
    // By value: what inline callers know of the map stays in registers then.
    [[nodiscard]] static std::uint32_t next_far(boundary_map map, std::uint32_t at) noexcept;
    [[nodiscard]] static std::uint32_t previous_far(boundary_map map, std::uint32_t at) noexcept;
    /// A word has its first boundary, or has none any more.
    static void note_some(boundary_map map, std::uint32_t at) noexcept;
    static void note_none(boundary_map map, std::uint32_t at) noexcept;

    boundary_word* words_;
    const boundary_layout* layout_;
};

} // namespace cenote::inline v0_1::engine
