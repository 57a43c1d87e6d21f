// cenote: SPDX-License-Identifier: MIT
//
// What is done to blocks beside taking and giving them.
#include "span_heap_hot.hpp"

namespace cenote::inline v0_1::engine {

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
    map.move_end(end, at.granule + now);
    if (at.granule + now > at.record->fresh) at.record->fresh = at.granule + now;
    live_granules_ += now;
    live_granules_ -= has;
    return true;
}

} // namespace cenote::inline v0_1::engine
