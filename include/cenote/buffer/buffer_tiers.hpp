// cenote: SPDX-License-Identifier: MIT
//
// The core of a buffer_pool, which engine::shared makes one for many threads: for each tier a shelf of free
// buffers that stay whole, bounded by tier and in total, and behind the shelves one heap of buddies. What the
// shelves have no room for merges there, and what is idle there for long goes back. Magazines and shelves
// hold places, not addresses: nothing is found by an address. One call at a time.
#pragma once

#include <cenote/buffer/buddy_heap.hpp>
#include <cenote/buffer/buffer_options.hpp>
#include <cenote/buffer/recent_use.hpp>
#include <cenote/slab/misuse_list.hpp>
#include <cenote/slab/stock.hpp>
#include <cenote/source/budget.hpp>
#include <cenote/source/os_pages.hpp>

#include <utility>

namespace cenote::inline v0_1::engine {

static_assert(sizeof(void*) >= sizeof(place), "a magazine's entry holds a place");

class CENOTE_API buffer_tiers {
public:
    /// One tier.
    class tier {
    public:
        [[nodiscard]] std::size_t elsewhere() const noexcept { return elsewhere_; }
        void set_elsewhere(std::size_t buffers) noexcept { elsewhere_ = buffers; }
        /// Buffers in caches of threads that a fork left behind: nobody may have them again.
        void write_off(void* const* begin, void* const* end) noexcept {
            written_off_ += static_cast<std::size_t>(end - begin);
        }
        [[nodiscard]] std::size_t stride() const noexcept { return bytes_; }
        /// A magazine had a null in it: nothing of ours puts one there.
        void report(misuse, const void*) const noexcept {}
        [[nodiscard]] std::size_t live() const noexcept { return out_ - elsewhere_ - written_off_; }

    private:
        friend class buffer_tiers;
        magazine shelf_;
        std::size_t bytes_ = 0;
        std::size_t retained_ = 0; // on the shelf, at most
        std::size_t least_ = 0;    // on the shelf since the last step
        std::size_t entries_ = 0;  // of a thread's only magazine
        std::size_t out_ = 0;      // neither on the shelf nor in the heap
        std::size_t elsewhere_ = 0;
        std::size_t written_off_ = 0;
        std::uint64_t acquired_ = 0;
        std::uint64_t fresh_ = 0;
        std::uint64_t dropped_ = 0;
    };

    /// The options must be sound.
    buffer_tiers(const buffer_pool_options& wanted, unsigned threads);
    buffer_tiers(const buffer_tiers&) = delete;
    buffer_tiers& operator=(const buffer_tiers&) = delete;
    ~buffer_tiers();

    // What engine::shared asks of its core.
    [[nodiscard]] bool open_shared() noexcept;
    [[nodiscard]] bool has_caches() const noexcept { return unit_entries_ != 0; }
    [[nodiscard]] std::size_t first_units() const noexcept { return options_.threads; }
    [[nodiscard]] std::size_t region_bytes() const noexcept { return heap_.reserved_bytes(); }
    [[nodiscard]] std::uint32_t size_classes() const noexcept { return options_.tiers(); }
    [[nodiscard]] tier& store(std::uint32_t of) noexcept { return tiers_[of]; }
    [[nodiscard]] source& from() noexcept { return limit_; }
    [[nodiscard]] std::size_t unit_bytes() const noexcept {
        return unit_bytes_for(size_classes(), unit_entries_);
    }
    void clear(cache_unit& unit) const noexcept { clear_unit(unit, size_classes(), unit_entries_, 0); }
    void equip(cache_unit& unit, stock& one, std::uint32_t of) const noexcept {
        const std::size_t entries = tiers_[of].entries_;
        if (entries != 0) equip_alone(unit, one, entries);
    }
    // Every tier has magazines as long as they get, from the first use on.
    [[nodiscard]] bool widen(cache_unit&, stock&, std::uint32_t, std::size_t) const noexcept { return false; }
    [[nodiscard]] std::uint32_t widest(cache_unit&, std::uint32_t) const noexcept { return no_slab; }
    void narrow(cache_unit&, stock&, std::uint32_t) const noexcept {}
    [[nodiscard]] std::size_t fetch(std::uint32_t of, void** begin, std::size_t want) noexcept;
    [[nodiscard]] void* const* put(std::uint32_t of, void* const* begin, void* const* end) noexcept;
    void after_put(std::uint32_t of) noexcept;
    /// Whether this return is one that looks at the clock, and `pass_by` what it does then.
    [[nodiscard]] bool looks_at_clock() noexcept;
    /// Whether what the caller caches should merge before the source is asked for more: as long as that has
    /// cost less, since the last time, than first touching the pages of a region.
    [[nodiscard]] bool wants_caches_back(std::uint32_t of) noexcept;
    [[nodiscard]] void* take_one(std::uint32_t of) noexcept;
    void give_one(std::uint32_t of, void* entry) noexcept;
    void collect_reports(misuse_list*) const noexcept {} // handles cannot be wrong
    void set_caches(std::size_t) const noexcept {}
    void set_walks(std::size_t) const noexcept {}
    void set_bought(std::size_t bytes) noexcept { bought_ = bytes; }
    /// Once after each step: what threads cache and do not need would never be idle.
    [[nodiscard]] bool wants_flushes() noexcept { return std::exchange(wants_flushes_, false); }
    std::size_t trim() noexcept;

    // What the pool itself asks.
    /// The same in parts, of which each adds to `bytes` what it gave back: false when there is no more. A
    /// part that others do meanwhile, because time passes, is not counted.
    [[nodiscard]] bool trim_part(bool is_first, std::size_t& bytes) noexcept;
    /// Makes a live buffer one of a larger tier where it is, if what lies behind it is free.
    [[nodiscard]] bool extend(void* entry, unsigned of, unsigned wanted) noexcept;
    /// A region of its own for a request above the largest tier, or null: so many bytes for the caller, and
    /// behind them a word that counts who shares it.
    [[nodiscard]] void* take_oversize(std::size_t bytes) noexcept;
    void give_oversize(void* data, std::size_t bytes) noexcept;
    /// Bytes for the caller in such a region; false when that does not fit.
    [[nodiscard]] bool oversize_for(std::size_t size, std::size_t& bytes) const noexcept;
    /// Time has come to `now`: what has been idle goes back, step by step, and a large step part by part.
    /// Returns when to come again: soon for the next part, after a step while anything is out or idle, else
    /// after `return_after`; at most `sync::no_deadline`. A step begins when the last one is done.
    std::int64_t tick(std::int64_t now) noexcept;
    /// The same for who did not come for it, a release that has looked at the clock: not right behind a part,
    /// because others wait for the lock, and who sleeps for it needs longer to wake than its holder to come
    /// again.
    void pass_by(std::int64_t now) noexcept;
    /// Whether `tick` has something to do then.
    [[nodiscard]] bool is_due(std::int64_t now) const noexcept {
        return stepped_at_ != never && now - stepped_at_ >= options_.lazy_after.count();
    }

    [[nodiscard]] std::byte* at(void* entry) const noexcept { return heap_.at(place_of(entry)); }
    [[nodiscard]] std::uint32_t& shares(place where) const noexcept { return heap_.shares(where); }
    [[nodiscard]] const buffer_pool_options& options() const noexcept { return options_; }
    [[nodiscard]] bool is_exact() const noexcept { return options_.erase || options_.stats || watched_; }
    [[nodiscard]] bool is_watched() const noexcept { return watched_; }
    [[nodiscard]] buffer_stats stats() const noexcept;
    [[nodiscard]] shortage shortage_of(std::size_t bytes) const noexcept;
    [[nodiscard]] bool is_valid() const noexcept;
    [[nodiscard]] static std::size_t required_bytes(const buffer_pool_options& options);

    call_counts calls_;

private:
    [[nodiscard]] static place place_of(const void* entry) noexcept {
        return reinterpret_cast<std::uintptr_t>(entry);
    }
    [[nodiscard]] static buddy_shape shape_for(const buffer_pool_options& options,
                                               std::size_t granularity) noexcept;
    [[nodiscard]] static std::size_t entries_for(const buffer_pool_options& options, unsigned of,
                                                 std::size_t cached) noexcept;
    [[nodiscard]] static std::size_t cached_of_a_tier(const buffer_pool_options& options,
                                                      std::size_t most) noexcept;
    [[nodiscard]] static std::size_t words_of_units(const buffer_pool_options& options,
                                                    std::size_t cached) noexcept;
    [[nodiscard]] static std::size_t words_of_shelves(const buffer_pool_options& options) noexcept;
    [[nodiscard]] static source::request oversize_region(std::size_t bytes) noexcept;
    void measure_caches(std::size_t most) noexcept;
    void look_for_caches() noexcept;
    [[nodiscard]] place cut(unsigned of, bool may_grow) noexcept;
    void unshelve(tier& of, std::size_t count) noexcept;
    [[nodiscard]] idle_limits limits_now() const noexcept;
    void begin_step(unsigned passed) noexcept;
    [[nodiscard]] static std::int64_t later_by(std::int64_t from, std::int64_t length) noexcept;
    void clear_shelves() noexcept;
    void begin_trim() noexcept;

    buffer_pool_options options_;
    budget limit_; // around the source
    buddy_heap heap_;
    recent_use recent_;
    tier tiers_[most_orders - 1];
    std::size_t unit_entries_ = 0;
    std::size_t measured_ = 0; // what the source had for all, when that was found
    std::size_t shelved_bytes_ = 0;
    std::size_t bought_ = 0;
    std::size_t oversize_ = 0;       // live
    std::size_t oversize_bytes_ = 0; // their regions'
    std::uint64_t oversize_count_ = 0;
    std::uint64_t purges_ = 0;
    void** shelves_ = nullptr; // their memory
    std::size_t shelf_bytes_ = 0;
    bool is_open_ = false;
    bool watched_ = false;
    bool wants_flushes_ = false;
    std::size_t merges_ = 0; // of caches, since the source gave a region, a step began, or all went back
    unsigned puts_ = 0;      // since the clock was looked at
    static constexpr std::int64_t never = -1;
    std::int64_t stepped_at_ = never; // when the clock was first seen, and whole steps after it
    std::int64_t parted_at_ = 0;      // when a part of a step was done that is not over
};

} // namespace cenote::inline v0_1::engine
