// cenote: SPDX-License-Identifier: MIT
//
// The regions that a pool holds, cut in slabs of one size that its heaps take and give back. A region is
// laid out as [slabs][header][records][side room]: metadata stands behind the blocks it describes, so a
// region needs no alignment but that of the blocks, and one call to the source buys all of it. The side room
// holds empty magazines, and in the first region what the pool itself needs. Taking and giving a slab are
// O(1); growing is one reservation, plus a larger slab table now and then. One thread at a time.
#pragma once

#include <cenote/slab/misuse_list.hpp>
#include <cenote/slab/table_memory.hpp>

namespace cenote::inline v0_1::engine {

struct region_header {
    std::byte* data = nullptr; ///< as the source gave it
    std::size_t bytes = 0;
    std::byte* records = nullptr;
    std::byte* room = nullptr; ///< the side room
    std::size_t room_bytes = 0;
    std::size_t last_bytes = 0;    ///< bytes of the last slab, which may be short
    region_header* next = nullptr; ///< all regions, oldest first
    region_header* previous = nullptr;
    region_header* next_open = nullptr; ///< those with a place to take
    region_header* previous_open = nullptr;
    std::uint32_t slabs = 0;
    std::uint32_t used = 0;
    std::uint32_t untouched = 0;   ///< places from here on were never taken
    std::uint32_t given = no_slab; ///< places given back, chained through their records
};

/// What a pool wants of its regions; fixed once the first is reserved.
struct region_plan {
    source* from = nullptr;
    std::size_t alignment = 1; ///< of the first block of a region
    std::size_t slab_bytes = 0;
    std::size_t record_bytes = 0;       ///< of one slab with its bitmaps
    std::size_t magazine_bytes = 0;     ///< of one empty magazine in the side room; 0: none
    std::size_t first_magazines = 0;    ///< so many in the first region, or a third of it
    std::size_t bytes_per_magazine = 0; ///< of blocks, for each of which there is one; 0: the usual share
    std::size_t home_bytes = 0;         ///< side room of the first region for the pool itself
    std::size_t most_slabs = no_slab;   ///< numbers must fit what the depot stores
    bool shared = false;                ///< the slab table is read without a lock
};

class region_list {
public:
    /// Empty magazines take at most this share of slab bytes: one part in 40 is 2.5 %, so that with bitmaps
    /// and tables a pool of 64-byte blocks stays below 5 %.
    static constexpr std::size_t magazine_share = 40;

    constexpr region_list() noexcept = default;
    region_list(const region_list&) = delete;
    region_list& operator=(const region_list&) = delete;

    void configure(const region_plan& plan) noexcept;
    /// Before that, for readers without a lock, who may come before the first region: slabs will be of
    /// `slab_bytes`, each on a multiple of it.
    constexpr void share_table(std::size_t slab_bytes) noexcept { table_.configure(slab_bytes, true, true); }
    [[nodiscard]] const region_plan& plan() const noexcept { return plan_; }

    /// Bytes of the region that `grow(block_bytes)` reserves; false when that does not fit in a size.
    [[nodiscard]] bool bytes_for(std::size_t block_bytes, bool first, std::size_t& bytes) const noexcept;

    /// All that `grow(block_bytes)` takes from the source at most, padding not counted.
    [[nodiscard]] bool bytes_to_grow(std::size_t block_bytes, std::size_t& bytes) const noexcept;

    /// How many units of `unit_bytes`, at most `most`, `grow` can have for that many bytes.
    [[nodiscard]] std::size_t fitting(std::size_t most, std::size_t unit_bytes,
                                      std::size_t bytes) const noexcept;

    /// The units that fill the region for at least so many, when the source would rather give a larger one.
    [[nodiscard]] std::size_t filling(std::size_t units, std::size_t unit_bytes) const noexcept;

    /// The alignment of that region.
    [[nodiscard]] std::size_t alignment_for(std::size_t block_bytes) const noexcept {
        return request_for(0, slabs_for(block_bytes)).alignment;
    }

    /// One more region of `block_bytes` > 0 for slabs. False when the source refuses: nothing has changed
    /// then.
    [[nodiscard]] bool grow(std::size_t block_bytes) noexcept;

    /// A slab for `owner`, of whose blocks nothing is known, or `no_slab` when no place is left. The record's
    /// `owner` and `place` are set. `bytes` says how long it is.
    [[nodiscard]] std::uint32_t take(std::uint32_t owner, std::size_t& bytes) noexcept;
    void give(std::uint32_t id) noexcept;

    /// The youngest region of which no slab is in use, or null. The first region counts when it is the only
    /// one.
    [[nodiscard]] region_header* youngest_idle() const noexcept;
    /// Gives an idle region back to the source, whole.
    void release(region_header* idle) noexcept;
    /// Gives back the pages of up to `most` places not in use; returns how many bytes went.
    std::size_t decommit_idle(std::size_t most) noexcept;
    /// Tells the sanitizer that all blocks may be touched again, live ones too.
    void permit_blocks() const noexcept;
    /// Gives all regions back, whatever is in use.
    void release_all() noexcept;
    /// The same at the end of the pool, which calls nothing after it: also what readers without a lock might
    /// still look at.
    void end() noexcept;

    /// Backs every slab in use and all metadata with memory; places that nobody has taken may not be
    /// committed.
    void populate() noexcept;

    /// The first region's side room for the pool itself.
    [[nodiscard]] std::byte* home() const noexcept { return home_; }
    [[nodiscard]] const slab_table& table() const noexcept { return table_; }
    [[nodiscard]] region_header* first() const noexcept { return first_; }
    [[nodiscard]] region_header* last() const noexcept { return last_; }
    [[nodiscard]] slab& record(std::uint32_t id) const noexcept { return *table_.at(id).record; }

    [[nodiscard]] std::size_t reserved_bytes() const noexcept { return reserved_ + table_memory_.bytes(); }
    /// Bytes of all slabs, metadata not counted.
    [[nodiscard]] std::size_t block_bytes() const noexcept { return block_bytes_; }
    [[nodiscard]] std::size_t slabs() const noexcept { return slabs_; }
    [[nodiscard]] std::size_t used() const noexcept { return used_; }

    /// The most slabs in use since the last `forget_peak`.
    [[nodiscard]] std::size_t peak_used() const noexcept { return peak_used_; }
    void forget_peak() noexcept { peak_used_ = used_; }

    /// Reports of misuse in these regions go into this list, and not to the handler; null: at once to it.
    void collect_reports(misuse_list* list) noexcept { reports_ = list; }
    void report(const misuse_report& wrong) const noexcept {
        if (reports_ != nullptr) return reports_->add(wrong);
        base::report_misuse(wrong);
    }
    [[nodiscard]] bool reports_are_crowded() const noexcept {
        return reports_ != nullptr && reports_->is_crowded();
    }

    [[nodiscard]] bool is_valid() const noexcept;

private:
    struct parts {
        std::size_t slabs = 0;
        std::size_t blocks = 0;
        std::size_t header = 0;
        std::size_t records = 0;
        std::size_t home = 0;
        std::size_t table = 0;
        std::size_t room = 0;
        [[nodiscard]] std::size_t total() const noexcept {
            return blocks + header + records + home + table + room;
        }
    };

    [[nodiscard]] parts parts_for(std::size_t block_bytes, bool is_first) const noexcept;
    [[nodiscard]] std::size_t slabs_for(std::size_t block_bytes) const noexcept;
    [[nodiscard]] std::size_t slab_length(const region_header& region, std::uint32_t place) const noexcept;
    [[nodiscard]] slab& record_at(const region_header& region, std::uint32_t place) const noexcept;
    void link(region_header& region) noexcept;
    void open(region_header& region) noexcept;
    void close(region_header& region) noexcept;
    [[nodiscard]] source::request request_for(std::size_t bytes, std::size_t slabs) const noexcept;

    region_plan plan_;
    slab_table table_;
    table_memory table_memory_; // when it does not stand in the first region
    region_header home_region_; // the first region's header: a small buffer has better use for the bytes
    std::byte* home_ = nullptr;
    misuse_list* reports_ = nullptr;
    region_header* first_ = nullptr;
    region_header* last_ = nullptr;
    region_header* open_ = nullptr;
    std::size_t reserved_ = 0;
    std::size_t block_bytes_ = 0;
    std::size_t slabs_ = 0;
    std::size_t used_ = 0;
    std::size_t peak_used_ = 0;
};

} // namespace cenote::inline v0_1::engine
