// cenote: SPDX-License-Identifier: MIT
//
// Which free block serves, when alignment or another fit than the good one makes it more than a look.
#include <cenote/base/arith.hpp>
#include <cenote/slab/span_heap.hpp>

namespace cenote::inline v0_1::engine {
namespace {

// Blocks of one class looked at, of which some fit, before good fit is content with a larger class.
constexpr std::size_t most_looks = 16;

} // namespace

std::uint32_t span_heap::size_of_hole(std::uint32_t at) const noexcept {
    if (at == current_at_) return current_;
    const std::uint32_t g = granule_of(at);
    return map_of(span_of(at).record).next(g) - g;
}

// The lead before an aligned block becomes a free block of its own, so it is nothing or not too small.
bool span_heap::fits(hole& candidate, const wish& wanted) const noexcept {
    candidate.lead = 0;
    if (wanted.alignment > 1) {
        const std::byte* const begin =
            span_of(candidate.at).begin + std::size_t{granule_of(candidate.at)} * granule_bytes;
        const std::size_t alignment = std::size_t{wanted.alignment} * granule_bytes;
        std::size_t lead = base::padding_to(begin, alignment) / granule_bytes;
        if (lead != 0 && lead < smallest_run) lead += wanted.alignment;
        if (lead > candidate.granules) return false;
        candidate.lead = static_cast<std::uint32_t>(lead);
    }
    return wanted.granules <= candidate.granules - candidate.lead;
}

span_heap::hole span_heap::search(const wish& wanted) const noexcept {
    if (wanted.how == fit::first) return search_first(wanted);
    if (wanted.how == fit::best || wanted.looks_everywhere) return search_best(wanted);
    return search_good(wanted);
}

// With room for any lead; then, among the blocks of classes that hold some that fit, a few.
span_heap::hole span_heap::search_good(const wish& wanted) const noexcept {
    const std::uint32_t slack = wanted.alignment > 1 ? wanted.alignment + 1 : 0;
    const std::uint32_t ample = wanted.granules > nowhere - slack ? nowhere : wanted.granules + slack;
    hole current{current_at_, current_, 0};
    const std::uint32_t found = index_.class_from(fitting_class_of(ample));
    const bool current_serves = current_ != 0 && fits(current, wanted);
    if (current_serves && run_class_of(current_) <= found) return current;
    if (found != run_classes) {
        hole listed{index_.at(index_.first(found)).at, 0, 0};
        listed.granules = size_of_hole(listed.at);
        if (fits(listed, wanted)) return listed;
    }
    std::size_t looks = 0;
    for (std::uint32_t c = run_class_of(wanted.granules); (c = index_.class_from(c)) < run_classes; ++c) {
        for (std::uint32_t n = index_.first(c); n != 0; n = index_.at(n).next) {
            hole listed{index_.at(n).at, 0, 0};
            listed.granules = size_of_hole(listed.at);
            if (fits(listed, wanted)) return listed;
            if (++looks == most_looks) return {};
        }
    }
    return {};
}

// Class by class, the smallest first; within the tolerance none is compared with the next.
span_heap::hole span_heap::search_best(const wish& wanted) const noexcept {
    const std::uint64_t content =
        wanted.granules + std::uint64_t{wanted.granules} * wanted.tolerance_percent / 100;
    hole best{};
    hole current{current_at_, current_, 0};
    const bool current_serves = current_ != 0 && fits(current, wanted);
    if (current_serves) {
        best = current;
        if (best.granules <= content) return best;
    }
    for (std::uint32_t c = run_class_of(wanted.granules); (c = index_.class_from(c)) < run_classes; ++c) {
        if (best.granules != 0 && run_class_of(best.granules) < c) break;
        for (std::uint32_t n = index_.first(c); n != 0; n = index_.at(n).next) {
            hole listed{index_.at(n).at, 0, 0};
            listed.granules = size_of_hole(listed.at);
            if (!fits(listed, wanted)) continue;
            if (best.granules == 0 || listed.granules < best.granules) best = listed;
            if (best.granules <= content) return best;
            if (c < exact_sizes) break;
        }
    }
    return best;
}

// A span's `hint` is never below its largest free block: spans without room are passed by.
span_heap::hole span_heap::search_first(const wish& wanted) const noexcept {
    const slab_table& table = regions_->table();
    for (std::uint32_t id = 0; id < table.end_id(); ++id) {
        const slab_table::entry& span = table.at(id);
        if (span.begin == nullptr || (tracks_hints_ && span.record->hint < wanted.granules)) continue;
        const boundary_map map = map_of(span.record);
        std::uint32_t largest = 0;
        for (std::uint32_t g = map.next_free(0); g < layout_.granules;) {
            const std::uint32_t end = map.next(g);
            hole candidate{(id << shift_) + g, end - g, 0};
            if (fits(candidate, wanted)) return candidate;
            if (end - g > largest) largest = end - g;
            g = map.next_free(end);
        }
        span.record->hint = largest;
    }
    return {};
}

// What needs no number more: a block that is handed out as it is.
span_heap::hole span_heap::search_whole(const wish& wanted) const noexcept {
    const auto is_whole = [&](hole& candidate) {
        return fits(candidate, wanted) && candidate.lead == 0 &&
               candidate.granules - wanted.granules < smallest_run;
    };
    if (hole current{current_at_, current_, 0}; current_ != 0 && is_whole(current)) return current;
    const std::uint32_t last = run_class_of(wanted.granules + smallest_run - 1);
    for (std::uint32_t c = run_class_of(wanted.granules); (c = index_.class_from(c)) <= last; ++c) {
        std::size_t looks = 0;
        for (std::uint32_t n = index_.first(c); n != 0 && looks < most_looks;
             n = index_.at(n).next, ++looks) {
            hole listed{index_.at(n).at, 0, 0};
            listed.granules = size_of_hole(listed.at);
            if (is_whole(listed)) return listed;
        }
    }
    return {};
}

bool span_heap::can_carve(const hole& from, std::uint32_t granules) const noexcept {
    const std::uint32_t rest = from.granules - from.lead - granules;
    return has_numbers((from.lead != 0 ? std::size_t{1} : 0) + (rest >= smallest_run ? 1 : 0));
}

void* span_heap::take(const wish& wanted) noexcept {
    if (regions_ == nullptr) return nullptr;
    hole found = search(wanted);
    if (found.granules != 0 && !can_carve(found, wanted.granules)) found = search_whole(wanted);
    return found.granules != 0 && can_carve(found, wanted.granules) ? carve(found, wanted.granules) : nullptr;
}

void* span_heap::carve(const hole& from, std::uint32_t granules) noexcept {
    const slab_table::entry& span = span_of(from.at);
    const boundary_map map = map_of(span.record);
    const bool was_current = from.at == current_at_;
    detach(map, from.at, from.granules);
    const std::uint32_t g = granule_of(from.at) + from.lead;
    std::uint32_t rest = from.granules - from.lead - granules;
    if (rest < smallest_run) rest = 0;
    const std::uint32_t size = from.granules - from.lead - rest;
    if (from.lead != 0) {
        attach(map, from.at, from.lead);
        map.set_start(g);
    }
    if (rest != 0) {
        map.set_start(g + size);
        if (was_current) {
            set_current(span.record, from.at + from.lead + size, rest);
            ++free_;
        } else {
            attach(map, from.at + from.lead + size, rest);
        }
    }
    map.set_live(g, g + size);
    if (g + size > span.record->fresh) span.record->fresh = g + size;
    live_granules_ += size;
    ++live_;
    return span.begin + g * granule_bytes;
}

// Not above `most`; of the first so many of the class.
std::uint32_t span_heap::largest_of_class(std::uint32_t c, std::uint32_t most,
                                          std::size_t looks) const noexcept {
    std::uint32_t largest = 0;
    if (c == 0) return largest;
    for (std::uint32_t n = index_.first(c); n != 0 && looks != 0; n = index_.at(n).next, --looks) {
        const std::uint32_t size = size_of_hole(index_.at(n).at);
        if (size > largest && size <= most) largest = size;
    }
    return largest;
}

std::uint32_t span_heap::largest_free() const noexcept {
    const std::uint32_t listed = largest_of_class(index_.highest_class(), nowhere, no_bound);
    return listed > current_ ? listed : current_;
}

// Good fit looks at a few of a class. Without a number for the rest, a block is handed out whole or not at
// all.
std::uint32_t span_heap::largest_served(const wish& like, std::uint32_t most) const noexcept {
    const bool looks_at_few = like.how == fit::good && !like.looks_everywhere;
    const std::uint32_t listed =
        largest_of_class(index_.highest_class(), nowhere, looks_at_few ? most_looks : no_bound);
    const std::uint32_t largest = listed > current_ ? listed : current_;
    if (largest <= most) return largest;
    if (has_numbers(1)) return most;
    const std::uint32_t limit = most + smallest_run - 1;
    std::uint32_t whole = current_ <= limit ? current_ : 0;
    for (std::uint32_t c = run_class_of(limit); c != 0 && (whole == 0 || run_class_of(whole) <= c); --c) {
        const std::uint32_t here = largest_of_class(c, limit, most_looks);
        if (here > whole) whole = here;
    }
    return whole < most ? whole : most;
}

void* span_heap::next_live(std::uint32_t& id, std::uint32_t& granule, std::uint32_t end_id,
                           std::uint32_t& granules) const noexcept {
    for (; id < end_id && id < regions_->table().end_id(); ++id, granule = 0) {
        const slab_table::entry& span = regions_->table().at(id);
        if (span.begin == nullptr) continue;
        const boundary_map map = map_of(span.record);
        const std::uint32_t g = map.next_live(granule);
        if (g >= layout_.granules) continue;
        granule = map.next(g);
        granules = granule - g;
        return span.begin + g * granule_bytes;
    }
    return nullptr;
}

} // namespace cenote::inline v0_1::engine
