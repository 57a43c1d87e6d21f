// cenote: SPDX-License-Identifier: MIT
//
// Where spans and numbers come from and go to, and whether all of it agrees.
#include <cenote/base/arith.hpp>
#include <cenote/base/sanitizer.hpp>
#include <cenote/slab/span_heap.hpp>

namespace cenote::inline v0_1::engine {
namespace {

constexpr std::size_t least_nodes = 64;

constexpr source::request request_of_numbers(std::size_t bytes) noexcept {
    return {bytes, alignof(free_node) < 64 ? 64 : alignof(free_node), source::any_node};
}

} // namespace

void span_heap::configure(std::uint32_t granules, region_list& regions, fit how, bool watched) noexcept {
    layout_ = boundary_layout(granules);
    regions_ = &regions;
    shift_ = static_cast<std::uint32_t>(std::bit_width(granules - 1));
    granule_mask_ = (1u << shift_) - 1;
    tracks_hints_ = how == fit::first;
    watched_ = watched;
}

// Free blocks never outnumber live ones by more than one a span, and freeing never adds to the sum of both:
// half of the sum, and of the spans, is the most that can be free later. No span holds more than so many.
void span_heap::count_room() noexcept {
    const std::size_t numbers = index_.capacity() != 0 ? index_.capacity() - 1 : 0;
    room_ = 2 * numbers > spans() ? 2 * numbers - spans() : 0;
    if (numbers >= spans() * (most_nodes(layout_.granules) - 1)) room_ = no_bound;
}

void span_heap::equip(void* memory, std::size_t nodes) noexcept {
    index_.move_to(memory, nodes);
    count_room();
}

// An eighth more than needed, so that moving them costs a constant amount a block; or just as many.
bool span_heap::ensure_numbers(std::size_t more) noexcept {
    if (more >= no_bound - live_ - free_) return false;
    const std::size_t sum = live_ + free_ + more + 1; // a block may be cut with a lead and a rest
    if (sum <= room_ && index_.capacity() != 0) return true;
    const std::size_t least = (sum + spans()) / 2 + 2;
    const std::size_t ample = least + least / 8;
    return get_numbers(ample < least_nodes ? least_nodes : ample) || get_numbers(least);
}

bool span_heap::get_numbers(std::size_t nodes) noexcept {
    source& from = *regions_->plan().from;
    std::size_t bytes = 0;
    if (nodes >= nowhere || !base::round_up(free_index::bytes_for(nodes), from.granularity(), bytes)) {
        return false;
    }
    void* const memory = from.reserve(request_of_numbers(bytes));
    if (memory == nullptr) return false;
    if (!from.commit(memory, bytes)) {
        from.release(memory, request_of_numbers(bytes));
        return false;
    }
    equip(memory, bytes / sizeof(free_node));
    if (table_ != nullptr) from.release(table_, request_of_numbers(table_bytes_));
    table_ = memory;
    table_bytes_ = bytes;
    return true;
}

// The new span is the current free block; what was that before can be found by its size.
bool span_heap::add_span() noexcept {
    const bool is_first = regions_->first() == nullptr;
    if (!regions_->grow(layout_.granules * granule_bytes)) return false;
    std::size_t bytes = 0;
    const std::uint32_t id = regions_->take(0, bytes);
    if (id == no_slab) {
        regions_->release(regions_->youngest_idle());
        return false;
    }
    slab& record = regions_->record(id);
    map_of(&record).clear();
    record.hint = layout_.granules;
    ++free_;
    ++idle_spans_;
    if (is_first && regions_->plan().home_bytes != 0) {
        equip(regions_->home(), regions_->plan().home_bytes / sizeof(free_node));
    }
    count_room();
    if (!ensure_numbers(0)) {
        --free_;
        note_not_idle();
        give_region(id);
        return false;
    }
    if (watched_) base::forbid(regions_->table().at(id).begin, bytes);
    list_current();
    set_current(&record, id << shift_, layout_.granules);
    return true;
}

void span_heap::give_region(std::uint32_t id) noexcept {
    const slab_table::entry span = regions_->table().at(id);
    if (watched_) base::permit(span.begin, span.bytes);
    if (span.begin == current_begin_) forget_current_span();
    regions_->give(id);
    regions_->release(span.home);
    if (regions_->first() == nullptr && table_ == nullptr) index_.forget();
    count_room();
}

// A region list keeps its first region as long as there is another.
std::size_t span_heap::release_idle(std::size_t most) noexcept {
    std::size_t released = 0;
    for (std::uint32_t id = end_id(); id-- != 0 && released < most;) {
        const slab_table::entry& span = regions_->table().at(id);
        if (span.begin == nullptr || (span.home == regions_->first() && span.home != regions_->last()))
            continue;
        const boundary_map map = map_of(span.record);
        if (map.is_live(0) || map.next(0) != layout_.granules) continue;
        detach(map, id << shift_, layout_.granules);
        give_region(id);
        ++released;
    }
    return released;
}

// The first span is left for last: then it is the only one.
std::size_t span_heap::trim() noexcept {
    std::size_t released = release_idle(unlimited);
    released += release_idle(1);
    if (spans() == 0) release_all();
    return released;
}

void span_heap::release_all() noexcept {
    if (regions_ == nullptr) return;
    if (table_ != nullptr) regions_->plan().from->release(table_, request_of_numbers(table_bytes_));
    table_ = nullptr;
    table_bytes_ = 0;
    regions_->release_all();
    index_.forget();
    forget_blocks();
    idle_spans_ = 0;
    fewest_idle_ = 0;
    count_room();
}

void span_heap::forget_blocks() noexcept {
    forget_current_span();
    live_ = 0;
    live_granules_ = 0;
    free_ = 0;
}

// The oldest span is used first.
void span_heap::reset() noexcept {
    index_.clear();
    forget_blocks();
    idle_spans_ = 0;
    for (std::uint32_t id = end_id(); id-- != 0;) {
        const slab_table::entry& span = regions_->table().at(id);
        if (span.begin == nullptr) continue;
        const boundary_map map = map_of(span.record);
        map.clear();
        span.record->hint = layout_.granules;
        attach(map, id << shift_, layout_.granules);
    }
}

bool span_heap::is_span_valid(std::uint32_t id, totals& all) const noexcept {
    const slab_table::entry& span = regions_->table().at(id);
    const boundary_map map = map_of(span.record);
    if (!map.is_valid()) return false;
    bool was_free = false;
    for (std::uint32_t g = 0; g < layout_.granules;) {
        const std::uint32_t end = map.next(g);
        if (end - g < smallest_run && end - g != layout_.granules) return false;
        if (map.previous(end) != g) return false;
        if (end - g >= smallest_run && map.is_free_before(end) == map.is_live(g)) return false;
        if (map.is_live(g)) {
            ++all.live;
            all.granules += end - g;
            if (end > span.record->fresh) return false;
            was_free = false;
        } else {
            if (was_free || !is_listed(map, (id << shift_) + g, end - g)) return false;
            if (tracks_hints_ && end - g > span.record->hint) return false;
            if (end - g == layout_.granules) ++all.idle_spans;
            ++all.free;
            was_free = true;
        }
        g = end;
    }
    return true;
}

bool span_heap::is_listed(const boundary_map& map, std::uint32_t at, std::uint32_t granules) const noexcept {
    if (at == current_at_) return current_ == granules;
    for (std::uint32_t n = map.chain(granule_of(at)); n != 0; n = index_.at(n).chain) {
        if (index_.at(n).at != at) continue;
        std::uint32_t listed = index_.first(run_class_of(granules));
        while (listed != 0 && listed != n) listed = index_.at(listed).next;
        return listed == n;
    }
    return false;
}

bool span_heap::is_valid() const noexcept {
    if (regions_ == nullptr) return true;
    totals all;
    for (std::uint32_t id = 0; id < end_id(); ++id) {
        if (regions_->table().at(id).begin != nullptr && !is_span_valid(id, all)) return false;
    }
    std::size_t listed = 0;
    if (!index_.is_valid(listed)) return false;
    return all.live == live_ && all.granules == live_granules_ && all.free == free_ &&
           all.idle_spans == idle_spans_ && listed + (current_ != 0 ? 1 : 0) == free_ &&
           fewest_idle_ <= idle_spans_;
}

} // namespace cenote::inline v0_1::engine
