// cenote: SPDX-License-Identifier: MIT
//
// The free blocks of a pool of any size, by size: a doubly linked list for each class, and a bit for each
// class that has one, in two levels. Links are numbers in a table of their own: nothing is written into a
// free block, and what a user writes there after freeing it harms nobody. Every call is O(1). Classes hold
// one size each below 128 granules and are at most 1/32 wide above.
// Source: M. Masmano, I. Ripoll, A. Crespo, J. Real, "TLSF: a New Dynamic Memory Allocator for Real-Time
// Systems", ECRTS 2004.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace cenote::inline v0_1::engine {

/// Below this many granules each size has a class of its own.
inline constexpr std::uint32_t exact_sizes = 128;
inline constexpr std::uint32_t run_classes = exact_sizes + (32 - 7) * 32;

/// The class of a free block of `granules` > 0.
[[nodiscard]] constexpr std::uint32_t run_class_of(std::uint32_t granules) noexcept {
    if (granules < exact_sizes) return granules;
    // The highest bit and the five below it: 32 classes to a doubling. Said so that it is one instruction
    // each.
    const auto shift = (static_cast<std::uint32_t>(std::countl_zero(granules)) ^ 31) - 5;
    return exact_sizes - 3 * 32 + shift * 32 + (granules >> shift);
}

/// The first class of which every block has at least `granules`; `run_classes` when there is none.
[[nodiscard]] constexpr std::uint32_t fitting_class_of(std::uint32_t granules) noexcept {
    if (granules < exact_sizes) return granules;
    const auto top = static_cast<std::uint32_t>(std::bit_width(granules)) - 1;
    const bool is_first = (granules & ((1u << (top - 5)) - 1)) == 0;
    return run_class_of(granules) + (is_first ? 0 : 1);
}

struct free_node {
    std::uint32_t at = 0;       ///< the block's first granule, counted through all spans
    std::uint32_t next = 0;     ///< of its class; 0 ends a list
    std::uint32_t previous = 0; ///< 0: the first of its class
    std::uint32_t chain = 0;    ///< the next that starts in the same word of the map
};

class free_index {
public:
    constexpr free_index() noexcept = default;
    free_index(const free_index&) = delete;
    free_index& operator=(const free_index&) = delete;

    [[nodiscard]] static constexpr std::size_t bytes_for(std::size_t nodes) noexcept {
        return nodes * sizeof(free_node);
    }
    /// Moves the table into memory for `nodes`, number 0 included, which is never used. Not below what it
    /// was.
    void move_to(void* memory, std::size_t nodes) noexcept;
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    /// No block is free any more; the memory stays.
    void clear() noexcept;
    /// The same, and the memory is gone.
    void forget() noexcept;

    [[nodiscard]] free_node& at(std::uint32_t number) const noexcept { return nodes_[number]; }
    [[nodiscard]] std::uint32_t first(std::uint32_t of_class) const noexcept { return heads_[of_class]; }

    /// The first class at or above this one that has a block, or `run_classes`.
    [[nodiscard]] std::uint32_t class_from(std::uint32_t from) const noexcept {
        const std::uint32_t word = from / 64;
        if (const std::uint64_t here = map_[word] & ~std::uint64_t{0} << from % 64; here != 0) {
            return word * 64 + static_cast<std::uint32_t>(std::countr_zero(here));
        }
        const std::uint32_t behind = summary_ & ~std::uint32_t{1} << word;
        if (behind == 0) return run_classes;
        const auto next = static_cast<std::uint32_t>(std::countr_zero(behind));
        return next * 64 + static_cast<std::uint32_t>(std::countr_zero(map_[next]));
    }
    [[nodiscard]] bool is_empty() const noexcept { return summary_ == 0; }
    /// The highest class that has a block, or 0.
    [[nodiscard]] std::uint32_t highest_class() const noexcept;

    /// A number that is not in use; there must be one.
    [[nodiscard]] std::uint32_t take_number() noexcept {
        const std::uint32_t number = spare_;
        if (number == 0) return ++used_;
        spare_ = nodes_[number].next;
        return number;
    }
    void give_number(std::uint32_t number) noexcept {
        nodes_[number].next = spare_;
        spare_ = number;
    }

    void link(std::uint32_t number, std::uint32_t to_class) noexcept {
        const std::uint32_t second = heads_[to_class];
        nodes_[number].next = second;
        nodes_[number].previous = 0;
        nodes_[second].previous = number; // of number 0 nobody reads it
        heads_[to_class] = number;
        // Also where they are set: whether the class had one could not be foretold.
        map_[to_class / 64] |= std::uint64_t{1} << to_class % 64;
        summary_ |= std::uint32_t{1} << to_class / 64;
    }
    // Where it stands in its list could not be foretold either. Number 0 stands for what is not there: its
    // links are written, and never read.
    void unlink(std::uint32_t number, std::uint32_t from_class) noexcept {
        const std::uint32_t next = nodes_[number].next;
        const std::uint32_t previous = nodes_[number].previous;
        const std::uint32_t head = heads_[from_class];
        nodes_[next].previous = previous;
        nodes_[previous].next = next;
        heads_[from_class] = head == number ? next : head;
        if ((next | previous) == 0) note_empty(from_class);
    }
    /// The same of the first of its class.
    void unlink_first(std::uint32_t number, std::uint32_t from_class) noexcept {
        const std::uint32_t second = nodes_[number].next;
        heads_[from_class] = second;
        nodes_[second].previous = 0;
        if (second == 0) note_empty(from_class);
    }

    /// The number of the block at `at` in a chain that has it.
    [[nodiscard]] std::uint32_t find(std::uint32_t chain, std::uint32_t wanted) const noexcept {
        while (nodes_[chain].at != wanted) chain = nodes_[chain].chain;
        return chain;
    }
    /// The same; it leaves the chain.
    [[nodiscard]] std::uint32_t find_and_unchain(std::uint32_t& chain, std::uint32_t wanted) noexcept {
        std::uint32_t* link = &chain;
        while (nodes_[*link].at != wanted) link = &nodes_[*link].chain;
        const std::uint32_t number = *link;
        *link = nodes_[number].chain;
        return number;
    }
    void enchain(std::uint32_t& chain, std::uint32_t number) noexcept {
        nodes_[number].chain = chain;
        chain = number;
    }
    void unchain(std::uint32_t& chain, std::uint32_t number) noexcept {
        std::uint32_t* link = &chain;
        while (*link != number) link = &nodes_[*link].chain;
        *link = nodes_[number].chain;
    }

    /// Maps that say what the lists say, and lists whose links agree; how many blocks they hold.
    [[nodiscard]] bool is_valid(std::size_t& blocks) const noexcept;

private:
    static constexpr std::uint32_t words = (run_classes + 63) / 64;

    // Behind a branch: computed, it would wait for the number's line, which may be cold, where a guess does
    // not.
    void note_empty(std::uint32_t of_class) noexcept {
        std::uint64_t& here = map_[of_class / 64];
        here &= ~(std::uint64_t{1} << of_class % 64);
        if (here == 0) summary_ &= ~(std::uint32_t{1} << of_class / 64);
    }

    free_node* nodes_ = nullptr;
    std::uint32_t used_ = 0;  // numbers up to this one were taken at some time
    std::uint32_t spare_ = 0; // those given back, linked by `next`
    std::uint32_t summary_ = 0;
    std::uint64_t map_[words] = {};
    std::uint32_t heads_[run_classes] = {};
    std::size_t capacity_ = 0;
};

static_assert(run_class_of(127) == 127 && run_class_of(128) == 128 && run_class_of(131) == 128);
static_assert(run_class_of(132) == 129 && run_class_of(0xffffffff) == run_classes - 1);
static_assert(fitting_class_of(128) == 128 && fitting_class_of(129) == 129 && fitting_class_of(132) == 129);
static_assert(fitting_class_of(0xffffffff) == run_classes);

} // namespace cenote::inline v0_1::engine
