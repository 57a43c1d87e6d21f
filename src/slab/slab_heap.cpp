// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sanitizer.hpp>
#include <cenote/slab/slab_heap.hpp>

#include <initializer_list>
#include <utility>

namespace cenote::inline v0_1::engine {

std::size_t slab_heap::take(void** end, std::size_t want) noexcept {
    std::size_t taken = 0;
    while (taken < want) {
        std::uint32_t id = partial_;
        if (id == no_slab) {
            id = take_kept();
            // A magazine need not be full: one slab's blocks are enough.
            if (id == no_slab && taken == 0) id = set_up_slab();
            if (id == no_slab) break;
            habits_.lowest_first ? keep(id) : link(id);
        }
        const slab_table::entry& entry = regions_->table().at(id);
        if (habits_.lowest_first && entry.record->idle_count == entry.record->blocks) note_less_kept();
        if (begin_at_ != 0) [[unlikely]]
            taken += take_begin(entry, end, want);
        taken += entry.record->take(entry.begin, layout_.stride, end - taken, want - taken);
        if (entry.record->idle_count == 0) unlink(id);
    }
    idle_ -= taken;
    out_ += taken;
    return taken;
}

std::size_t slab_heap::take_begin(const slab_table::entry& entry, void** end, std::size_t want) noexcept {
    slab& record = *entry.record;
    const std::uint32_t index = std::exchange(begin_at_, 0);
    if (want != 1 || index >= record.blocks || !record.is_idle(index)) return 0;
    record.take_at(index);
    end[-1] = entry.begin + index * layout_.stride;
    return 1;
}

// Not the first block of a slab where that is counted, nor one that was told of: `take` does what is done
// then.
void* slab_heap::take_one() noexcept {
    std::uint32_t id = partial_;
    if (id == no_slab && (id = take_kept()) != no_slab) link(id);
    if (id != no_slab) [[likely]] {
        const slab_table::entry& entry = regions_->table().at(id);
        slab& record = *entry.record;
        const bool is_told = begin_at_ != 0 || (habits_.lowest_first && record.idle_count == record.blocks);
        if (!is_told) [[likely]] {
            void* const block = take_from(entry, record);
            if (record.idle_count == 0) [[unlikely]]
                unlink(id);
            return block;
        }
    }
    void* block = nullptr;
    return take(&block + 1, 1) != 0 ? block : nullptr;
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
    give_bits({run.id, run.word * slab::word_bits, run.record}, run.mask, run.count);
    gave(run.count);
}

void slab_heap::keep_apart(std::uint32_t id) noexcept {
    unlink(id);
    keep(id);
}

void slab_heap::keep_lone() noexcept {
    if (has_lone()) keep_apart(partial_);
}

// Where the lowest address goes first, idle slabs stand among the others.
void slab_heap::keep(std::uint32_t id) noexcept {
    ++kept_count_;
    if (habits_.lowest_first) return link(id);
    regions_->record(id).next = kept_;
    kept_ = id;
}

std::uint32_t slab_heap::take_kept() noexcept {
    const std::uint32_t id = kept_;
    if (id == no_slab) return no_slab;
    kept_ = regions_->record(id).next;
    note_less_kept();
    return id;
}

void slab_heap::give_slab(std::uint32_t id) noexcept {
    const slab_table::entry& entry = regions_->table().at(id);
    if (habits_.watched) base::permit(entry.begin, entry.record->blocks * layout_.stride);
    blocks_ -= entry.record->blocks;
    idle_ -= entry.record->blocks;
    if (id == near_.block.id) near_ = {};
    regions_->give(id);
}

void slab_heap::give_idle_slabs(std::size_t most) noexcept {
    if (habits_.lowest_first) return give_highest_slabs(most);
    keep_lone();
    for (; most != 0 && kept_ != no_slab; --most) give_slab(take_kept());
}

void slab_heap::give_highest_slabs(std::size_t most) noexcept {
    if (most == 0 || kept_count_ == 0) return;
    std::uint32_t highest = no_slab; // all, by falling address, through `next`
    while (partial_ != no_slab) {
        const std::uint32_t lowest = partial_;
        unlink(lowest);
        regions_->record(lowest).next = highest;
        highest = lowest;
    }
    while (highest != no_slab) {
        const std::uint32_t id = highest;
        const slab& record = regions_->record(id);
        highest = record.next;
        if (most == 0 || record.idle_count != record.blocks) {
            link(id);
            continue;
        }
        --most;
        note_less_kept();
        give_slab(id);
    }
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
    near_ = {};
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
    if (habits_.lowest_first) {
        record.next = no_slab;
        partial_ = merged(partial_, id);
        return;
    }
    if (partial_ != no_slab) {
        slab& first = regions_->record(partial_);
        if (first.idle_count == first.blocks) { // and alone
            keep_apart(partial_);
        } else {
            first.previous = id;
        }
    }
    record.next = partial_;
    partial_ = id;
}

// Where the lowest address goes first, only the lowest slab leaves.
void slab_heap::unlink(std::uint32_t id) noexcept {
    slab& record = regions_->record(id);
    if (habits_.lowest_first) {
        partial_ = merged(record.next, record.previous);
    } else {
        (record.previous != no_slab ? regions_->record(record.previous).next : partial_) = record.next;
        if (record.next != no_slab) regions_->record(record.next).previous = record.previous;
    }
    record.next = no_slab;
    record.previous = no_slab;
}

// Of two heaps, one: the way along the right children is merged, and children change sides on it, which is
// what keeps ways short.
std::uint32_t slab_heap::merged(std::uint32_t one, std::uint32_t other) noexcept {
    const slab_table& table = regions_->table();
    std::uint32_t root = no_slab;
    std::uint32_t* link = &root;
    while (one != no_slab && other != no_slab) {
        if (table.at(other).begin < table.at(one).begin) std::swap(one, other);
        slab& lower = *table.at(one).record;
        *link = one;
        link = &lower.next;
        one = lower.previous;
        lower.previous = lower.next;
    }
    *link = one != no_slab ? one : other;
    return root;
}

// Children of a slab with an idle block have one too, and stand higher.
bool slab_heap::has_sound_links(std::uint32_t id, std::size_t& links) const noexcept {
    const slab_table& table = regions_->table();
    for (const std::uint32_t child : {regions_->record(id).next, regions_->record(id).previous}) {
        if (child == no_slab) continue;
        ++links;
        if (regions_->record(child).idle_count == 0 || table.at(child).begin <= table.at(id).begin)
            return false;
    }
    return true;
}

bool slab_heap::is_valid() const noexcept {
    std::size_t blocks = 0;
    std::size_t idle = 0;
    std::size_t out = 0;
    std::size_t whole = 0;
    std::size_t links = partial_ != no_slab ? 1 : 0;
    for (std::uint32_t id = 0; id < regions_->table().end_id(); ++id) {
        const slab_table::entry& entry = regions_->table().at(id);
        if (entry.begin == nullptr || entry.record->owner != habits_.owner) continue;
        if (!entry.record->is_valid()) return false;
        blocks += entry.record->blocks;
        idle += entry.record->idle_count;
        for (std::size_t w = 0; w < entry.record->words(); ++w) {
            out += static_cast<std::size_t>(std::popcount(entry.record->out()[w]));
        }
        whole += entry.record->idle_count == entry.record->blocks ? 1 : 0;
        if (!habits_.lowest_first || entry.record->idle_count == 0) continue;
        if (!has_sound_links(id, links)) return false;
        --links; // its own
    }
    if (blocks != blocks_ || idle != idle_ || out != out_ || whole != kept_count_ + (has_lone() ? 1 : 0)) {
        return false;
    }
    if (habits_.lowest_first) return links == 0;
    std::size_t listed = 0;
    std::size_t kept = 0;
    for (std::uint32_t id = kept_; id != no_slab; id = regions_->record(id).next, ++kept) {
        listed += regions_->record(id).idle_count;
    }
    for (std::uint32_t id = partial_; id != no_slab; id = regions_->record(id).next) {
        listed += regions_->record(id).idle_count;
    }
    return listed == idle_ && kept == kept_count_;
}

} // namespace cenote::inline v0_1::engine
