// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>
#include <cenote/base/sanitizer.hpp>
#include <cenote/buffer/buddy_heap.hpp>

#include <cstring>
#include <new>

namespace cenote::inline v0_1::engine {

void buddy_heap::configure(const buddy_shape& shape, source& from, bool watched) noexcept {
    shape_ = shape;
    from_ = &from;
    watched_ = watched;
}

source::request buddy_heap::request_for_region() const noexcept {
    const std::size_t bytes = shape_.region_bytes() + shape_.record_bytes();
    return {base::rounded_up(bytes, from_ == nullptr ? 1 : from_->granularity()), alignment,
            source::any_node};
}

std::size_t buddy_heap::bytes_for(const buddy_shape& shape, std::size_t regions,
                                  std::size_t granularity) noexcept {
    std::size_t bytes = regions * base::rounded_up(shape.region_bytes() + shape.record_bytes(), granularity);
    for (std::size_t entries = first_entries;; entries *= 2) {
        bytes += base::rounded_up(sizeof(table_header) + entries * sizeof(std::byte*), granularity);
        if (entries > regions) return bytes;
    }
}

// The lists: a region stands in that of its largest free block, a full one in none.

void buddy_heap::list(buddy_region& region) noexcept {
    if (region.is_full()) return;
    const unsigned order = region.largest_order();
    region.listed = order;
    region.previous = nullptr;
    region.next = listed_[order];
    if (region.next != nullptr) region.next->previous = &region;
    listed_[order] = &region;
    has_listed_ |= std::uint32_t{1} << order;
}

void buddy_heap::unlist(buddy_region& region) noexcept {
    const unsigned order = region.listed;
    if (order == most_orders) return;
    if (region.previous != nullptr) {
        region.previous->next = region.next;
    } else {
        listed_[order] = region.next;
        if (region.next == nullptr) has_listed_ &= ~(std::uint32_t{1} << order);
    }
    if (region.next != nullptr) region.next->previous = region.previous;
    region.listed = most_orders;
}

void buddy_heap::relist(buddy_region& region) noexcept {
    if (region.listed == (region.is_full() ? most_orders : region.largest_order())) return;
    unlist(region);
    list(region);
}

// In whole units, because it is of these that a region knows whether they hold memory: the system's pages may
// be smaller. Sources may write to what they commit: a sanitizer has to let them.
bool buddy_heap::commit(place where, std::size_t skipped, std::size_t bytes) noexcept {
    const std::size_t unit = std::size_t{1} << shape_.unit_bits;
    std::byte* const data = at(where) + skipped;
    const std::size_t before = (where + skipped) & (unit - 1);
    const std::size_t whole = base::rounded_up(before + bytes, unit);
    if (watched_) {
        base::permit(data, bytes);
        base::permit_kept(data - before, before);
        base::permit_kept(data + bytes, whole - before - bytes);
    }
    return from_->commit(data - before, whole);
}

place buddy_heap::take(unsigned order, bool& was_clean) noexcept {
    if (!can_take(order)) return no_place;
    buddy_region& region = *listed_[order + static_cast<unsigned>(std::countr_zero(has_listed_ >> order))];
    const std::uint32_t granule = region.take(shape_, order, counts_, was_clean);
    const place found = region.number << shape_.region_bits | place{granule} << shape_.granule_bits;
    const std::size_t bytes = std::size_t{1} << (order + shape_.granule_bits);
    if (was_clean && !commit(found, 0, bytes)) {
        region.give(shape_, granule, order, counts_);
        region.forget(shape_, granule, order);
        return no_place;
    }
    relist(region);
    free_bytes_ -= bytes;
    return found;
}

void buddy_heap::give(place at, unsigned order) noexcept {
    buddy_region& region = *region_at(at >> shape_.region_bits);
    region.give(shape_, granule_of(at), order, counts_);
    relist(region);
    is_more_ = true; // also when a step has been at this region before
    free_bytes_ += std::size_t{1} << (order + shape_.granule_bits);
}

bool buddy_heap::extend(place where, unsigned order, unsigned wanted) noexcept {
    buddy_region& region = *region_at(where >> shape_.region_bits);
    const std::uint32_t granule = granule_of(where);
    const std::size_t before = std::size_t{1} << (order + shape_.granule_bits);
    const std::size_t more = (std::size_t{1} << (wanted + shape_.granule_bits)) - before;
    if (!region.can_extend(shape_, granule, order, wanted)) return false;
    if (!commit(where, before, more)) return false;
    region.extend(shape_, granule, order, wanted, counts_);
    relist(region);
    free_bytes_ -= more;
    return true;
}

// Growing.

// Threads read the table without a lock: a larger one takes its place, and the old one stays until the end.
bool buddy_heap::make_room() noexcept {
    while (lowest_free_ < entries_ && table_[lowest_free_] != nullptr) ++lowest_free_;
    if (lowest_free_ < entries_) return true;
    const std::size_t wanted = entries_ == 0 ? first_entries : entries_ * 2;
    const std::size_t bytes =
        base::rounded_up(sizeof(table_header) + wanted * sizeof(std::byte*), from_->granularity());
    void* const data = from_->reserve({bytes, alignof(table_header), source::any_node});
    if (data == nullptr) return false;
    if (!from_->commit(data, bytes)) {
        from_->release(data, {bytes, alignof(table_header), source::any_node});
        return false;
    }
    tables_ = ::new (data) table_header{tables_, bytes};
    auto** const table = reinterpret_cast<std::byte**>(tables_ + 1);
    const std::size_t entries = (bytes - sizeof(table_header)) / sizeof(std::byte*);
    if (entries_ != 0) std::memcpy(table, table_, entries_ * sizeof(std::byte*));
    std::memset(table + entries_, 0, (entries - entries_) * sizeof(std::byte*));
    table_bytes_ += bytes;
    sync::store_release(table_, table);
    if (entries_ == 0) lowest_free_ = 1;
    entries_ = entries;
    return true;
}

bool buddy_heap::grow() noexcept {
    if (!make_room()) return false;
    const source::request wanted = request_for_region();
    auto* const data = static_cast<std::byte*>(from_->reserve(wanted));
    if (data == nullptr) return false;
    // Blocks are committed when they are taken.
    if (!from_->commit(data + shape_.region_bytes(), wanted.bytes - shape_.region_bytes())) {
        from_->release(data, wanted);
        return false;
    }
    table_[lowest_free_] = data;
    auto* const region = ::new (data + shape_.region_bytes()) buddy_region(shape_);
    region->number = lowest_free_;
    list(*region);
    ++count_;
    free_bytes_ += shape_.region_bytes();
    if (watched_) base::forbid(data, shape_.region_bytes());
    return true;
}

// Giving back.

void buddy_heap::release(buddy_region& idle) noexcept {
    unlist(idle);
    std::byte* const data = table_[idle.number];
    table_[idle.number] = nullptr;
    if (idle.number < lowest_free_) lowest_free_ = idle.number;
    --count_;
    free_bytes_ -= shape_.region_bytes();
    if (watched_) base::permit(data, shape_.region_bytes());
    from_->release(data, request_for_region());
}

namespace {

enum class fate : unsigned char { stays, lazily, for_good };

/// What becomes of pages that have been idle for so long.
fate fate_of(unsigned age, unsigned older, const idle_limits& limits, bool all) noexcept {
    if (age == buddy_region::is_clean) return fate::stays;
    if (older > limits.final) return fate::for_good;
    return (all || age <= limits.lazy) && older > limits.lazy ? fate::lazily : fate::stays;
}

} // namespace

// What was freed since the last step may have been freed just now.
unsigned buddy_heap::aged(unsigned age, unsigned steps) noexcept {
    if (age == buddy_region::is_clean) return age;
    if (steps == all_steps) return buddy_region::oldest;
    if (age == buddy_region::is_fresh) return age + 1;
    return age + steps < buddy_region::oldest ? age + steps : buddy_region::oldest;
}

void buddy_heap::give_back(std::byte* data, std::size_t bytes, bool is_final, returned& sum) noexcept {
    ++sum.calls;
    sum.handled += bytes;
    if (watched_) base::permit(data, bytes);
    if (is_final) {
        sum.bytes += from_->decommit(data, bytes);
    } else {
        from_->purge(data, bytes);
        sum.lazy_bytes += bytes;
    }
    if (watched_) base::forbid(data, bytes);
}

// Those of free pages that hold memory.
std::size_t buddy_heap::idle_bytes() const noexcept {
    std::size_t units = 0;
    for (std::size_t number = 1; number < entries_; ++number) {
        buddy_region* const region = region_at(number);
        if (region == nullptr) continue;
        const std::uint8_t* const ages = region->ages(shape_);
        region->for_each_free(shape_, [&](std::size_t first, std::size_t end) {
            for (std::size_t unit = first; unit < end; ++unit) units += ages[unit] != buddy_region::is_clean;
        });
    }
    return units << shape_.unit_bits;
}

// Runs of pages of one fate go in one call.
void buddy_heap::age_region(buddy_region& region, returned& sum) noexcept {
    std::uint8_t* const ages = region.ages(shape_);
    std::byte* const data = table_[region.number];
    region.for_each_free(shape_, [&](std::size_t first, std::size_t end) {
        for (std::size_t unit = first; unit < end;) {
            const std::size_t begin = unit;
            const fate what = fate_of(ages[unit], aged(ages[unit], steps_), limits_, may_.all);
            const bool goes = what == fate::for_good ? may_.for_good : what == fate::lazily && may_.lazily;
            for (; unit < end; ++unit) {
                const unsigned older = aged(ages[unit], steps_);
                if (fate_of(ages[unit], older, limits_, may_.all) != what) break;
                ages[unit] = goes && what == fate::for_good ? buddy_region::is_clean
                                                            : static_cast<std::uint8_t>(older);
                is_more_ = is_more_ || ages[unit] != buddy_region::is_clean;
            }
            has_refused_ = has_refused_ || (what == fate::lazily && !goes);
            if (!goes) continue;
            give_back(data + (begin << shape_.unit_bits), (unit - begin) << shape_.unit_bits,
                      what == fate::for_good, sum);
        }
    });
}

bool buddy_heap::is_over(buddy_region& region, unsigned steps, unsigned final) noexcept {
    if (!region.is_idle(shape_) || count_ <= least_regions_) return false;
    const std::uint8_t* const ages = region.ages(shape_);
    for (std::size_t unit = 0; unit < shape_.units(); ++unit) {
        const unsigned older = aged(ages[unit], steps);
        if (older != buddy_region::is_clean && older <= final) return false;
    }
    return true;
}

void buddy_heap::begin_step(unsigned steps, const idle_limits& limits) noexcept {
    const std::size_t held = used_bytes() + idle_bytes();
    const bool lazily = held > limits.lazy_need;
    may_ = {lazily, held > limits.final_need, lazily && has_refused_};
    if (lazily) has_refused_ = false;
    steps_ = steps;
    limits_ = limits;
    next_ = 1;
    is_more_ = false;
    is_in_step_ = true;
}

returned buddy_heap::go_on(std::size_t bytes) noexcept {
    returned sum;
    for (; next_ < entries_; ++next_) {
        buddy_region* const region = region_at(next_);
        if (region == nullptr) continue;
        if (sum.handled >= bytes) return sum;
        if (is_over(*region, steps_, may_.for_good ? limits_.final : buddy_region::oldest)) {
            ++sum.calls;
            sum.bytes += request_for_region().bytes;
            sum.handled += request_for_region().bytes;
            release(*region);
        } else {
            age_region(*region, sum);
        }
    }
    is_in_step_ = false;
    sum.is_more_to_come = is_more_;
    return sum;
}

returned buddy_heap::age(unsigned steps, const idle_limits& limits) noexcept {
    begin_step(steps, limits);
    return go_on(unlimited);
}

returned buddy_heap::trim() noexcept {
    return age(all_steps, {});
}

void buddy_heap::release_all() noexcept {
    for (std::size_t number = 1; number < entries_; ++number) {
        if (buddy_region* const region = region_at(number)) release(*region);
    }
    while (tables_ != nullptr) {
        table_header* const gone = tables_;
        tables_ = gone->older;
        from_->release(gone, {gone->bytes, alignof(table_header), source::any_node});
    }
    table_ = nullptr;
    entries_ = table_bytes_ = 0;
}

// Questions.

std::size_t buddy_heap::free_blocks(unsigned order) const noexcept {
    std::size_t blocks = 0;
    for (std::size_t number = 1; number < entries_; ++number) {
        if (const buddy_region* const region = region_at(number)) blocks += region->free_blocks(order);
    }
    return blocks;
}

bool buddy_heap::is_valid() const noexcept {
    std::size_t bytes = 0;
    std::size_t regions = 0;
    for (std::size_t number = 1; number < entries_; ++number) {
        const buddy_region* const region = region_at(number);
        if (region == nullptr) continue;
        ++regions;
        bytes += region->free_bytes(shape_);
        const unsigned place_of = region->is_full() ? most_orders : region->largest_order();
        if (region->number != number || region->listed != place_of || !region->is_valid(shape_)) return false;
    }
    return regions == count_ && bytes == free_bytes_;
}

} // namespace cenote::inline v0_1::engine
