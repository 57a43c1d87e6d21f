// cenote: SPDX-License-Identifier: MIT
//
// Regions of buddies from a source. A block is known by its place, the region's number above its offset, so
// that nothing is ever found by an address: what a place means is one look in a table of regions, which may
// be read without the lock by who holds a block. Requests take the fullest region that has room, so that the
// others become idle and go back. One thread at a time otherwise.
#pragma once

#include <cenote/base/sync_word.hpp>
#include <cenote/buffer/buddy_region.hpp>
#include <cenote/source/source.hpp>

namespace cenote::inline v0_1::engine {

/// The region's number above the offset in it; never 0. As wide as an address, which is enough: numbers are
/// the lowest that are free, so the highest place is below the bytes of all regions and one more.
using place = std::uintptr_t;
inline constexpr place no_place = 0;

/// How idle memory must be to be offered to the system, and to go for good, in steps; and with how many bytes
/// in use and idle together nothing is offered, or goes.
struct idle_limits {
    unsigned lazy = 2;
    unsigned final = 9;
    std::size_t lazy_need = 0;
    std::size_t final_need = 0;
};

/// What went back.
struct returned {
    std::size_t bytes = 0;        ///< for good
    std::size_t lazy_bytes = 0;   ///< if the system needs them
    std::size_t handled = 0;      ///< both, and what the source did not let go
    std::size_t calls = 0;        ///< of the source
    bool is_more_to_come = false; ///< when the step is over: there is idle memory that has not gone yet
};

class buddy_heap {
public:
    buddy_heap() noexcept = default;
    buddy_heap(const buddy_heap&) = delete;
    buddy_heap& operator=(const buddy_heap&) = delete;

    /// Before anything else. `watched`: a sanitizer is told of the bytes of regions that go.
    void configure(const buddy_shape& shape, source& from, bool watched) noexcept;
    [[nodiscard]] const buddy_shape& shape() const noexcept { return shape_; }

    /// A block of that order, or `no_place` when no region has one. `was_clean`: it may cost fresh memory.
    [[nodiscard]] place take(unsigned order, bool& was_clean) noexcept;
    [[nodiscard]] bool can_take(unsigned order) const noexcept { return has_listed_ >> order != 0; }
    void give(place at, unsigned order) noexcept;
    /// Makes a live block one of a larger order where it is, if what lies behind it is free.
    [[nodiscard]] bool extend(place where, unsigned order, unsigned wanted) noexcept;
    /// One more region. False when the source refuses; nothing has changed then.
    [[nodiscard]] bool grow() noexcept;
    /// So many regions stay, idle or not.
    void keep(std::size_t regions) noexcept { least_regions_ = regions; }

    /// Where a block is. For who holds it, also without the lock.
    [[nodiscard]] std::byte* at(place where) const noexcept {
        return data_of(where) + (where & (shape_.region_bytes() - 1));
    }
    /// The word that counts who shares the block there; likewise.
    [[nodiscard]] std::uint32_t& shares(place where) const noexcept {
        std::byte* const words = data_of(where) + shape_.region_bytes() + shape_.shares_at();
        return reinterpret_cast<std::uint32_t*>(words)[shape_.share_of(granule_of(where))];
    }

    [[nodiscard]] std::size_t used_bytes() const noexcept {
        return count_ * shape_.region_bytes() - free_bytes_;
    }
    /// Time passes: what has been idle for so long goes.
    [[nodiscard]] returned age(unsigned steps, const idle_limits& limits) noexcept;
    /// The same in parts, so that nobody who needs the lock waits for all of it: a step begins, and goes on
    /// by a region at a time until so many bytes went.
    void begin_step(unsigned steps, const idle_limits& limits) noexcept;
    /// A step that takes all that is idle.
    void begin_trim() noexcept { begin_step(all_steps, {}); }
    [[nodiscard]] returned go_on(std::size_t bytes) noexcept;
    [[nodiscard]] bool is_in_step() const noexcept { return is_in_step_; }
    /// All that is idle goes at once.
    [[nodiscard]] returned trim() noexcept;
    /// Everything goes, live or not.
    void release_all() noexcept;

    [[nodiscard]] std::size_t regions() const noexcept { return count_; }
    [[nodiscard]] std::size_t reserved_bytes() const noexcept {
        return count_ * request_for_region().bytes + table_bytes_;
    }
    [[nodiscard]] std::size_t free_bytes() const noexcept { return free_bytes_; }
    [[nodiscard]] const buddy_counts& counts() const noexcept { return counts_; }
    [[nodiscard]] std::size_t free_blocks(unsigned order) const noexcept;
    [[nodiscard]] bool is_valid() const noexcept;

    /// What so many regions take from a source of that granularity, padding not counted.
    [[nodiscard]] static std::size_t bytes_for(const buddy_shape& shape, std::size_t regions,
                                               std::size_t granularity) noexcept;
    /// The alignment of a region: that of a page, so that idle pages are whole.
    static constexpr std::size_t alignment = 4096;

private:
    struct table_header { // the table stands behind it
        table_header* older;
        std::size_t bytes;
    };
    static constexpr std::size_t first_entries = 8;

    [[nodiscard]] std::byte* data_of(place where) const noexcept {
        std::byte* const* const table = sync::load_acquire(table_);
        return table[where >> shape_.region_bits];
    }
    [[nodiscard]] source::request request_for_region() const noexcept;
    [[nodiscard]] buddy_region* region_at(place number) const noexcept {
        std::byte* const data = table_[number];
        return data == nullptr ? nullptr : reinterpret_cast<buddy_region*>(data + shape_.region_bytes());
    }
    [[nodiscard]] bool make_room() noexcept;
    [[nodiscard]] bool commit(place where, std::size_t skipped, std::size_t bytes) noexcept;
    [[nodiscard]] std::uint32_t granule_of(place at) const noexcept {
        return static_cast<std::uint32_t>((at & (shape_.region_bytes() - 1)) >> shape_.granule_bits);
    }
    void list(buddy_region& region) noexcept;
    void relist(buddy_region& region) noexcept;
    void unlist(buddy_region& region) noexcept;
    void release(buddy_region& idle) noexcept;
    static constexpr unsigned all_steps = ~0u;
    [[nodiscard]] static unsigned aged(unsigned age, unsigned steps) noexcept;
    struct permission {
        bool lazily;
        bool for_good;
        bool all; // lazily, also what was refused before
    };
    [[nodiscard]] bool is_over(buddy_region& region, unsigned steps, unsigned final) noexcept;
    [[nodiscard]] std::size_t idle_bytes() const noexcept;
    void give_back(std::byte* data, std::size_t bytes, bool is_final, returned& sum) noexcept;
    void age_region(buddy_region& region, returned& sum) noexcept;

    // What threads read without the lock comes first, apart from what changes.
    std::byte** table_ = nullptr; // by number; 0 is nobody's
    buddy_shape shape_;
    source* from_ = nullptr;
    bool watched_ = false;
    std::size_t entries_ = 0;
    std::size_t lowest_free_ = 1; // no number below it is free
    std::size_t count_ = 0;
    std::size_t least_regions_ = 0;
    std::size_t free_bytes_ = 0;
    bool has_refused_ = false; // to offer pages
    bool is_in_step_ = false;  // and what it began with:
    bool is_more_ = false;
    place next_ = 1;
    unsigned steps_ = 0;
    idle_limits limits_;
    permission may_{};
    std::size_t table_bytes_ = 0;
    table_header* tables_ = nullptr; // the last first; old ones stay, because threads may still read them
    std::uint32_t has_listed_ = 0;   // a bit for each list that is not empty
    buddy_region* listed_[most_orders] = {};
    buddy_counts counts_;
};

} // namespace cenote::inline v0_1::engine
