// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sanitizer.hpp>
#include <cenote/pool/variable_pool.hpp>

#include "slab/span_heap_hot.hpp"

#include <cstring>

namespace cenote::inline v0_1 {

variable_pool::~variable_pool() {
    const std::size_t leaked = heap_.live() + large_.live();
    if (leaked != 0) base::report_leak({options_.name, leaked, stats().live_bytes}, options_.checks);
    if (options_.erase_on_free) wipe_live();
    if (watched_) regions_.permit_blocks();
    large_.release_all();
    heap_.release_all();
    regions_.end();
}

// Allocation.

// What is done for the seldom case takes registers that the frequent one need not save.

void* variable_pool::allocate(std::size_t size, std::size_t alignment) {
    if (size - 1 >= quick_largest_ || !is_plain(alignment)) [[unlikely]]
        return allocate_slow(size, alignment);
    const std::uint32_t granules = engine::granules_for(size);
    void* const block = heap_.has_exact(granules) ? heap_.take_exact(granules) : heap_.take_current(granules);
    if (block == nullptr) return allocate_listed(size);
    return heap_.live() <= quick_peak_ ? block : noted(block);
}

void* variable_pool::allocate_listed(std::size_t size) {
    void* const block = heap_.take_listed(engine::granules_for(size));
    if (block == nullptr) [[unlikely]]
        return allocate_slow(size, default_alignment);
    return heap_.live() <= quick_peak_ ? block : noted(block);
}

void* variable_pool::noted(void* block) noexcept {
    note_peak();
    return block;
}

void* variable_pool::try_allocate(std::size_t size, std::size_t alignment) noexcept {
    if (size - 1 >= quick_largest_ || !is_plain(alignment)) [[unlikely]]
        return try_allocate_slow(size, alignment);
    void* const block = heap_.take(engine::granules_for(size));
    if (block == nullptr) [[unlikely]]
        return try_allocate_slow(size, alignment);
    return heap_.live() <= quick_peak_ ? block : noted(block);
}

void* variable_pool::try_allocate_slow(std::size_t size, std::size_t alignment) noexcept {
    void* const block = take(size, alignment);
    if (block == nullptr) ++calls_.failures;
    return block;
}

void* variable_pool::allocate_slow(std::size_t size, std::size_t alignment) {
    if (!base::is_power_of_two(alignment)) {
        base::raise_bad_options(options_.name, "the alignment of a request is not a power of two");
    }
    return insist(size, [&] { return take(size, alignment); });
}

void* variable_pool::take(std::size_t size, std::size_t alignment) noexcept {
    if (!base::is_power_of_two(alignment) || (!is_open_ && !open())) return nullptr;
    const bool is_large = size > largest_ || alignment > largest_ / 2;
    void* const block = is_large ? take_large(size, alignment) : take_block(size, alignment);
    if (block == nullptr) return nullptr;
    note_peak();
    if (is_exact_) hand_out(block, size);
    ++calls_.allocations;
    return block;
}

void* variable_pool::take_block(std::size_t size, std::size_t alignment) noexcept {
    engine::span_heap::wish wanted{.granules = engine::granules_for(size),
                                   .how = options_.fit,
                                   .tolerance_percent = options_.tolerance_percent};
    if (alignment > default_alignment) {
        wanted.alignment = static_cast<std::uint32_t>(alignment / default_alignment);
    }
    if (void* const block = heap_.take(wanted)) return block;
    if (!may_grow()) {
        wanted.looks_everywhere = true;
        if (void* const block = heap_.take(wanted)) return block;
    }
    if (heap_.spans() != 0 && !heap_.has_numbers(2) && heap_.ensure_numbers(0)) {
        if (void* const block = heap_.take(wanted)) return block;
    }
    if (grow()) {
        if (void* const block = heap_.take(wanted)) return block;
    }
    // Before a request is refused, every free block is looked at, and what large blocks left is given up.
    wanted.looks_everywhere = true;
    if (void* const block = heap_.take(wanted)) return block;
    return large_.release_kept() != 0 && grow() ? heap_.take(wanted) : nullptr;
}

void* variable_pool::take_large(std::size_t size, std::size_t alignment) noexcept {
    if (size == 0) size = 1;
    void* block = large_.allocate(size, alignment);
    if (block == nullptr && walks_ == 0 && trim() != 0) block = large_.allocate(size, alignment);
    return block;
}

// What every call must look at, with some options: all bytes of the block are the caller's from now on.
void variable_pool::hand_out(void* block, std::size_t size) noexcept {
    const std::size_t usable = size_of(block);
    if (options_.checks) check_untouched(block, 0, usable);
    if (size == 0) size = 1;
    if (watched_) base::permit(block, size);
    if (options_.zero_on_allocate) std::memset(block, 0, watched_ ? size : usable);
}

shortage variable_pool::shortage_of(std::size_t size) const noexcept {
    const pool_stats now = stats();
    return {.pool = options_.name,
            .requested = size,
            .live = now.live_bytes,
            .reserved = now.reserved_bytes,
            .limit = options_.maximum_bytes,
            .available = limit_.available()};
}

void* variable_pool::allocate_zeroed(std::size_t size, std::size_t alignment) {
    void* const block = allocate(size, alignment);
    return std::memset(block, 0, size);
}

allocation variable_pool::allocate_at_least(std::size_t size, std::size_t alignment) {
    if (size <= base::size_max / 2) size = base::rounded_up(size, default_alignment);
    void* const block = allocate(size, alignment);
    return {block, watched_ ? size : size_of(block)};
}

// After a batch that failed half way: what it reserved goes back.
void variable_pool::give_back_after(std::size_t spans) noexcept {
    if (!is_open_ || walks_ != 0) return;
    (void)large_.release_kept();
    if (heap_.spans() > spans) give_back(heap_.spans() - spans);
}

bool variable_pool::take_n(std::size_t size, void** blocks, std::size_t count) noexcept {
    const std::size_t spans = heap_.spans();
    const std::size_t peak = peak_;
    const call_counts calls = calls_;
    for (std::size_t taken = 0; taken < count; ++taken) {
        blocks[taken] = try_allocate(size);
        if (blocks[taken] != nullptr) continue;
        deallocate_n(blocks, taken);
        give_back_after(spans);
        peak_ = peak;
        quick_peak_ = peak_ - large_.live();
        calls_ = calls;
        return false;
    }
    return true;
}

bool variable_pool::try_allocate_n(std::size_t size, void** blocks, std::size_t count) noexcept {
    if (take_n(size, blocks, count)) return true;
    ++calls_.failures;
    return false;
}

void variable_pool::allocate_n(std::size_t size, void** blocks, std::size_t count) {
    std::size_t bytes = unlimited;
    (void)base::multiply(size, count, bytes);
    (void)insist(bytes, [&] { return take_n(size, blocks, count); });
}

// Freeing.

void variable_pool::deallocate(void* block) noexcept {
    if (is_exact_) [[unlikely]]
        return deallocate_exactly(block);
    heap_.is_here(block) ? deallocate_here(block) : deallocate_elsewhere(block);
}

// Pairs, batches, and pools of one region.
void variable_pool::deallocate_here(void* block) noexcept {
    engine::span_heap::freed run;
    if (!heap_.withdraw_here(block, run)) [[unlikely]]
        return deallocate_stray(block);
    freed_ += run.granules;
    heap_.put(run);
    if (freed_ >= settle_at_) [[unlikely]]
        settle();
}

// Of many regions most blocks are freed here, and most of them have no free neighbour.
void variable_pool::deallocate_elsewhere(void* block) noexcept {
    engine::span_heap::freed run;
    if (!heap_.withdraw_elsewhere(block, run)) [[unlikely]]
        return deallocate_stray(block);
    freed_ += run.granules;
    heap_.put(run);
    if (freed_ >= settle_at_) [[unlikely]]
        settle();
}

void variable_pool::deallocate_exactly(void* block) noexcept {
    engine::span_heap::place at;
    if (!heap_.find(block, at) || !heap_.is_live(at)) return deallocate_stray(block);
    const std::size_t bytes = heap_.granules_at(at) * engine::granule_bytes;
    mark_free(block, bytes);
    freed_ += heap_.give(block);
    ++calls_.deallocations;
    if (freed_ >= settle_at_) settle();
}

// Whether a live block was allocated with this size: it has at most a granule more, unless it once could not
// shrink.
bool variable_pool::is_size_of(const void* block, std::size_t has, std::size_t size) const noexcept {
    if (size == 0) size = 1;
    if (large_.find(block) != nullptr) return size == has || (keeps_more_ && size < has);
    if (size > has) return false;
    const std::size_t asked = engine::granules_for(size) * engine::granule_bytes;
    return has - asked < engine::smallest_run * engine::granule_bytes || keeps_more_;
}

void variable_pool::deallocate(void* block, std::size_t size, std::size_t alignment) noexcept {
    const std::size_t has = size_of(block);
    if (has != 0 && (!is_size_of(block, has, size) || base::padding_to(block, alignment) != 0)) {
        return regions_.report({misuse::wrong_size, options_.name, block, 0});
    }
    deallocate(block);
}

// No live block of the spans: a large one, or misuse.
void variable_pool::deallocate_stray(void* block) noexcept {
    if (block == nullptr) return;
    const engine::large_blocks::record* const found = large_.find(block);
    if (found == nullptr) return report_stray(block);
    if (options_.erase_on_free) std::memset(block, 0, found->requested);
    large_.deallocate(*found);
    note_peak();
    ++calls_.deallocations;
}

void variable_pool::report_stray(const void* pointer) const noexcept {
    misuse kind = large_.diagnose(pointer);
    engine::span_heap::place at;
    if (heap_.find(pointer, at)) {
        kind = heap_.diagnose(at);
    } else if (kind == misuse::foreign_pointer &&
               heap_.find(reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(pointer) - 1), at)) {
        kind = misuse::past_the_end;
    }
    regions_.report({kind, options_.name, pointer, 0});
}

void variable_pool::deallocate_n(void* const* blocks, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) deallocate(blocks[i]);
}

void variable_pool::deallocate_erased(void* block) noexcept {
    if (const std::size_t bytes = size_of(block); bytes != 0) {
        std::memset(block, 0, watched_ ? base::permitted(block, bytes) : bytes);
    }
    deallocate(block);
}

// Memory on its way from the caller to the free blocks.
void variable_pool::mark_free(void* block, std::size_t bytes) noexcept {
    if (options_.erase_on_free || options_.checks) {
        if (watched_) base::permit(block, bytes);
        std::memset(block, free_pattern(), bytes);
    }
    if (watched_) base::forbid(block, bytes);
}

// The first byte that is not what was written there at the free. A watcher has seen the write itself.
void variable_pool::check_untouched(const void* block, std::size_t from, std::size_t to) const noexcept {
    if (watched_ || large_.find(block) != nullptr) return;
    const auto* const bytes = static_cast<const unsigned char*>(block);
    for (std::size_t i = from; i < to; ++i) {
        if (bytes[i] == free_pattern()) continue;
        return regions_.report({misuse::use_after_free, options_.name, bytes + i, 0});
    }
}

void variable_pool::wipe_live() noexcept {
    cursor at{.span_end = heap_.end_id(), .large_end = large_.end_id()};
    std::size_t size = 0;
    while (void* const block = next_live(at, size)) {
        if (watched_) base::permit(block, size);
        std::memset(block, 0, size);
    }
}

// Questions.

bool variable_pool::owns(const void* pointer) const noexcept {
    engine::span_heap::place at;
    if (heap_.find(pointer, at)) return heap_.is_start(at);
    return large_.owns(pointer);
}

bool variable_pool::is_live(const void* pointer) const noexcept {
    engine::span_heap::place at;
    if (heap_.find(pointer, at)) return heap_.is_live(at);
    return large_.find(pointer) != nullptr;
}

std::size_t variable_pool::size_of(const void* block) const noexcept {
    engine::span_heap::place at;
    if (heap_.find(block, at)) {
        return heap_.is_live(at) ? heap_.granules_at(at) * engine::granule_bytes : 0;
    }
    const engine::large_blocks::record* const found = large_.find(block);
    return found != nullptr ? found->requested : 0;
}

void* variable_pool::next_live(cursor& at, std::size_t& size) const noexcept {
    std::uint32_t granules = 0;
    if (void* const block = heap_.next_live(at.id, at.granule, at.span_end, granules)) {
        size = granules * engine::granule_bytes;
        return block;
    }
    void* block = nullptr;
    const engine::large_blocks::record* const found = large_.next_live(at.large, block);
    if (found == nullptr || at.large > at.large_end) return nullptr;
    size = found->requested;
    return block;
}

std::size_t variable_pool::largest_free() const noexcept {
    if (!is_open_) return 0;
    const engine::span_heap::wish like{.how = options_.fit, .looks_everywhere = !may_grow()};
    const auto most = static_cast<std::uint32_t>(largest_ / engine::granule_bytes);
    const std::size_t kept = large_.largest_kept(default_alignment);
    return kept > largest_ ? kept : heap_.largest_served(like, most) * engine::granule_bytes;
}

double variable_pool::fragmentation() const noexcept {
    const std::size_t all = heap_.spans() * heap_.granules() - heap_.live_granules();
    return all == 0 ? 0 : 1 - static_cast<double>(heap_.largest_free()) / static_cast<double>(all);
}

pool_stats variable_pool::stats() const noexcept {
    pool_stats result;
    result.live = heap_.live() + large_.live();
    result.idle = heap_.idle() + large_.kept();
    result.blocks = result.live + result.idle;
    result.peak_live = peak_;
    result.live_bytes = heap_.live_granules() * engine::granule_bytes + large_.live_bytes();
    result.reserved_bytes = regions_.reserved_bytes() + heap_.number_bytes() + large_.reserved_bytes();
    if (options_.stats) result.calls = calls_;
    return result;
}

bool variable_pool::is_valid() const noexcept {
    return heap_.is_valid() && regions_.is_valid() && large_.is_valid() &&
           stats().reserved_bytes == limit_.used() && peak_ >= heap_.live() + large_.live();
}

} // namespace cenote::inline v0_1
