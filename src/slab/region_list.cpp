// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>
#include <cenote/base/sanitizer.hpp>
#include <cenote/slab/region_list.hpp>

#include <new>

namespace cenote::inline v0_1::engine {
namespace {

constexpr std::size_t cache_line = 64;

// A lone slab's metadata is packed tight, so that small buffers hold one block more.
constexpr std::size_t metadata_alignment(std::size_t slabs) noexcept {
    return slabs == 1 ? alignof(slab::word) : cache_line;
}

// The most of `units` and more, fewer than `too_many`, that fit; `units` do.
template<typename Fits>
std::size_t most_that(std::size_t units, std::size_t too_many, Fits fits) noexcept {
    while (too_many - units > 1) {
        const std::size_t middle = units + (too_many - units) / 2;
        (fits(middle) ? units : too_many) = middle;
    }
    return units;
}

} // namespace

void region_list::configure(const region_plan& plan) noexcept {
    plan_ = plan;
    plan_.record_bytes = base::rounded_up(plan.record_bytes, alignof(slab::word));
    plan_.home_bytes = base::rounded_up(plan.home_bytes, alignof(slab::word));
    const bool aligned = base::is_power_of_two(plan.slab_bytes) && plan.alignment % plan.slab_bytes == 0;
    if (!table_.is_shared()) table_.configure(plan.slab_bytes, aligned, plan.shared);
}

std::size_t region_list::slabs_for(std::size_t block_bytes) const noexcept {
    if (block_bytes - 1 < plan_.slab_bytes) return 1; // of most pools' first regions, without a division
    return block_bytes / plan_.slab_bytes + (block_bytes % plan_.slab_bytes != 0 ? 1 : 0);
}

// The parts of a region, in the order in which they stand behind the blocks.
region_list::parts region_list::parts_for(std::size_t block_bytes, bool is_first) const noexcept {
    parts sizes;
    sizes.slabs = slabs_for(block_bytes);
    const std::size_t unit = metadata_alignment(sizes.slabs);
    sizes.blocks = base::rounded_up(block_bytes, unit);
    sizes.header = is_first ? 0 : base::rounded_up(sizeof(region_header), unit);
    sizes.records = sizes.slabs * base::rounded_up(plan_.record_bytes, unit);
    sizes.home = is_first ? plan_.home_bytes : 0;
    const bool holds_table = is_first && !plan_.shared && sizes.slabs > table_.capacity();
    sizes.table = holds_table ? table_.bytes_for(sizes.slabs) : 0;
    if (plan_.magazine_bytes != 0) {
        std::size_t magazines = block_bytes / magazine_share / plan_.magazine_bytes;
        if (is_first && magazines < plan_.first_magazines) { // but blocks take most of a region
            const std::size_t fitting = block_bytes / 2 / plan_.magazine_bytes;
            magazines = fitting < plan_.first_magazines ? fitting : plan_.first_magazines;
        }
        // The first and the last of a queue of all blocks may be short: one more.
        if (const std::size_t each = plan_.bytes_per_magazine; each != 0) {
            magazines = block_bytes / each + (block_bytes % each != 0 ? 1 : 0) + (is_first ? 1 : 0);
        }
        sizes.room = magazines * plan_.magazine_bytes;
    }
    return sizes;
}

bool region_list::bytes_for(std::size_t block_bytes, bool is_first, std::size_t& bytes) const noexcept {
    // All metadata of a slab is smaller than this, so that half of the size's range is enough for the check.
    const std::size_t per_slab =
        plan_.record_bytes + cache_line + table_.bytes_for(2) + sizeof(region_header);
    std::size_t metadata = 0;
    if (block_bytes > base::size_max / 8 || plan_.home_bytes > base::size_max / 8) return false;
    if (!base::multiply(slabs_for(block_bytes), per_slab, metadata) || metadata > base::size_max / 8)
        return false;
    return base::round_up(parts_for(block_bytes, is_first).total(), plan_.from->granularity(), bytes);
}

bool region_list::bytes_to_grow(std::size_t block_bytes, std::size_t& bytes) const noexcept {
    const bool is_first = first_ == nullptr;
    std::size_t region = 0;
    std::size_t table = 0;
    if (!bytes_for(block_bytes, is_first, region)) return false;
    const std::size_t slabs = slabs_ + slabs_for(block_bytes);
    if ((!is_first || plan_.shared) && !table_memory::bytes_for(table_, slabs, *plan_.from, table))
        return false;
    return base::add(region, table, bytes);
}

std::size_t region_list::fitting(std::size_t most, std::size_t unit_bytes, std::size_t bytes) const noexcept {
    const std::size_t bound = bytes / unit_bytes;
    return most_that(0, (most < bound ? most : bound) + 1, [&](std::size_t units) {
        std::size_t needed = 0;
        return bytes_to_grow(units * unit_bytes, needed) && needed <= bytes;
    });
}

std::size_t region_list::filling(std::size_t units, std::size_t unit_bytes) const noexcept {
    const std::size_t best = plan_.from->best_granularity();
    const bool is_first = first_ == nullptr;
    std::size_t bytes = 0;
    if (best <= plan_.from->granularity() || !base::multiply(units, unit_bytes, bytes) ||
        !bytes_for(bytes, is_first, bytes) || !base::round_up(bytes, best, bytes)) {
        return units;
    }
    return most_that(units, bytes / unit_bytes + 1, [&](std::size_t more) {
        std::size_t needed = 0;
        return bytes_for(more * unit_bytes, is_first, needed) && needed <= bytes;
    });
}

source::request region_list::request_for(std::size_t bytes, std::size_t slabs) const noexcept {
    const std::size_t metadata = metadata_alignment(slabs);
    return {bytes, plan_.alignment > metadata ? plan_.alignment : metadata, source::any_node};
}

bool region_list::grow(std::size_t block_bytes) noexcept {
    const bool is_first = first_ == nullptr;
    std::size_t bytes = 0;
    if (!bytes_for(block_bytes, is_first, bytes)) return false;
    const parts sizes = parts_for(block_bytes, is_first);
    if (sizes.slabs > plan_.most_slabs - slabs_) return false;
    const source::request wanted = request_for(bytes, sizes.slabs);
    auto* const data = static_cast<std::byte*>(plan_.from->reserve(wanted));
    if (data == nullptr) return false;
    std::byte* const metadata = data + sizes.blocks;
    if (!plan_.from->commit(metadata, sizes.total() - sizes.blocks) ||
        ((!is_first || plan_.shared) && !table_memory_.ensure(table_, slabs_ + sizes.slabs, *plan_.from))) {
        plan_.from->release(data, wanted);
        return false;
    }
    region_header& region = is_first ? home_region_ : *::new (metadata) region_header;
    region.data = data;
    region.bytes = bytes;
    region.slabs = static_cast<std::uint32_t>(sizes.slabs);
    region.last_bytes = block_bytes - (sizes.slabs - 1) * plan_.slab_bytes;
    region.records = metadata + sizes.header;
    region.room = region.records + sizes.records + sizes.home + sizes.table;
    region.room_bytes = sizes.room;
    if (is_first) home_ = region.records + sizes.records;
    if (sizes.table != 0) table_.move_to(home_ + sizes.home, sizes.slabs);
    link(region);
    open(region);
    reserved_ += bytes;
    block_bytes_ += block_bytes;
    slabs_ += sizes.slabs;
    return true;
}

std::size_t region_list::slab_length(const region_header& region, std::uint32_t place) const noexcept {
    return place + 1 == region.slabs ? region.last_bytes : plan_.slab_bytes;
}

slab& region_list::record_at(const region_header& region, std::uint32_t place) const noexcept {
    const std::size_t pitch = base::rounded_up(plan_.record_bytes, metadata_alignment(region.slabs));
    return *reinterpret_cast<slab*>(region.records + place * pitch);
}

std::uint32_t region_list::take(std::uint32_t owner, std::size_t& bytes) noexcept {
    region_header* const region = open_;
    if (region == nullptr) return no_slab;
    const bool recycled = region->given != no_slab;
    const std::uint32_t place = recycled ? region->given : region->untouched;
    std::byte* const begin = region->data + place * plan_.slab_bytes;
    bytes = slab_length(*region, place);
    if (!plan_.from->commit(begin, bytes)) return no_slab;
    slab& record = record_at(*region, place);
    if (recycled) {
        region->given = record.next;
    } else {
        ++region->untouched;
    }
    ::new (&record) slab{.place = place, .owner = owner};
    if (++region->used == region->slabs) close(*region);
    if (++used_ > peak_used_) peak_used_ = used_;
    return table_.insert({begin, bytes, &record, region});
}

void region_list::give(std::uint32_t id) noexcept {
    const slab_table::entry entry = table_.at(id);
    region_header& region = *entry.home;
    table_.remove(id);
    if (region.used-- == region.slabs) open(region);
    entry.record->next = region.given;
    entry.record->idle_count = 1; // its pages may hold memory
    region.given = entry.record->place;
    --used_;
}

region_header* region_list::youngest_idle() const noexcept {
    for (region_header* region = last_; region != nullptr; region = region->previous) {
        if (region->used == 0 && (region != first_ || first_ == last_)) return region;
    }
    return nullptr;
}

void region_list::release(region_header* idle) noexcept {
    const region_header gone = *idle;
    close(*idle);
    (gone.previous != nullptr ? gone.previous->next : first_) = gone.next;
    (gone.next != nullptr ? gone.next->previous : last_) = gone.previous;
    reserved_ -= gone.bytes;
    block_bytes_ -= (gone.slabs - 1) * plan_.slab_bytes + gone.last_bytes;
    slabs_ -= gone.slabs;
    if (idle == &home_region_) { // the last one: back to the state before the first
        if (!plan_.shared) {
            table_.clear();
            table_memory_.release(*plan_.from);
        }
        home_region_ = {};
        home_ = nullptr;
    }
    plan_.from->release(gone.data, request_for(gone.bytes, gone.slabs));
}

void region_list::release_all() noexcept {
    if (plan_.shared) {
        for (std::uint32_t id = 0; id < table_.end_id(); ++id) {
            if (table_.at(id).begin != nullptr) table_.remove(id);
        }
    }
    while (last_ != nullptr) release(last_);
    used_ = 0;
}

// In the order of `release_all`, but nothing is put back to the state before the first region.
void region_list::end() noexcept {
    if (plan_.from == nullptr) return;
    while (last_ != nullptr) {
        const region_header gone = *last_;
        last_ = gone.previous;
        if (last_ == nullptr && !plan_.shared) table_memory_.release(*plan_.from);
        plan_.from->release(gone.data, request_for(gone.bytes, gone.slabs));
    }
    table_memory_.release(*plan_.from);
}

std::size_t region_list::decommit_idle(std::size_t most) noexcept {
    std::size_t bytes = 0;
    for (region_header* region = last_; region != nullptr; region = region->previous) {
        for (std::uint32_t place = region->given; place != no_slab; place = record_at(*region, place).next) {
            if (most == 0) return bytes;
            slab& record = record_at(*region, place);
            if (record.idle_count == 0) continue;
            record.idle_count = 0;
            bytes +=
                plan_.from->decommit(region->data + place * plan_.slab_bytes, slab_length(*region, place));
            --most;
        }
    }
    return bytes;
}

// Of the metadata it is the magazines that nobody has touched yet.
void region_list::populate() noexcept {
    for (region_header* region = first_; region != nullptr; region = region->next) {
        const std::byte* const end = region->room + region->room_bytes;
        plan_.from->populate(region->records, static_cast<std::size_t>(end - region->records));
    }
    for (std::uint32_t id = 0; id < table_.end_id(); ++id) {
        const slab_table::entry& entry = table_.at(id);
        if (entry.begin != nullptr) plan_.from->populate(entry.begin, entry.bytes);
    }
}

// Not the metadata behind the blocks: what memcheck permits it takes for undefined.
void region_list::permit_blocks() const noexcept {
    for (const region_header* region = first_; region != nullptr; region = region->next) {
        base::permit(region->data, (region->slabs - 1) * plan_.slab_bytes + region->last_bytes);
    }
}

void region_list::link(region_header& region) noexcept {
    region.previous = last_;
    (last_ != nullptr ? last_->next : first_) = &region;
    last_ = &region;
}

void region_list::open(region_header& region) noexcept {
    region.previous_open = nullptr;
    region.next_open = open_;
    if (open_ != nullptr) open_->previous_open = &region;
    open_ = &region;
}

void region_list::close(region_header& region) noexcept {
    if (region.previous_open == nullptr && open_ != &region) return; // not open
    (region.previous_open != nullptr ? region.previous_open->next_open : open_) = region.next_open;
    if (region.next_open != nullptr) region.next_open->previous_open = region.previous_open;
    region.next_open = nullptr;
    region.previous_open = nullptr;
}

bool region_list::is_valid() const noexcept {
    std::size_t slabs = 0;
    std::size_t used = 0;
    std::size_t bytes = 0;
    for (const region_header* region = first_; region != nullptr; region = region->next) {
        if (region->used > region->untouched || region->untouched > region->slabs) return false;
        slabs += region->slabs;
        used += region->used;
        bytes += region->bytes;
    }
    return slabs == slabs_ && used == used_ && bytes == reserved_ && table_.is_valid();
}

} // namespace cenote::inline v0_1::engine
