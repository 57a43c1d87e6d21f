// cenote: SPDX-License-Identifier: MIT
//
// A stretch of memory, a power of two of bytes, in which blocks of every power of two from a granule up are
// cut: a block is halved until it fits, and a freed one merges with its other half, its buddy, as long as
// that is free. Which blocks are free stands in a bitmap for each size behind the blocks; beside it a byte
// for each page says how long it has been idle, and a word for each granule how many share the block that
// begins there. No byte of a block is read or written. Taking and giving are O(log(region / block)). One
// thread at a time; who holds a block may use its word of shares without the lock.
// Source: D. Knuth, "The Art of Computer Programming", vol. 1, section 2.5: the buddy system.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace cenote::inline v0_1::engine {

inline constexpr unsigned least_granule_bits = 6;
inline constexpr unsigned most_region_bits = 31;
inline constexpr unsigned most_orders = most_region_bits - least_granule_bits + 1;

/// What all regions of a heap have in common. An order is the number of doublings above a granule.
struct buddy_shape {
    unsigned granule_bits = 12;
    unsigned region_bits = 23;
    unsigned unit_bits = 12; ///< a page, or a granule where that is larger, and at most a region
    std::uint32_t first_word[most_orders + 1] = {};

    constexpr buddy_shape() noexcept = default;
    buddy_shape(unsigned granule, unsigned region, unsigned page = 12) noexcept
        : granule_bits(granule), region_bits(region), unit_bits(std::min(region, std::max(granule, page))) {
        for (unsigned order = 0; order < orders(); ++order) {
            const std::uint32_t words = blocks(order) < 64 ? 1 : blocks(order) / 64;
            first_word[order + 1] = first_word[order] + words;
        }
    }

    [[nodiscard]] unsigned orders() const noexcept { return region_bits - granule_bits + 1; }
    [[nodiscard]] std::uint32_t blocks(unsigned order) const noexcept {
        return std::uint32_t{1} << (region_bits - granule_bits - order);
    }
    [[nodiscard]] std::size_t units() const noexcept { return std::size_t{1} << (region_bits - unit_bits); }
    [[nodiscard]] std::size_t region_bytes() const noexcept { return std::size_t{1} << region_bits; }
    /// Bytes behind the blocks.
    [[nodiscard]] std::size_t record_bytes() const noexcept {
        return shares_at() + 4 * std::size_t{blocks(0)};
    }
    /// Where in them the words of shares begin, which nobody touches before a block is shared.
    [[nodiscard]] std::size_t shares_at() const noexcept;
    /// Which word is that of a granule: neighbours, which different threads may hold, are lines apart.
    [[nodiscard]] std::size_t share_of(std::size_t granule) const noexcept {
        const unsigned all = region_bits - granule_bits;
        const unsigned line = std::min(all, 4u); // log2 of the words in one
        return (granule << line & (blocks(0) - 1)) | granule >> (all - line);
    }
};

/// How often memory was halved and merged, by the order of the block that was halved, or came of it.
struct buddy_counts {
    std::uint64_t split[most_orders] = {};
    std::uint64_t merged[most_orders] = {};
};

class buddy_region {
public:
    /// What idle bytes of a page are worth: it holds no memory; it was freed since the last step; or how many
    /// steps ago, at most this many.
    static constexpr std::uint8_t is_clean = 0;
    static constexpr std::uint8_t is_fresh = 1;
    static constexpr std::uint8_t oldest = 255;

    /// All of it one free block that holds no memory. The words stand behind the object.
    explicit buddy_region(const buddy_shape& shape) noexcept;
    buddy_region(const buddy_region&) = delete;
    buddy_region& operator=(const buddy_region&) = delete;

    /// The granule of a block of that order, which must be there: `can_give`. `was_clean`: some of it held no
    /// memory.
    [[nodiscard]] std::uint32_t take(const buddy_shape& shape, unsigned order, buddy_counts& counts,
                                     bool& was_clean) noexcept;
    void give(const buddy_shape& shape, std::uint32_t granule, unsigned order, buddy_counts& counts) noexcept;

    /// A free block holds no memory: it was not committed.
    void forget(const buddy_shape& shape, std::uint32_t granule, unsigned order) noexcept;
    /// Whether a live block can be one of a larger order where it is: it is the lower half, and the other one
    /// is free, at every order between. And makes it one.
    [[nodiscard]] bool can_extend(const buddy_shape& shape, std::uint32_t granule, unsigned order,
                                  unsigned wanted) const noexcept;
    void extend(const buddy_shape& shape, std::uint32_t granule, unsigned order, unsigned wanted,
                buddy_counts& counts) noexcept;

    [[nodiscard]] bool can_give(unsigned order) const noexcept { return (has_free_ >> order) != 0; }
    /// The largest free block; only when there is one.
    [[nodiscard]] unsigned largest_order() const noexcept {
        return static_cast<unsigned>(std::bit_width(has_free_)) - 1;
    }
    [[nodiscard]] bool is_full() const noexcept { return has_free_ == 0; }
    /// Whether nothing of it is out.
    [[nodiscard]] bool is_idle(const buddy_shape& shape) const noexcept {
        return (has_free_ >> (shape.orders() - 1)) != 0;
    }
    /// Bytes in free blocks.
    [[nodiscard]] std::size_t free_bytes(const buddy_shape& shape) const noexcept;
    [[nodiscard]] std::uint32_t free_blocks(unsigned order) const noexcept { return free_[order]; }

    /// Calls `each(first, last)` with the units of every free block of a unit or more.
    template<class Visit>
    void for_each_free(const buddy_shape& shape, Visit each) const noexcept;
    /// How idle each unit is, while it is free.
    [[nodiscard]] std::uint8_t* ages(const buddy_shape& shape) noexcept {
        return reinterpret_cast<std::uint8_t*>(words() + shape.first_word[shape.orders()]);
    }

    /// Free blocks overlap nowhere, buddies are merged, counts agree.
    [[nodiscard]] bool is_valid(const buddy_shape& shape) const noexcept;

    // The heap's: the list of regions whose largest free block is of the same order.
    buddy_region* next = nullptr;
    buddy_region* previous = nullptr;
    std::uintptr_t number = 0;
    unsigned listed = most_orders; ///< in which list; none

private:
    [[nodiscard]] std::uint64_t* words() noexcept { return reinterpret_cast<std::uint64_t*>(this + 1); }
    [[nodiscard]] const std::uint64_t* words() const noexcept {
        return reinterpret_cast<const std::uint64_t*>(this + 1);
    }
    [[nodiscard]] bool test(const buddy_shape& shape, unsigned order, std::uint32_t block) const noexcept {
        return (words()[shape.first_word[order] + block / 64] >> block % 64 & 1) != 0;
    }
    void set_ages(const buddy_shape& shape, std::uint32_t granule, unsigned order, std::uint8_t age) noexcept;
    void set(const buddy_shape& shape, unsigned order, std::uint32_t block) noexcept;
    void clear(const buddy_shape& shape, unsigned order, std::uint32_t block) noexcept;
    [[nodiscard]] std::uint32_t first_free(const buddy_shape& shape, unsigned order) noexcept;

    std::uint32_t has_free_ = 0;           // a bit for each order
    std::uint32_t free_[most_orders] = {}; // blocks
    std::uint32_t hint_[most_orders] = {}; // no word before it has a bit
};

inline std::size_t buddy_shape::shares_at() const noexcept {
    return (sizeof(buddy_region) + first_word[orders()] * sizeof(std::uint64_t) + units() + 3) / 4 * 4;
}

template<class Visit>
void buddy_region::for_each_free(const buddy_shape& shape, Visit each) const noexcept {
    const unsigned smallest = shape.unit_bits - shape.granule_bits;
    for (unsigned order = smallest; order < shape.orders(); ++order) {
        if ((has_free_ >> order & 1) == 0) continue;
        const std::size_t units = std::size_t{1} << (order - smallest);
        for (std::uint32_t word = shape.first_word[order]; word < shape.first_word[order + 1]; ++word) {
            for (std::uint64_t left = words()[word]; left != 0; left &= left - 1) {
                const std::size_t block = std::size_t{word - shape.first_word[order]} * 64 +
                                          static_cast<std::size_t>(std::countr_zero(left));
                each(block * units, (block + 1) * units);
            }
        }
    }
}

} // namespace cenote::inline v0_1::engine
