// cenote: SPDX-License-Identifier: MIT
//
// Taking and giving by good fit: what every call does, for the pool to have inline. A pair reads and writes
// the maps of the blocks and their neighbours, the numbers of free neighbours, and the lists they are in.
#pragma once

#include <cenote/slab/span_heap.hpp>

namespace cenote::inline v0_1::engine {

// A block has been cut up to granule `end` of its span.
CENOTE_INLINE void span_heap::note_taken(slab& record, std::uint32_t end, std::uint32_t granules) noexcept {
    if (end > record.fresh) record.fresh = end;
    live_granules_ += granules;
    ++live_;
}

// From the front of the current free block, which is large enough.
CENOTE_INLINE void* span_heap::cut_current(std::uint32_t granules) noexcept {
    const boundary_map map(current_words_, layout_);
    const std::uint32_t g = current_at_ - current_base_;
    if (current_ == layout_.granules) [[unlikely]]
        note_not_idle();
    const std::uint32_t rest = current_ - granules;
    if (rest >= smallest_run) [[likely]] {
        current_at_ += granules;
        current_ = rest;
        map.set_live(g, g + granules);
        map.set_start(g + granules);
    } else {
        granules += rest;
        no_current();
        --free_;
        map.set_live(g, g + granules);
    }
    note_taken(*current_record_, g + granules, granules);
    return current_begin_ + g * granule_bytes;
}

// From the front of the first free block of a class of which each is large enough. What is left of it keeps
// its number. The caller will write to the block soon, which is likely cold.
CENOTE_INLINE void* span_heap::cut_listed(std::uint32_t of_class, std::uint32_t granules) noexcept {
    const std::uint32_t number = index_.first(of_class);
    free_node& node = index_.at(number);
    const slab_table::entry& span = span_of(node.at);
    const boundary_map map = map_of(span.record);
    const std::uint32_t g = granule_of(node.at);
    std::byte* const block = span.begin + g * granule_bytes;
    base::prefetch_for_write(block);
    const std::uint32_t has = of_class < exact_sizes ? of_class : map.next(g) - g;
    if (has == layout_.granules) [[unlikely]]
        note_not_idle();
    index_.unlink_first(number, of_class);
    const std::uint32_t rest = has - granules;
    std::uint32_t& chain = map.chain(g);
    if (rest >= smallest_run) {
        map.set_start(g + granules);
        std::uint32_t& next_chain = map.chain(g + granules);
        if (&next_chain != &chain) {
            index_.unchain(chain, number);
            index_.enchain(next_chain, number);
        }
        node.at += granules;
        index_.link(number, run_class_of(rest));
    } else {
        granules = has;
        index_.unchain(chain, number);
        index_.give_number(number);
        --free_;
    }
    map.set_live(g, g + granules);
    note_taken(*span.record, g + granules, granules);
    return block;
}

// A free block of just this size, whole: nothing is split, and no number is needed. In steady traffic of
// mixed sizes four of five requests end here.
CENOTE_INLINE void* span_heap::take_exact(std::uint32_t granules) noexcept {
    const std::uint32_t number = index_.first(granules);
    free_node& node = index_.at(number);
    const slab_table::entry& span = span_of(node.at);
    const std::uint32_t g = granule_of(node.at);
    std::byte* const block = span.begin + g * granule_bytes;
    base::prefetch_for_write(block);
    const boundary_map map = map_of(span.record);
    if (granules == layout_.granules) [[unlikely]]
        note_not_idle();
    index_.unlink_first(number, granules);
    index_.unchain(map.chain(g), number);
    index_.give_number(number);
    --free_;
    map.set_live(g, g + granules);
    note_taken(*span.record, g + granules, granules);
    return block;
}

// Where no other block is free: pairs, and batches.
CENOTE_INLINE void* span_heap::take_current(std::uint32_t granules) noexcept {
    const bool serves = index_.is_empty() && current_ >= granules && has_numbers(1);
    return serves ? cut_current(granules) : nullptr;
}

// The current free block is one of its class: of two classes that fit, the smaller serves.
CENOTE_INLINE void* span_heap::take_listed(std::uint32_t granules) noexcept {
    if (!has_numbers(1)) [[unlikely]]
        return nullptr;
    const std::uint32_t found = index_.class_from(fitting_class_of(granules));
    if (current_ >= granules) {
        const std::uint32_t own = found < exact_sizes ? current_ : run_class_of(current_);
        if (own <= found) return cut_current(granules);
    }
    if (found == run_classes) [[unlikely]]
        return nullptr;
    return cut_listed(found, granules);
}

CENOTE_INLINE void* span_heap::take(std::uint32_t granules) noexcept {
    void* const block = take_current(granules);
    return block != nullptr ? block : take_listed(granules);
}

// The free block at granule `at` leaves its list and its chain, and its number is free for what it joins.
CENOTE_INLINE std::uint32_t span_heap::unlist(const boundary_map& map, std::uint32_t base, std::uint32_t at,
                                              std::uint32_t granules) noexcept {
    std::uint32_t& chain = map.chain(at);
    const std::uint32_t number = index_.find_and_unchain(chain, base + at);
    index_.unlink(number, run_class_of(granules));
    return number;
}

CENOTE_INLINE void span_heap::list(const boundary_map& map, std::uint32_t base, std::uint32_t at,
                                   std::uint32_t granules, std::uint32_t number) noexcept {
    if (number == 0) number = index_.take_number();
    index_.at(number).at = base + at;
    index_.enchain(map.chain(at), number);
    index_.link(number, run_class_of(granules));
}

// The free block before the freed one, or behind it, or both: they are one. Of blocks that are freed in
// random order each of the four ways is likely, so each has its own code behind two branches.
CENOTE_INLINE void span_heap::join_behind(const freed& run) noexcept {
    const boundary_map map = map_of(run.record);
    const std::uint32_t begin = run.base + run.granule;
    const std::uint32_t end = run.granule + run.granules;
    map.clear_start(end);
    if (run.base + end == current_at_) {
        current_at_ = begin;
        current_ += run.granules;
        note_freed(run.record, current_);
        return;
    }
    const std::uint32_t behind = free_behind(map, run);
    const std::uint32_t granules = run.granules + behind;
    note_freed(run.record, granules);
    const std::uint32_t number = unlist(map, run.base, end, behind);
    CENOTE_ASSUME(number != 0);
    list(map, run.base, run.granule, granules, number);
}

CENOTE_INLINE void span_heap::join_before(const freed& run) noexcept {
    const boundary_map map = map_of(run.record);
    const std::uint32_t begin = map.previous_near(run.granule);
    const std::uint32_t before = run.granule - begin;
    const std::uint32_t granules = before + run.granules;
    map.clear_start(run.granule);
    note_freed(run.record, granules);
    if (run.base + begin == current_at_) {
        current_ = granules;
        return;
    }
    relist(map, run.base, begin, before, granules);
}

CENOTE_INLINE void span_heap::join_both(const freed& run) noexcept {
    const boundary_map map = map_of(run.record);
    const std::uint32_t begin = map.previous_near(run.granule);
    const std::uint32_t end = run.granule + run.granules;
    const std::uint32_t before = run.granule - begin;
    map.clear_start(run.granule);
    map.clear_start(end);
    --free_;
    if (run.base + end == current_at_) {
        index_.give_number(unlist(map, run.base, begin, before));
        current_at_ = run.base + begin;
        current_ += before + run.granules;
        note_freed(run.record, current_);
        return;
    }
    const std::uint32_t behind = free_behind(map, run);
    const std::uint32_t granules = before + run.granules + behind;
    note_freed(run.record, granules);
    index_.give_number(unlist(map, run.base, end, behind));
    if (run.base + begin == current_at_) {
        current_ = granules;
        return;
    }
    relist(map, run.base, begin, before, granules);
}

// Granules of the free block behind a freed one. Of one in a list, which is short mostly, what was read to
// find the freed one's end tells it.
CENOTE_INLINE std::uint32_t span_heap::free_behind(const boundary_map& map, const freed& run) noexcept {
    const std::uint64_t further = run.boundaries & (run.boundaries - 1);
    if (further != 0) [[likely]]
        return 1 + static_cast<std::uint32_t>(std::countr_zero(further)) - run.granules;
    const std::uint32_t end = run.granule + run.granules;
    return map.next_apart(end) - end;
}

// The free block before the freed one grows: its number and its chain stay.
CENOTE_INLINE void span_heap::relist(const boundary_map& map, std::uint32_t base, std::uint32_t begin,
                                     std::uint32_t before, std::uint32_t granules) noexcept {
    const std::uint32_t had = run_class_of(before);
    const std::uint32_t now = run_class_of(granules);
    if (had == now) return;
    const std::uint32_t number = index_.find(map.chain(begin), base + begin);
    index_.unlink(number, had);
    index_.link(number, now);
}

// Neither neighbour is free. What is not apart is short, and no whole span.
CENOTE_INLINE void span_heap::put_alone(const freed& run) noexcept {
    ++free_;
    if (run.is_apart) [[unlikely]] {
        note_freed(run.record, run.granules);
        return list(map_of(run.record), run.base, run.granule, run.granules, 0);
    }
    CENOTE_ASSUME(run.granules <= boundary_word::bits);
    if (tracks_hints_ && run.granules > run.record->hint) run.record->hint = run.granules;
    list(map_of(run.record), run.base, run.granule, run.granules, 0);
}

CENOTE_INLINE void span_heap::put(const freed& run) noexcept {
    if (!run.joins_before) {
        run.joins_behind ? join_behind(run) : put_alone(run);
    } else {
        run.joins_behind ? join_both(run) : join_before(run);
    }
}

// Where a block begins that may be live, of the current one's span.
CENOTE_INLINE bool span_heap::locate_here(const void* pointer, freed& run) const noexcept {
    const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(pointer) - current_begin_);
    run.record = current_record_;
    run.base = current_base_;
    run.granule = static_cast<std::uint32_t>(offset / granule_bytes);
    return offset % granule_bytes == 0;
}

// And of any other. It is first of its class when it is free, handed out soon and written to, and cold as far
// from the last calls.
CENOTE_INLINE bool span_heap::locate_elsewhere(const void* pointer, freed& run) const noexcept {
    if (regions_ == nullptr) [[unlikely]]
        return false;
    const std::uint32_t id = regions_->table().find_one(pointer);
    if (id == no_slab) [[unlikely]]
        return false;
    base::prefetch_for_write(pointer);
    const slab_table::entry& span = regions_->table().at(id);
    const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(pointer) - span.begin);
    run.record = span.record;
    run.base = id << shift_;
    run.granule = static_cast<std::uint32_t>(offset / granule_bytes);
    return offset % granule_bytes == 0;
}

// The block's end, and whether what comes behind it is live, from the word of its start and the next one: of
// the 64 granules behind its first one without a branch, for which of both words it is could not be foretold.
CENOTE_INLINE bool span_heap::withdraw_at(freed& run) noexcept {
    constexpr std::uint32_t bits = boundary_word::bits;
    const boundary_map map = map_of(run.record);
    const std::uint32_t g = run.granule;
    const boundary_word& here = map.at(g);
    // Of the last word, the boundary behind all blocks comes first all the same.
    const boundary_word& next = map.is_of_last_word(g) ? here : (&here)[1];
    const std::uint32_t shift = g % bits;
    const std::uint64_t starts = here.starts;
    const std::uint64_t live = here.live;
    if ((starts & live & boundary_word::bit(g)) == 0) [[unlikely]]
        return false;
    const std::uint64_t behind = starts >> 1 >> shift | next.starts << (bits - 1 - shift);
    if (behind != 0) [[likely]] {
        const std::uint64_t live_behind = live >> 1 >> shift | next.live << (bits - 1 - shift);
        run.granules = 1 + static_cast<std::uint32_t>(std::countr_zero(behind));
        run.boundaries = behind;
        run.joins_behind = (behind & (0 - behind) & live_behind) == 0;
    } else {
        const std::uint32_t end = map.next(g);
        run.granules = end - g;
        run.joins_behind = !map.is_live(end);
        run.is_apart = true;
    }
    // Before the first block nothing is free, and the block itself is still live: it stands for that.
    run.joins_before = map.is_free_before(g + (g == 0 ? 1 : 0));
    if (g == 0) [[unlikely]]
        run.is_apart = true;
    map.clear_live(g, g + run.granules);
    live_granules_ -= run.granules;
    --live_;
    return true;
}

CENOTE_INLINE bool span_heap::withdraw_here(const void* pointer, freed& run) noexcept {
    return locate_here(pointer, run) && withdraw_at(run);
}

CENOTE_INLINE bool span_heap::withdraw_elsewhere(const void* pointer, freed& run) noexcept {
    return locate_elsewhere(pointer, run) && withdraw_at(run);
}

CENOTE_INLINE std::uint32_t span_heap::give(const void* pointer) noexcept {
    freed run;
    if (!(is_here(pointer) ? withdraw_here(pointer, run) : withdraw_elsewhere(pointer, run))) return 0;
    put(run);
    return run.granules;
}

} // namespace cenote::inline v0_1::engine
