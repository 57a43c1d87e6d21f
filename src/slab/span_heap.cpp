// cenote: SPDX-License-Identifier: MIT
//
// What is done to blocks beside taking and giving them.
#include "span_heap_hot.hpp"

namespace cenote::inline v0_1::engine {

// From the front of the first free block of a class of which each is large enough. What is left of it keeps
// its number.
CENOTE_INLINE void* span_heap::cut_listed(std::uint32_t of_class, std::uint32_t granules) noexcept {
    const std::uint32_t number = index_.first(of_class);
    free_node& node = index_.at(number);
    const slab_table::entry& span = span_of(node.at);
    const boundary_map map = map_of(span.record);
    const std::uint32_t g = granule_of(node.at);
    const std::uint32_t has = of_class < exact_sizes ? of_class : map.next(g) - g;
    if (has == layout_.granules) [[unlikely]]
        note_not_idle();
    index_.unlink(number, of_class);
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
    return span.begin + g * granule_bytes;
}

void* span_heap::take_listed(std::uint32_t granules) noexcept {
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

bool span_heap::find(const void* pointer, place& at) const noexcept {
    if (regions_ == nullptr) return false;
    at.id = regions_->table().find_one(pointer);
    if (at.id == no_slab) return false;
    const slab_table::entry& span = regions_->table().at(at.id);
    const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(pointer) - span.begin);
    at.granule = static_cast<std::uint32_t>(offset / granule_bytes);
    at.is_odd = offset % granule_bytes != 0;
    at.begin = span.begin;
    at.record = span.record;
    return true;
}

// Not in the span of the current free block.
std::uint32_t span_heap::give_elsewhere(const void* pointer) noexcept {
    if (regions_ == nullptr) [[unlikely]]
        return 0;
    const std::uint32_t id = regions_->table().find_one(pointer);
    if (id == no_slab) [[unlikely]]
        return 0;
    const slab_table::entry& span = regions_->table().at(id);
    const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(pointer) - span.begin);
    if (offset % granule_bytes != 0) [[unlikely]]
        return 0;
    return give_in(map_of(span.record), span.record, id << shift_,
                   static_cast<std::uint32_t>(offset / granule_bytes));
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
        no_current();
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
            set_current(at.record, base + at.granule + now, rest);
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

} // namespace cenote::inline v0_1::engine
