// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sanitizer.hpp>
#include <cenote/pool/multi_pool.hpp>
#include <cenote/pool/retention.hpp>

#include <cstring>

namespace cenote::inline v0_1 {

multi_pool::~multi_pool() {
    std::size_t leaked = large_.live();
    std::size_t bytes = large_.live_bytes();
    for (std::uint32_t c = 0; is_open_ && c < classes(); ++c) {
        engine::block_store& store = stores_[c];
        store.suspend(); // a double free in a magazine would hide a leak
        leaked += store.heap().out();
        bytes += store.heap().out() * engine::class_size(c);
    }
    if (leaked != 0) base::report_leak({options_.name, leaked, bytes}, options_.checks);
    if (options_.erase_on_free) wipe_live();
    if (watched_) regions_.permit_blocks();
    large_.release_all();
    regions_.end();
}

// Allocation.

void multi_pool::note_live(std::uint32_t size_class) noexcept {
    const std::size_t now = stores_[size_class].live();
    live_ += now - noted_[size_class];
    noted_[size_class] = now;
    if (live_ > peak_) peak_ = live_;
}

void* multi_pool::take_block(std::uint32_t size_class) noexcept {
    engine::block_store& store = stores_[size_class];
    note_live(size_class);
    void* block = store.refill();
    const std::size_t slabs = regions_.slabs();
    if (block != nullptr || slabs != regions_.used())
        return block; // the source would not back a place that is left
    if (grow()) block = store.refill();
    if (block == nullptr) shrink_to(slabs);
    return block;
}

void* multi_pool::take(std::size_t size, std::size_t alignment) noexcept {
    if (!base::is_power_of_two(alignment) || (!is_open_ && !open())) return nullptr;
    void* block = nullptr;
    if (size > largest_ || alignment > largest_) {
        block = large_.allocate(size, alignment);
        if (block == nullptr && trim_for_large()) block = large_.allocate(size, alignment);
        if (block != nullptr && ++live_ > peak_) peak_ = live_;
    } else {
        const std::uint32_t size_class = class_for(size, alignment);
        block = take_block(size_class);
        if (block != nullptr && is_exact()) {
            note_live(size_class);
            if (watched_) base::permit(block, size != 0 ? size : 1);
        }
    }
    if (block == nullptr) return nullptr;
    if (options_.zero_on_allocate) std::memset(block, 0, size);
    ++calls_.allocations;
    return block;
}

void* multi_pool::try_allocate_slow(std::size_t size, std::size_t alignment) noexcept {
    void* const block = take(size, alignment);
    if (block == nullptr) ++calls_.failures;
    return block;
}

void* multi_pool::allocate_slow(std::size_t size, std::size_t alignment) {
    if (!base::is_power_of_two(alignment)) {
        base::raise_bad_options(options_.name, "the alignment of a request is not a power of two");
    }
    return insist(size, [&] { return take(size, alignment); });
}

shortage multi_pool::shortage_of(std::size_t size) const noexcept {
    const pool_stats now = stats();
    return {.pool = options_.name,
            .requested = size,
            .live = now.live_bytes,
            .reserved = now.reserved_bytes,
            .limit = options_.maximum_bytes,
            .available = limit_.available()};
}

void* multi_pool::allocate_zeroed(std::size_t size, std::size_t alignment) {
    void* const block = allocate(size, alignment);
    return std::memset(block, 0, size);
}

allocation multi_pool::allocate_at_least(std::size_t size, std::size_t alignment) {
    const bool rounds = size <= largest_ && alignment <= largest_ && base::is_power_of_two(alignment);
    if (rounds) size = engine::class_size(class_for(size, alignment));
    return {allocate(size, alignment), size};
}

bool multi_pool::take_n(std::size_t size, void** blocks, std::size_t count) noexcept {
    std::size_t taken = 0;
    const std::size_t slabs = regions_.slabs();
    const std::size_t kept = large_.kept();
    const std::size_t peak = peak_;
    const call_counts calls = calls_;
    if (size <= largest_ && is_open_ && !is_exact()) {
        const std::uint32_t size_class = engine::class_of(size);
        note_live(size_class);
        taken = stores_[size_class].take_many(blocks, count);
    }
    for (; taken < count; ++taken) {
        blocks[taken] = try_allocate(size);
        if (blocks[taken] == nullptr) {
            deallocate_n(blocks, taken);
            shrink_to(slabs);
            (void)large_.release_kept(kept);
            peak_ = peak;
            calls_ = calls;
            return false;
        }
    }
    return true;
}

bool multi_pool::try_allocate_n(std::size_t size, void** blocks, std::size_t count) noexcept {
    if (take_n(size, blocks, count)) return true;
    ++calls_.failures;
    return false;
}

void multi_pool::allocate_n(std::size_t size, void** blocks, std::size_t count) {
    std::size_t bytes = unlimited;
    (void)base::multiply(size, count, bytes);
    (void)insist(bytes, [&] { return take_n(size, blocks, count); });
}

// Freeing.

void multi_pool::take_back_exactly(std::uint32_t size_class, void* block) noexcept {
    engine::block_store& store = stores_[size_class];
    if (!is_open_) return report_stray(block);
    engine::slab_heap& heap = store.heap();
    engine::position at;
    if (!heap.find(block, at) || !heap.withdraw(engine::word_run(at))) {
        const misuse kind = large_.find(block) != nullptr ? misuse::wrong_size : heap.diagnose(block);
        return store.depot().report(kind, block);
    }
    const std::size_t bytes = engine::class_size(size_class);
    store.note_flushed(1);
    if (options_.erase_on_free) wipe(block, bytes);
    if (watched_) base::forbid(block, bytes);
    heap.give(engine::word_run(at));
    heap.give_surplus_slabs(); // last: the block's own may go
    ++calls_.deallocations;
}

void multi_pool::deallocate_slow(void* block, std::uint32_t size_class) noexcept {
    engine::block_store& store = stores_[size_class];
    if (is_exact() || !is_open_) {
        take_back_exactly(size_class, block);
    } else {
        store.flush(block);
    }
    after_put(size_class);
}

// A surplus goes back after a window of traffic.
void multi_pool::after_put(std::uint32_t size_class) noexcept {
    engine::block_store& store = stores_[size_class];
    note_live(size_class);
    flushed_bytes_ += store.flushed() * engine::class_size(size_class);
    store.forget_flushed();
    const bool window_is_over = flushed_bytes_ >= engine::usual_window * regions_.block_bytes();
    if (window_is_over && walks_ == 0 && is_open_ && options_.trim == trim::automatic) give_back_surplus();
}

// The table does not know it at the first look: large, of a slab whose place in the table another one has, or
// none of the pool's.
void multi_pool::deallocate_apart(void* block) noexcept {
    const std::uint32_t owner = regions_.table().owner_of(block);
    if (owner == is_large) return deallocate_large(block);
    engine::magazine& loaded = stores_[owner].loaded;
    if (loaded.is_full()) return deallocate_slow(block, owner);
    loaded.push(block);
}

void multi_pool::deallocate_large(void* block) noexcept {
    if (block == nullptr) return;
    const engine::large_blocks::record* const found = large_.find(block);
    if (found == nullptr) return report_stray(block);
    if (options_.erase_on_free) std::memset(block, 0, found->requested);
    large_.deallocate(*found);
    --live_;
    ++calls_.deallocations;
}

void multi_pool::deallocate_large(void* block, std::size_t size) noexcept {
    const engine::large_blocks::record* const found = large_.find(block);
    const bool is_wrong =
        found != nullptr ? found->requested != size : regions_.table().owner_of(block) != is_large;
    if (is_wrong) return regions_.report({misuse::wrong_size, options_.name, block, 0});
    deallocate_large(block);
}

void multi_pool::report_stray(const void* pointer) const noexcept {
    misuse kind = large_.diagnose(pointer);
    if (kind == misuse::foreign_pointer) {
        const auto before = reinterpret_cast<std::uintptr_t>(pointer) - 1;
        const std::uint32_t owner = regions_.table().owner_of(reinterpret_cast<const void*>(before));
        if (owner != is_large && stores_[owner].heap().diagnose(pointer) == misuse::past_the_end) {
            kind = misuse::past_the_end;
        }
    }
    regions_.report({kind, options_.name, pointer, 0});
}

void multi_pool::deallocate_n(void* const* blocks, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) deallocate(blocks[i]);
}

void multi_pool::deallocate_erased(void* block) noexcept {
    if (is_live(block)) wipe(block, size_of(block));
    deallocate(block);
}

// A sanitizer was told of the bytes asked for only.
void multi_pool::wipe(void* block, std::size_t bytes) noexcept {
    if (watched_) base::permit(block, bytes);
    std::memset(block, 0, bytes);
}

void multi_pool::wipe_live() noexcept {
    cursor at{.slab_end = regions_.table().end_id(), .large_end = large_.end_id()};
    std::size_t size = 0;
    while (void* const block = next_live(at, size)) wipe(block, size);
}

// Questions.

bool multi_pool::owns(const void* pointer) const noexcept {
    engine::position at;
    const std::uint32_t owner = regions_.table().owner_of(pointer);
    if (owner == is_large) return large_.owns(pointer);
    return stores_[owner].heap().find(pointer, at);
}

bool multi_pool::is_live(const void* pointer) const noexcept {
    engine::position at;
    const std::uint32_t owner = regions_.table().owner_of(pointer);
    if (owner == is_large) return large_.find(pointer) != nullptr;
    const engine::block_store& store = stores_[owner];
    return store.heap().find(pointer, at) && at.record->is_out(at.index) && !store.holds(pointer);
}

std::size_t multi_pool::size_of(const void* block) const noexcept {
    engine::position at;
    const std::uint32_t owner = regions_.table().owner_of(block);
    if (owner == is_large) {
        const engine::large_blocks::record* const found = large_.find(block);
        return found != nullptr ? found->requested : 0;
    }
    return stores_[owner].heap().find(block, at) ? engine::class_size(owner) : 0;
}

std::size_t multi_pool::index_of(const void* block) const noexcept {
    engine::position at;
    const std::uint32_t owner = regions_.table().owner_of(block);
    if (owner == is_large || !stores_[owner].heap().find(block, at)) return unlimited;
    return at.id * blocks_in_slab() + at.index;
}

void* multi_pool::at(std::size_t index) const noexcept {
    const std::size_t place = index % blocks_in_slab();
    if (index / blocks_in_slab() >= regions_.table().end_id()) return nullptr;
    const auto& entry = regions_.table().at(static_cast<std::uint32_t>(index / blocks_in_slab()));
    if (entry.begin == nullptr || place >= entry.record->blocks) return nullptr;
    return entry.begin + place * engine::class_size(entry.record->owner);
}

void* multi_pool::next_live(cursor& at, std::size_t& size) const noexcept {
    if (void* const block = engine::next_out(regions_.table(), at.at, engine::class_size);
        block != nullptr && at.at.id < at.slab_end) {
        size = engine::class_size(at.at.record->owner);
        return block;
    }
    void* block = nullptr;
    const engine::large_blocks::record* const found = large_.next_live(at.large, block);
    if (found == nullptr || at.large > at.large_end) return nullptr;
    size = found->requested;
    return block;
}

pool_stats multi_pool::stats() const noexcept {
    pool_stats result;
    result.live = large_.live();
    result.idle = large_.kept();
    result.live_bytes = large_.live_bytes();
    for (std::uint32_t c = 0; c < classes(); ++c) {
        const engine::block_store& store = stores_[c];
        result.live += store.live();
        result.cached += store.cached();
        result.idle += store.heap().idle();
        result.abandoned += store.depot().written_off();
        result.live_bytes += store.live() * engine::class_size(c);
    }
    result.blocks = result.live + result.cached + result.idle + result.abandoned;
    result.peak_live = peak_ > result.live ? peak_ : result.live;
    result.reserved_bytes = regions_.reserved_bytes() + large_.reserved_bytes();
    if (options_.stats) result.calls = calls_;
    return result;
}

bool multi_pool::is_valid() const noexcept {
    if (!is_open_) return true;
    for (std::uint32_t c = 0; c < classes(); ++c) {
        if (!stores_[c].is_valid()) return false;
    }
    return regions_.is_valid() && large_.is_valid() && stats().reserved_bytes + bought_ == limit_.used();
}

} // namespace cenote::inline v0_1
