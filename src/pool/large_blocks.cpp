// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>
#include <cenote/base/sanitizer.hpp>
#include <cenote/pool/large_blocks.hpp>
#include <cenote/pool/size_classes.hpp>

#include <new>

namespace cenote::inline v0_1::engine {
namespace {

constexpr std::size_t overhead = sizeof(large_blocks::record) + alignof(large_blocks::record);

constexpr int most_kept_looked_at =
    16; // at kept regions of one size whose alignment is not that of the request

// Sizes are rounded to eight steps a doubling, so that a freed region fits the next request of about its
// size. Pages that nobody touches cost nothing.
bool request_for(std::size_t size, std::size_t alignment, std::size_t granularity, source::request& wanted) {
    std::size_t bytes = 0;
    if (!base::add(size, overhead, bytes)) return false;
    if (bytes > base::size_max / 2) return false;
    bytes = class_size(class_of(bytes));
    if (!base::round_up(bytes, granularity, bytes)) return false;
    const std::size_t least = alignof(large_blocks::record);
    wanted = {bytes, alignment < least ? least : alignment, source::any_node};
    return true;
}

// The most for which that is no more than `bytes`.
std::size_t most_within(std::size_t bytes) {
    const std::uint32_t size_class = class_of(bytes);
    return class_size(class_size(size_class) <= bytes ? size_class : size_class - 1) - overhead;
}

} // namespace

void* large_blocks::allocate(std::size_t size, std::size_t alignment) noexcept {
    source::request wanted;
    if (!request_for(size, alignment, from_->granularity(), wanted)) return nullptr;
    record* block = find_kept(wanted);
    if (block != nullptr) {
        unkeep(*block);
    } else {
        block = reserve(wanted);
    }
    if (block == nullptr) return nullptr;
    block->is_live = true;
    block->requested = size;
    ++live_;
    live_bytes_ += size;
    std::byte* const begin = table_.at(block->id).begin;
    if (watched_) base::permit(begin, size);
    return begin;
}

large_blocks::record* large_blocks::reserve(const source::request& wanted) noexcept {
    auto* const data = static_cast<std::byte*>(from_->reserve(wanted));
    if (data == nullptr) return nullptr;
    if (!from_->commit(data, wanted.bytes) || !memory_.ensure(table_, live_ + kept_count_ + 1, *from_)) {
        from_->release(data, wanted);
        return nullptr;
    }
    const std::size_t room = (wanted.bytes - sizeof(record)) / alignof(record) * alignof(record);
    auto* const made = ::new (data + room) record;
    made->reserved = wanted;
    made->id = table_.insert({data, room, &made->tag, nullptr});
    reserved_ += wanted.bytes;
    if (watched_) base::forbid(data, room);
    return made;
}

// Reserved sizes are a class's or a few pages more. What is larger than all bins is in the last.
std::size_t large_blocks::bin_of(std::size_t bytes) noexcept {
    const std::size_t size_class = class_of(bytes);
    return size_class < bins ? size_class : bins - 1;
}

// The smallest that fits, the one freed last among equals: a larger one may be what the next request wants.
large_blocks::record* large_blocks::find_kept(const source::request& wanted) const noexcept {
    const std::size_t most = wanted.bytes + wanted.bytes / 8;
    int looks = 0;
    for (std::size_t bin = bin_of(wanted.bytes); bin <= bin_of(most); ++bin) {
        for (record* kept = kept_[bin]; kept != nullptr && looks < most_kept_looked_at;
             kept = kept->next, ++looks) {
            if (kept->reserved.bytes < wanted.bytes || kept->reserved.bytes > most) continue;
            if (base::padding_to(table_.at(kept->id).begin, wanted.alignment) == 0) return kept;
        }
    }
    return nullptr;
}

std::size_t large_blocks::largest_kept(std::size_t alignment) const noexcept {
    std::size_t largest = 0;
    for (std::size_t bin = bins; bin-- != 0 && largest == 0 && kept_count_ != 0;) {
        int looks = 0;
        for (record* kept = kept_[bin]; kept != nullptr && looks < most_kept_looked_at;
             kept = kept->next, ++looks) {
            source::request wanted;
            const std::size_t size = most_within(kept->reserved.bytes);
            if (size > largest && request_for(size, alignment, from_->granularity(), wanted) &&
                find_kept(wanted) != nullptr) {
                largest = size;
            }
        }
    }
    return largest;
}

void large_blocks::keep(record& freed) noexcept {
    record*& first = kept_[bin_of(freed.reserved.bytes)];
    freed.previous = nullptr;
    freed.next = first;
    if (first != nullptr) first->previous = &freed;
    first = &freed;
    freed.newer = nullptr;
    freed.older = newest_;
    (newest_ != nullptr ? newest_->newer : oldest_) = &freed;
    newest_ = &freed;
    ++kept_count_;
    kept_bytes_ += freed.reserved.bytes;
}

void large_blocks::unkeep(record& kept) noexcept {
    (kept.previous != nullptr ? kept.previous->next : kept_[bin_of(kept.reserved.bytes)]) = kept.next;
    if (kept.next != nullptr) kept.next->previous = kept.previous;
    (kept.newer != nullptr ? kept.newer->older : newest_) = kept.older;
    (kept.older != nullptr ? kept.older->newer : oldest_) = kept.newer;
    --kept_count_;
    kept_bytes_ -= kept.reserved.bytes;
}

const large_blocks::record* large_blocks::find(const void* pointer) const noexcept {
    const std::uint32_t id = table_.find_of_any_size(pointer);
    if (id == no_slab || table_.at(id).begin != pointer) return nullptr;
    const record* const found = record_of(id);
    return found->is_live ? found : nullptr;
}

bool large_blocks::owns(const void* pointer) const noexcept {
    const std::uint32_t id = table_.find_of_any_size(pointer);
    return id != no_slab && table_.at(id).begin == pointer;
}

// The end of a block may be that of its region.
misuse large_blocks::diagnose(const void* pointer) const noexcept {
    const std::byte* const address = static_cast<const std::byte*>(pointer);
    const std::uint32_t id = table_.find_of_any_size(address);
    if (id != no_slab && table_.at(id).begin == address) return misuse::double_free;
    // A number: what stands before any address is no pointer of C++.
    const auto last = reinterpret_cast<std::uintptr_t>(pointer) - 1;
    const std::uint32_t before = table_.find_of_any_size(reinterpret_cast<const void*>(last));
    if (before == no_slab) return misuse::foreign_pointer;
    const auto offset = static_cast<std::size_t>(address - table_.at(before).begin);
    if (offset < record_of(before)->requested) return misuse::interior_pointer;
    return offset == record_of(before)->requested ? misuse::past_the_end : misuse::foreign_pointer;
}

void large_blocks::deallocate(const record& live) noexcept {
    record& gone = *record_of(live.id);
    gone.is_live = false;
    --live_;
    live_bytes_ -= gone.requested;
    if (!keep_all_ && gone.reserved.bytes > most_kept_bytes / 4) return release(gone);
    if (watched_) base::forbid(table_.at(gone.id).begin, gone.requested);
    keep(gone);
    if (keep_all_) return;
    while (kept_count_ > most_kept || kept_bytes_ > most_kept_bytes) {
        record& longest = *oldest_;
        unkeep(longest);
        release(longest);
    }
}

bool large_blocks::resize(const record& live, std::size_t size) noexcept {
    record& block = *record_of(live.id);
    const slab_table::entry& region = table_.at(live.id);
    if (size > region.bytes || size < region.bytes / 2) return false;
    if (watched_ && size > block.requested)
        base::permit(region.begin + block.requested, size - block.requested);
    if (watched_ && size < block.requested) base::forbid(region.begin + size, block.requested - size);
    live_bytes_ += size;
    live_bytes_ -= block.requested;
    block.requested = size;
    return true;
}

void large_blocks::release(record& gone) noexcept {
    std::byte* const begin = table_.at(gone.id).begin;
    const source::request reserved = gone.reserved;
    if (watched_) base::permit(begin, table_.at(gone.id).bytes); // not the record behind them
    table_.remove(gone.id);
    reserved_ -= reserved.bytes;
    from_->release(begin, reserved);
}

const large_blocks::record* large_blocks::next_live(std::uint32_t& id, void*& block) const noexcept {
    for (; id < table_.end_id(); ++id) {
        if (table_.at(id).begin == nullptr || !record_of(id)->is_live) continue;
        block = table_.at(id).begin;
        return record_of(id++);
    }
    return nullptr;
}

std::size_t large_blocks::release_kept(std::size_t except) noexcept {
    const std::size_t before = reserved_bytes();
    while (kept_count_ > except) {
        record& gone = *newest_;
        unkeep(gone);
        release(gone);
    }
    if (live_ + kept_count_ == 0) {
        table_.clear();
        memory_.release(*from_);
    }
    return before - reserved_bytes();
}

void large_blocks::reset() noexcept {
    std::uint32_t id = 0;
    void* block = nullptr;
    while (const record* const live = next_live(id, block)) deallocate(*live);
}

void large_blocks::release_all() noexcept {
    if (from_ == nullptr) return;
    reset();
    (void)release_kept();
}

bool large_blocks::is_valid() const noexcept {
    std::size_t live = 0;
    std::size_t live_bytes = 0;
    std::size_t reserved = 0;
    for (std::uint32_t id = 0; id < table_.end_id(); ++id) {
        if (table_.at(id).begin == nullptr) continue;
        const record& found = *record_of(id);
        if (found.id != id) return false;
        reserved += found.reserved.bytes;
        if (found.is_live) {
            ++live;
            live_bytes += found.requested;
        }
    }
    std::size_t kept = 0;
    for (const record* one = oldest_; one != nullptr; one = one->newer) ++kept;
    for (const record* first : kept_) {
        for (; first != nullptr; first = first->next) --kept;
    }
    if (kept != 0) return false;
    for (const record* one = newest_; one != nullptr; one = one->older) ++kept;
    return live == live_ && live_bytes == live_bytes_ && reserved == reserved_ && kept == kept_count_ &&
           table_.is_valid();
}

} // namespace cenote::inline v0_1::engine
