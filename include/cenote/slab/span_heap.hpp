// cenote: SPDX-License-Identifier: MIT
//
// Blocks of any size, cut from spans: stretches of granules that a region list gives, one a region. A free
// block is split to what is asked, and merges at once with free neighbours on both sides. What a pointer is,
// is known from the span's map (boundary_map.hpp); free blocks are found by size (free_index.hpp). One of
// them, the current one, is in no list: small requests are cut from its front, and what is freed before or
// behind it joins it, in a few instructions. Good fit is O(1); best and first fit look at more. No call
// reads or writes a byte of a block. One thread at a time.
#pragma once

#include <cenote/base/error.hpp>
#include <cenote/slab/boundary_map.hpp>
#include <cenote/slab/free_index.hpp>
#include <cenote/slab/region_list.hpp>

namespace cenote::inline v0_1 {

/// Which free block a request is cut from.
enum class fit {
    good,  ///< of the smallest class that fits, found in constant time: exact below 2 KiB, within 1/32 above
    best,  ///< the smallest that fits, or one within the tolerance; looks at free blocks of about that size
    first, ///< the lowest in its span that fits, in the oldest span that has one; may look at all free blocks
};

namespace engine {

inline constexpr std::uint32_t smallest_run = 2; ///< granules of the smallest block, live or free

/// Granules of a block for `size` bytes; the size is one that a span can hold.
[[nodiscard]] constexpr std::uint32_t granules_for(std::size_t size) noexcept {
    const std::size_t least = smallest_run * granule_bytes;
    return static_cast<std::uint32_t>(((size < least ? least : size) + granule_bytes - 1) / granule_bytes);
}

class span_heap {
public:
    constexpr span_heap() noexcept = default;
    span_heap(const span_heap&) = delete;
    span_heap& operator=(const span_heap&) = delete;

    /// Spans of so many granules. `regions` gives slabs of that many bytes, with `record_bytes` each.
    /// `watched`: a sanitizer is told of the free bytes of spans that come. `how`: whether spans remember
    /// what first fit found of them.
    void configure(std::uint32_t granules, region_list& regions, fit how, bool watched) noexcept;
    [[nodiscard]] static constexpr std::size_t record_bytes(std::uint32_t granules) noexcept {
        return sizeof(slab) + boundary_layout(granules).bytes;
    }
    /// Numbers for every free block that one span can hold, number 0 included.
    [[nodiscard]] static constexpr std::size_t most_nodes(std::uint32_t granules) noexcept {
        return (std::size_t{granules} / smallest_run + 1) / 2 + 1;
    }

    /// What to cut a block from, and how.
    struct wish {
        std::uint32_t granules = smallest_run;
        std::uint32_t alignment = 1; ///< in granules, a power of two
        fit how = fit::good;
        std::uint32_t tolerance_percent = 0;
        bool looks_everywhere = false; ///< also where the fit would not: before a request is refused
    };

    /// A block by good fit, or null when no free block is of a class that fits, or the numbers are used up.
    /// Defined, with the halves of it and `give`, in src/slab/span_heap_hot.hpp: for the pool alone.
    [[nodiscard]] void* take(std::uint32_t granules) noexcept;
    /// Whether a free block has just this size, which lists know of small ones; and such a block.
    [[nodiscard]] bool has_exact(std::uint32_t granules) const noexcept {
        return granules < exact_sizes && index_.first(granules) != 0;
    }
    [[nodiscard]] void* take_exact(std::uint32_t granules) noexcept;
    /// Of the current free block, when it is the only one; and of any.
    [[nodiscard]] void* take_current(std::uint32_t granules) noexcept;
    [[nodiscard]] void* take_listed(std::uint32_t granules) noexcept;
    [[nodiscard]] void* take(const wish& wanted) noexcept;

    /// A pointer's place in the spans.
    struct place {
        std::uint32_t id = no_slab;
        std::uint32_t granule = 0;
        std::byte* begin = nullptr;
        slab* record = nullptr;
        bool is_odd = false; ///< not on a granule
    };
    /// Whether the pointer is in a span.
    [[nodiscard]] bool find(const void* pointer, place& at) const noexcept;
    /// Whether a live block starts at a place.
    [[nodiscard]] bool is_live(const place& at) const noexcept {
        return !at.is_odd && map_of(at.record).is_live_start(at.granule);
    }
    [[nodiscard]] bool is_start(const place& at) const noexcept {
        return !at.is_odd && map_of(at.record).is_start(at.granule);
    }
    /// Granules of the block that starts at a place.
    [[nodiscard]] std::uint32_t granules_at(const place& at) const noexcept {
        return map_of(at.record).next(at.granule) - at.granule;
    }

    /// Takes back the live block that starts at `pointer`: its granules, or 0 when there is none.
    [[nodiscard]] std::uint32_t give(const void* pointer) noexcept;

    /// A block that was live until now, and belongs nowhere yet.
    struct freed {
        slab* record = nullptr;
        std::uint32_t base = 0;    ///< the first granule of its span, counted through all spans
        std::uint32_t granule = 0; ///< its own first one, counted from there
        std::uint32_t granules = 0;
        bool joins_before = false;    ///< there is a free block before it
        bool joins_behind = false;    ///< and behind it
        bool is_apart = false;        ///< long, or the first of its span: seldom
        std::uint64_t boundaries = 0; ///< of the 64 granules behind its first one, those that begin a block
    };
    /// The halves of `give`, defined like `take`. First it is found, by who knows whether it is in the span
    /// of the current block, and live no more; false when there is none. Then it is put among the free ones.
    [[nodiscard]] bool is_here(const void* pointer) const noexcept {
        return static_cast<std::size_t>(static_cast<const std::byte*>(pointer) - current_begin_) <
               current_bytes_;
    }
    [[nodiscard]] bool withdraw_here(const void* pointer, freed& run) noexcept;
    [[nodiscard]] bool withdraw_elsewhere(const void* pointer, freed& run) noexcept;
    void put(const freed& run) noexcept;

    /// What is wrong with a pointer into a span that `give` refused.
    [[nodiscard]] misuse diagnose(const place& at) const noexcept;

    /// Makes a live block of `has` granules one of `wanted`, where it is: false, with nothing changed, when
    /// its neighbour is in the way or the numbers are used up.
    [[nodiscard]] bool resize(const place& at, std::uint32_t has, std::uint32_t wanted) noexcept;

    /// The next live block at or behind `at`, which moves behind it; null at the end, before span `end_id`.
    [[nodiscard]] void* next_live(std::uint32_t& id, std::uint32_t& granule, std::uint32_t end_id,
                                  std::uint32_t& granules) const noexcept;

    /// One more span. False when the source refuses: nothing has changed then.
    [[nodiscard]] bool add_span() noexcept;
    /// Makes sure that the next call, and `more` blocks, have their numbers. False when the source refuses.
    [[nodiscard]] bool ensure_numbers(std::size_t more) noexcept;
    [[nodiscard]] bool has_numbers(std::size_t more_blocks) const noexcept {
        return live_ + free_ + more_blocks <= room_ + 1;
    }
    /// Gives up to `most` spans without a live block back, except the first; returns how many.
    std::size_t release_idle(std::size_t most) noexcept;
    /// Gives all spans without a live block back, and with the last one the numbers.
    std::size_t trim() noexcept;
    /// Everything goes back, live or not, numbers too.
    void release_all() noexcept;
    /// All blocks are free; spans are kept.
    void reset() noexcept;

    [[nodiscard]] std::size_t live() const noexcept { return live_; }
    [[nodiscard]] std::size_t live_granules() const noexcept { return live_granules_; }
    /// Free blocks.
    [[nodiscard]] std::size_t idle() const noexcept { return free_; }
    [[nodiscard]] std::size_t spans() const noexcept { return regions_ == nullptr ? 0 : regions_->used(); }
    [[nodiscard]] std::size_t idle_spans() const noexcept { return idle_spans_; }
    [[nodiscard]] std::size_t fewest_idle() const noexcept { return fewest_idle_; }
    void forget_fewest() noexcept { fewest_idle_ = idle_spans_; }
    [[nodiscard]] std::uint32_t granules() const noexcept { return layout_.granules; }
    [[nodiscard]] std::size_t number_bytes() const noexcept { return table_bytes_; }
    [[nodiscard]] std::uint32_t end_id() const noexcept {
        return regions_ == nullptr ? 0 : regions_->table().end_id();
    }
    /// The span that was added last, right after `add_span`.
    [[nodiscard]] std::byte* newest() const noexcept { return span_of(current_at_).begin; }
    /// Granules of the largest free block. O(free blocks of about its size).
    [[nodiscard]] std::uint32_t largest_free() const noexcept;
    /// Granules of the largest block, of `most` at most, that `take` has for a wish like this one.
    [[nodiscard]] std::uint32_t largest_served(const wish& like, std::uint32_t most) const noexcept;
    [[nodiscard]] bool is_valid() const noexcept;

private:
    static constexpr std::uint32_t nowhere = 0xffffffff;
    static constexpr std::size_t no_bound = ~std::size_t{0} / 2;

    struct totals { // of a check
        std::size_t live = 0;
        std::size_t granules = 0;
        std::size_t free = 0;
        std::size_t idle_spans = 0;
    };
    struct hole { // a free block that was found
        std::uint32_t at = nowhere;
        std::uint32_t granules = 0;
        std::uint32_t lead = 0; // of them before the block, for its alignment
    };

    [[nodiscard]] boundary_map map_of(slab* record) const noexcept { return {record + 1, layout_}; }
    [[nodiscard]] const slab_table::entry& span_of(std::uint32_t at) const noexcept {
        return regions_->table().at(at >> shift_);
    }
    [[nodiscard]] std::uint32_t granule_of(std::uint32_t at) const noexcept { return at & granule_mask_; }
    [[nodiscard]] std::uint32_t size_of_hole(std::uint32_t at) const noexcept;

    [[nodiscard]] void* cut_current(std::uint32_t granules) noexcept;
    [[nodiscard]] void* cut_listed(std::uint32_t of_class, std::uint32_t granules) noexcept;
    void note_taken(slab& record, std::uint32_t end, std::uint32_t granules) noexcept;

    void put_alone(const freed& run) noexcept;
    void join_before(const freed& run) noexcept;
    void join_behind(const freed& run) noexcept;
    void join_both(const freed& run) noexcept;
    [[nodiscard]] static std::uint32_t free_behind(const boundary_map& map, const freed& run) noexcept;
    void relist(const boundary_map& map, std::uint32_t base, std::uint32_t begin, std::uint32_t before,
                std::uint32_t granules) noexcept;
    [[nodiscard]] std::uint32_t unlist(const boundary_map& map, std::uint32_t base, std::uint32_t at,
                                       std::uint32_t granules) noexcept;
    [[nodiscard]] bool locate_here(const void* pointer, freed& run) const noexcept;
    [[nodiscard]] bool locate_elsewhere(const void* pointer, freed& run) const noexcept;
    [[nodiscard]] bool withdraw_at(freed& run) noexcept;
    void list(const boundary_map& map, std::uint32_t base, std::uint32_t at, std::uint32_t granules,
              std::uint32_t number) noexcept;
    void note_freed(slab* record, std::uint32_t granules) noexcept {
        if (granules == layout_.granules) [[unlikely]]
            ++idle_spans_;
        if (tracks_hints_ && granules > record->hint) record->hint = granules;
    }
    void set_current(slab* record, std::uint32_t at, std::uint32_t granules) noexcept {
        const slab_table::entry& span = span_of(at);
        current_at_ = at;
        current_ = granules;
        current_record_ = record;
        current_begin_ = span.begin;
        current_bytes_ = span.bytes;
        current_words_ = map_of(record).words();
        current_base_ = at - granule_of(at);
    }
    void no_current() noexcept {
        current_at_ = nowhere;
        current_ = 0;
    }
    /// Its span may go.
    void forget_current_span() noexcept {
        no_current();
        current_begin_ = nullptr;
        current_bytes_ = 0;
    }
    void note_not_idle() noexcept {
        if (--idle_spans_ < fewest_idle_) fewest_idle_ = idle_spans_;
    }
    /// A free block leaves its list, its chain, or the place of the current one.
    void detach(const boundary_map& map, std::uint32_t at, std::uint32_t granules) noexcept;
    void attach(const boundary_map& map, std::uint32_t at, std::uint32_t granules) noexcept;
    void list_current() noexcept;
    [[nodiscard]] void* carve(const hole& from, std::uint32_t granules) noexcept;
    [[nodiscard]] bool fits(hole& candidate, const wish& wanted) const noexcept;
    [[nodiscard]] hole search(const wish& wanted) const noexcept;
    [[nodiscard]] hole search_good(const wish& wanted) const noexcept;
    [[nodiscard]] hole search_best(const wish& wanted) const noexcept;
    [[nodiscard]] hole search_first(const wish& wanted) const noexcept;
    [[nodiscard]] hole search_whole(const wish& wanted) const noexcept;
    [[nodiscard]] bool can_carve(const hole& from, std::uint32_t granules) const noexcept;
    [[nodiscard]] std::uint32_t largest_of_class(std::uint32_t c, std::uint32_t most,
                                                 std::size_t looks) const noexcept;
    void give_region(std::uint32_t id) noexcept;
    void forget_blocks() noexcept;
    void count_room() noexcept;
    [[nodiscard]] bool get_numbers(std::size_t nodes) noexcept;
    void equip(void* memory, std::size_t nodes) noexcept;
    [[nodiscard]] bool is_span_valid(std::uint32_t id, totals& all) const noexcept;
    [[nodiscard]] bool is_listed(const boundary_map& map, std::uint32_t at,
                                 std::uint32_t granules) const noexcept;

    boundary_layout layout_;
    region_list* regions_ = nullptr;
    std::uint32_t shift_ = 0; // of a span's number in that of a granule
    std::uint32_t granule_mask_ = 0;
    std::uint32_t current_at_ = nowhere;
    std::uint32_t current_ = 0; // granules of the current free block
    // Its span; also when there is no current block, as long as the span is there.
    boundary_word* current_words_ = nullptr;
    std::byte* current_begin_ = nullptr;
    std::size_t current_bytes_ = 0;
    slab* current_record_ = nullptr;
    std::uint32_t current_base_ = 0;
    std::size_t live_ = 0;
    std::size_t free_ = 0;
    std::size_t room_ = 0; // live and free blocks for which there are numbers, whatever is freed next
    std::size_t live_granules_ = 0;
    std::size_t idle_spans_ = 0;
    std::size_t fewest_idle_ = 0;
    bool tracks_hints_ = false;
    bool watched_ = false;
    free_index index_;
    void* table_ = nullptr; // memory of the numbers, when it is this heap's own
    std::size_t table_bytes_ = 0;
};

} // namespace engine
} // namespace cenote::inline v0_1
