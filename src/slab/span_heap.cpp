// cenote: SPDX-License-Identifier: MIT
//
// Taking and giving by good fit: what every call does. Searches are in span_heap_search.cpp.
#include <cenote/slab/span_heap.hpp>

namespace cenote::engine {

// A block has been cut up to granule `end` of its span.
CENOTE_INLINE void span_heap::note_taken(const slab_table::entry& span, std::uint32_t end,
                                         std::uint32_t granules) noexcept {
    if (end > span.record->fresh) span.record->fresh = end;
    live_granules_ += granules;
    ++live_;
}

// From the front of the current free block, which is large enough.
CENOTE_INLINE void* span_heap::cut_current(std::uint32_t granules) noexcept {
    const slab_table::entry& span = span_of(current_at_);
    const boundary_map map = map_of(span.record);
    const std::uint32_t g = granule_of(current_at_);
    if (current_ == layout_.granules) note_not_idle();
    const std::uint32_t rest = current_ - granules;
    if (rest >= smallest_run) [[likely]] {
        map.set_start(g + granules);
        current_at_ += granules;
        current_ = rest;
    } else {
        granules += rest;
        current_at_ = nowhere;
        current_ = 0;
        --free_;
    }
    map.set_live(g);
    note_taken(span, g + granules, granules);
    return span.begin + g * granule_bytes;
}

// From the front of the first free block of a class of which each is large enough. What is left of it keeps
// its number.
CENOTE_INLINE void* span_heap::cut_listed(std::uint32_t of_class, std::uint32_t granules) noexcept {
    const std::uint32_t number = index_.first(of_class);
    free_node& node = index_.at(number);
    const slab_table::entry& span = span_of(node.at);
    const boundary_map map = map_of(span.record);
    const std::uint32_t g = granule_of(node.at);
    const std::uint32_t has = of_class < exact_sizes ? of_class : map.next(g) - g;
    if (has == layout_.granules) note_not_idle();
    index_.unlink(number, of_class);
    const std::uint32_t rest = has - granules;
    const bool is_split = rest >= smallest_run;
    if (!is_split || g / boundary_layout::word_bits != (g + granules) / boundary_layout::word_bits) {
        index_.unchain(map.chain(g), number);
        if (is_split) index_.enchain(map.chain(g + granules), number);
    }
    if (is_split) {
        map.set_start(g + granules);
        node.at += granules;
        index_.link(number, run_class_of(rest));
    } else {
        granules = has;
        index_.give_number(number);
        --free_;
    }
    map.set_live(g);
    note_taken(span, g + granules, granules);
    return span.begin + g * granule_bytes;
}

// The current free block is one of its class: of two classes that fit, the smaller serves.
void* span_heap::take(std::uint32_t granules) noexcept {
    if (!has_numbers(1)) [[unlikely]]
        return nullptr;
    const std::uint32_t found = index_.class_from(fitting_class_of(granules));
    if (current_ >= granules) {
        const std::uint32_t own = found < exact_sizes ? current_ : run_class_of(current_);
        if (own <= found) return cut_current(granules);
    }
    if (found == run_classes) [[unlikely]]
        return take(wish{.granules = granules});
    return cut_listed(found, granules);
}

bool span_heap::locate(const void* pointer, place& at) const noexcept {
    if (regions_ == nullptr) return false;
    const slab_table::finder look = regions_->table().look();
    at.id = look.find(pointer);
    if (at.id == no_slab) return false;
    const slab_table::entry& span = look.at(at.id);
    const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(pointer) - span.begin);
    at.granule = static_cast<std::uint32_t>(offset / granule_bytes);
    at.is_odd = offset % granule_bytes != 0;
    at.begin = span.begin;
    at.record = span.record;
    return true;
}

// A free block that was next to a freed one joins it. The one before keeps its number and its chain; the
// current one takes in what is before or behind it.
std::uint32_t span_heap::give(const void* pointer) noexcept {
    place where;
    if (!locate(pointer, where) || !is_live(where)) [[unlikely]]
        return 0;
    const boundary_map map = map_of(where.record);
    const std::uint32_t base = where.id << shift_;
    std::uint32_t g = where.granule;
    const std::uint32_t end = map.next(g);
    const std::uint32_t given = end - g;
    std::uint32_t size = given;
    map.clear_live(g);
    live_granules_ -= given;
    --live_;

    bool joins_current = false;
    std::uint32_t number = 0;
    if (!map.is_live(end)) {
        if (base + end == current_at_) {
            joins_current = true;
            size += current_;
        } else {
            const std::uint32_t behind = map.next(end) - end;
            number = index_.find(map.chain(end), base + end);
            index_.unlink(number, run_class_of(behind));
            index_.unchain(map.chain(end), number);
            size += behind;
        }
        map.clear_start(end);
        --free_;
    }
    std::uint32_t before = 0; // granules of a free block there
    if (g != 0) {
        const std::uint32_t begin = map.previous(g);
        if (!map.is_live(begin)) {
            before = g - begin;
            map.clear_start(g);
            g = begin;
        }
    }
    if (before == 0) ++free_;
    const bool current_is_before = before != 0 && base + g == current_at_;
    const std::uint32_t kept =
        before != 0 && !current_is_before ? index_.find(map.chain(g), base + g) : std::uint32_t{0};
    size += before;
    if (kept != 0) index_.unlink(kept, run_class_of(before));
    if (joins_current || current_is_before) {
        if (kept != 0) {
            index_.unchain(map.chain(g), kept);
            index_.give_number(kept);
        }
        if (number != 0) index_.give_number(number);
        current_at_ = base + g;
        current_ = size;
    } else if (kept != 0) {
        if (number != 0) index_.give_number(number);
        index_.link(kept, run_class_of(size));
    } else {
        if (number == 0) number = index_.take_number();
        index_.at(number).at = base + g;
        index_.enchain(map.chain(g), number);
        index_.link(number, run_class_of(size));
    }
    if (size == layout_.granules) ++idle_spans_;
    if (tracks_hints_ && size > where.record->hint) where.record->hint = size;
    return given;
}

misuse span_heap::diagnose(const place& at) const noexcept {
    const boundary_map map = map_of(at.record);
    if (map.is_live_start(at.granule)) return misuse::interior_pointer; // odd
    const std::uint32_t start = map.is_start(at.granule) ? at.granule : map.previous(at.granule);
    if (map.is_live(start) || at.is_odd) return misuse::interior_pointer;
    return at.granule >= at.record->fresh ? misuse::never_allocated : misuse::double_free;
}

void span_heap::detach(const boundary_map& map, std::uint32_t at, std::uint32_t granules) noexcept {
    if (granules == layout_.granules) note_not_idle();
    --free_;
    if (at == current_at_) {
        current_at_ = nowhere;
        current_ = 0;
        return;
    }
    std::uint32_t& chain = map.chain(granule_of(at));
    const std::uint32_t number = index_.find(chain, at);
    index_.unlink(number, run_class_of(granules));
    index_.unchain(chain, number);
    index_.give_number(number);
}

void span_heap::attach(const boundary_map& map, std::uint32_t at, std::uint32_t granules) noexcept {
    const std::uint32_t number = index_.take_number();
    index_.at(number).at = at;
    index_.enchain(map.chain(granule_of(at)), number);
    index_.link(number, run_class_of(granules));
    if (granules == layout_.granules) ++idle_spans_;
    ++free_;
}

void span_heap::list_current() noexcept {
    if (current_ == 0) return;
    const std::uint32_t at = current_at_;
    const std::uint32_t granules = current_;
    const boundary_map map = map_of(span_of(at).record);
    detach(map, at, granules);
    attach(map, at, granules);
}

// What is freed by shrinking joins the free block behind it; a single granule stays with the block.
bool span_heap::resize(const place& at, std::uint32_t has, std::uint32_t wanted) noexcept {
    const boundary_map map = map_of(at.record);
    const std::uint32_t base = at.id << shift_;
    const std::uint32_t end = at.granule + has;
    const bool is_followed = !map.is_live(end);
    const std::uint32_t behind = is_followed ? map.next(end) - end : 0;
    if (wanted > has + behind) return false;
    if (wanted == has || (!is_followed && has - wanted < smallest_run)) return true;
    if (!is_followed && !has_numbers(1)) return true;
    const bool was_current = is_followed && base + end == current_at_;
    if (is_followed) {
        detach(map, base + end, behind);
        map.clear_start(end);
    }
    std::uint32_t rest = has + behind - wanted;
    if (rest < smallest_run) rest = 0;
    const std::uint32_t now = has + behind - rest;
    if (rest != 0) {
        map.set_start(at.granule + now);
        if (was_current) {
            current_at_ = base + at.granule + now;
            current_ = rest;
            ++free_;
        } else {
            attach(map, base + at.granule + now, rest);
        }
        if (tracks_hints_ && rest > at.record->hint) at.record->hint = rest;
    }
    if (at.granule + now > at.record->fresh) at.record->fresh = at.granule + now;
    live_granules_ += now;
    live_granules_ -= has;
    return true;
}

} // namespace cenote::engine
