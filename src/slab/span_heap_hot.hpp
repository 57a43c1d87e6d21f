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
        map.set_live(g);
        map.set_start(g + granules);
    } else {
        granules += rest;
        no_current();
        --free_;
        map.set_live(g);
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
    map.set_live(g);
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
    index_.at(number).at = base + at;
    index_.enchain(map.chain(at), number);
    index_.link(number, run_class_of(granules));
}

// [g, end) is free now, and so is what ends at `g`, when `begin` is before that, and what starts at `end`,
// when `joins_behind`.
CENOTE_INLINE void span_heap::join(const boundary_map& map, slab* record, std::uint32_t base,
                                   const freed& run) noexcept {
    std::uint32_t end = run.end;
    std::uint32_t number = 0;
    bool is_current = false;
    free_ += run.begin != run.granule ? 0 : 1;
    if (run.joins_behind) {
        --free_;
        map.clear_start(end);
        if (base + end == current_at_) {
            is_current = true;
            end += current_;
        } else {
            const std::uint32_t behind = map.next(end) - end;
            number = unlist(map, base, end, behind);
            CENOTE_ASSUME(number != 0);
            end += behind;
        }
    }
    const std::uint32_t granules = end - run.begin;
    note_freed(record, granules);
    if (run.begin != run.granule) {
        map.clear_start(run.granule);
        if (base + run.begin == current_at_) {
            is_current = true;
        } else if (!is_current) {
            if (number != 0) index_.give_number(number);
            return relist(map, base, run, granules);
        } else {
            number = unlist(map, base, run.begin, run.granule - run.begin);
        }
    }
    if (is_current) {
        if (number != 0) index_.give_number(number);
        current_at_ = base + run.begin;
        current_ = granules;
        return;
    }
    list(map, base, run.begin, granules, number != 0 ? number : index_.take_number());
}

// The free block before the freed one grows: its number and its chain stay.
CENOTE_INLINE void span_heap::relist(const boundary_map& map, std::uint32_t base, const freed& run,
                                     std::uint32_t granules) noexcept {
    const std::uint32_t had = run_class_of(run.granule - run.begin);
    const std::uint32_t now = run_class_of(granules);
    if (had == now) return;
    const std::uint32_t number = index_.find(map.chain(run.begin), base + run.begin);
    index_.unlink(number, had);
    index_.link(number, now);
}

// What the word of the block says of its neighbours is in registers already.
CENOTE_INLINE std::uint32_t span_heap::give_in(const boundary_map& map, slab* record, std::uint32_t base,
                                               std::uint32_t g) noexcept {
    boundary_word& word = map.at(g);
    const std::uint64_t starts = word.starts;
    const std::uint64_t live = word.live;
    const std::uint64_t bit = boundary_word::bit(g);
    if ((starts & live & bit) == 0) [[unlikely]]
        return 0;
    word.live = live & ~bit;
    freed run{.granule = g, .begin = g};
    const std::uint32_t first = g - g % boundary_word::bits;
    const std::uint64_t above = starts & (0 - 2 * bit);
    const std::uint64_t below = starts & (bit - 1);
    if (above != 0) [[likely]] {
        run.end = first + static_cast<std::uint32_t>(std::countr_zero(above));
        run.joins_behind = (above & (0 - above) & live) == 0;
    } else {
        run.end = map.next_beyond(g / boundary_word::bits);
        run.joins_behind = !map.is_live(run.end);
    }
    if (below != 0) {
        const auto top = static_cast<std::uint32_t>(std::countl_zero(below)) ^ (boundary_word::bits - 1);
        // Without a branch: it could not be foretold, and there is one for it in `join`.
        const auto joins = static_cast<std::uint32_t>(~(live >> top) & 1);
        run.begin = g - ((g - (first + top)) & (0 - joins));
    } else if (first != 0) {
        const std::uint32_t before = map.previous_beyond(g / boundary_word::bits);
        if (!map.is_live(before)) run.begin = before;
    }
    const std::uint32_t given = run.end - g;
    live_granules_ -= given;
    --live_;
    join(map, record, base, run);
    return given;
}

CENOTE_INLINE std::uint32_t span_heap::give(const void* pointer) noexcept {
    auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(pointer) - current_begin_);
    boundary_word* words = current_words_;
    slab* record = current_record_;
    std::uint32_t base = current_base_;
    if (offset >= current_bytes_) {
        if (regions_ == nullptr) [[unlikely]]
            return 0;
        const std::uint32_t id = regions_->table().find_one(pointer);
        if (id == no_slab) [[unlikely]]
            return 0;
        // It is first of its class then, handed out soon and written to, and cold as far from the last calls.
        base::prefetch_for_write(pointer);
        const slab_table::entry& span = regions_->table().at(id);
        offset = static_cast<std::size_t>(static_cast<const std::byte*>(pointer) - span.begin);
        record = span.record;
        words = map_of(record).words();
        base = id << shift_;
    }
    if (offset % granule_bytes != 0) [[unlikely]]
        return 0;
    return give_in({words, layout_}, record, base, static_cast<std::uint32_t>(offset / granule_bytes));
}

} // namespace cenote::inline v0_1::engine
