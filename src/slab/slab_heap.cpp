// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sanitizer.hpp>
#include <cenote/slab/slab_heap.hpp>

namespace cenote::engine {

std::size_t slab_heap::take(void** end, std::size_t want) noexcept {
    std::size_t taken = 0;
    while (taken < want) {
        std::uint32_t id = partial_;
        if (id == no_slab) {
            id = take_kept();
            // A magazine need not be full: one slab's blocks are enough.
            if (id == no_slab && taken == 0) id = set_up_slab();
            if (id == no_slab) break;
            link(id);
        }
        const slab_table::entry& entry = regions_->table().at(id);
        taken += entry.record->take(entry.begin, layout_.stride, end - taken, want - taken);
        if (entry.record->idle_count == 0) unlink(id);
    }
    idle_ -= taken;
    out_ += taken;
    return taken;
}

std::uint32_t slab_heap::set_up_slab() noexcept {
    std::size_t bytes = 0;
    const std::uint32_t id = regions_->take(habits_.owner, bytes);
    if (id == no_slab) return no_slab;
    const slab_table::entry& entry = regions_->table().at(id);
    entry.record->blocks = static_cast<std::uint32_t>(bytes < layout_.slab_bytes() ? bytes / layout_.stride
                                                                                   : layout_.blocks_per_slab);
    entry.record->make_all_idle();
    blocks_ += entry.record->blocks;
    idle_ += entry.record->blocks;
    if (habits_.watched) base::forbid(entry.begin, entry.record->blocks * layout_.stride);
    return id;
}

void slab_heap::set_up(std::size_t slabs) noexcept {
    for (; slabs != 0; --slabs) {
        const std::uint32_t id = set_up_slab();
        if (id == no_slab) return;
        keep(id);
    }
}

void slab_heap::give(const word_run& run) noexcept {
    slab& record = *run.record;
    if (record.idle_count == 0) link(run.id);
    record.give(run.word, run.mask, run.count);
    idle_ += run.count;
    if (record.idle_count == record.blocks) {
        unlink(run.id);
        keep(run.id);
    }
}

void slab_heap::keep(std::uint32_t id) noexcept {
    regions_->record(id).next = kept_;
    kept_ = id;
    ++kept_count_;
}

std::uint32_t slab_heap::take_kept() noexcept {
    const std::uint32_t id = kept_;
    if (id == no_slab) return no_slab;
    kept_ = regions_->record(id).next;
    if (--kept_count_ < fewest_kept_) fewest_kept_ = kept_count_;
    return id;
}

void slab_heap::give_slab(std::uint32_t id) noexcept {
    const slab_table::entry& entry = regions_->table().at(id);
    if (habits_.watched) base::permit(entry.begin, entry.record->blocks * layout_.stride);
    blocks_ -= entry.record->blocks;
    idle_ -= entry.record->blocks;
    regions_->give(id);
}

void slab_heap::give_idle_slabs(std::size_t most) noexcept {
    for (; most != 0 && kept_ != no_slab; --most) give_slab(take_kept());
}

misuse slab_heap::diagnose(const void* pointer) const noexcept {
    position at;
    if (find(pointer, at))
        return at.index >= at.record->fresh ? misuse::never_allocated : misuse::double_free;
    const slab_table& table = regions_->table();
    const auto is_within = [&](const void* address) {
        const std::uint32_t id = table.find(address);
        if (id == no_slab) return false;
        const slab_table::entry& entry = table.at(id);
        const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(address) - entry.begin);
        return entry.record->owner == habits_.owner && offset < entry.record->blocks * layout_.stride;
    };
    if (is_within(pointer)) return misuse::interior_pointer;
    if (const std::uint32_t id = table.find(pointer);
        id != no_slab && regions_->record(id).owner != habits_.owner) {
        return misuse::wrong_size;
    }
    const auto before = reinterpret_cast<std::uintptr_t>(pointer) - 1;
    return is_within(reinterpret_cast<const void*>(before)) ? misuse::past_the_end : misuse::foreign_pointer;
}

void slab_heap::reset() noexcept {
    partial_ = no_slab;
    kept_ = no_slab;
    kept_count_ = 0;
    for (std::uint32_t id = 0; id < regions_->table().end_id(); ++id) {
        const slab_table::entry& entry = regions_->table().at(id);
        if (entry.begin == nullptr || entry.record->owner != habits_.owner) continue;
        entry.record->make_all_idle();
        keep(id);
        if (habits_.watched) base::forbid(entry.begin, entry.record->blocks * layout_.stride);
    }
    idle_ = blocks_;
    out_ = 0;
}

void slab_heap::forget_slabs() noexcept {
    partial_ = no_slab;
    kept_ = no_slab;
    kept_count_ = 0;
    fewest_kept_ = 0;
    blocks_ = 0;
    idle_ = 0;
    out_ = 0;
}

void slab_heap::link(std::uint32_t id) noexcept {
    slab& record = regions_->record(id);
    record.previous = no_slab;
    record.next = partial_;
    if (partial_ != no_slab) regions_->record(partial_).previous = id;
    partial_ = id;
}

void slab_heap::unlink(std::uint32_t id) noexcept {
    slab& record = regions_->record(id);
    if (record.previous != no_slab) {
        regions_->record(record.previous).next = record.next;
    } else {
        partial_ = record.next;
    }
    if (record.next != no_slab) regions_->record(record.next).previous = record.previous;
    record.next = no_slab;
    record.previous = no_slab;
}

bool slab_heap::is_valid() const noexcept {
    std::size_t blocks = 0;
    std::size_t idle = 0;
    std::size_t out = 0;
    for (std::uint32_t id = 0; id < regions_->table().end_id(); ++id) {
        const slab_table::entry& entry = regions_->table().at(id);
        if (entry.begin == nullptr || entry.record->owner != habits_.owner) continue;
        if (!entry.record->is_valid()) return false;
        blocks += entry.record->blocks;
        idle += entry.record->idle_count;
        for (std::size_t w = 0; w < entry.record->words(); ++w) {
            out += static_cast<std::size_t>(std::popcount(entry.record->out()[w]));
        }
    }
    std::size_t listed = 0;
    std::size_t kept = 0;
    for (std::uint32_t id = kept_; id != no_slab; id = regions_->record(id).next, ++kept) {
        listed += regions_->record(id).idle_count;
    }
    for (std::uint32_t id = partial_; id != no_slab; id = regions_->record(id).next) {
        listed += regions_->record(id).idle_count;
    }
    return blocks == blocks_ && idle == idle_ && out == out_ && listed == idle_ && kept == kept_count_;
}

} // namespace cenote::engine
