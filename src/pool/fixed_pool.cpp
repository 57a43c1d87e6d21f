// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sanitizer.hpp>
#include <cenote/pool/fixed_pool.hpp>

#include <cstring>

namespace cenote::inline v0_1 {

fixed_pool::~fixed_pool() {
    store_.end(); // a double free in a magazine would hide a leak
    const std::size_t leaked = store_.heap().out();
    if (leaked != 0) base::report_leak({options_.name, leaked, leaked * layout_.block_size}, options_.checks);
    if (options_.erase_on_free) wipe_live();
    if (watched_) regions_.permit_blocks();
    regions_.end();
}

// Allocation.

void* fixed_pool::take() noexcept {
    if (!is_open_ && !open()) return nullptr;
    void* block = store_.capacity() == 0 ? store_.depot().take_exact() : store_.refill();
    if (block == nullptr) {
        block = grow_and([this] { return store_.refill(); });
        if (block == nullptr) return nullptr;
    }
    if (is_exact()) {
        store_.note_peak();
        if (watched_) base::permit(block, layout_.block_size);
        if (options_.zero_on_allocate) std::memset(block, 0, layout_.block_size);
        ++calls_.allocations;
    }
    return block;
}

CENOTE_INLINE void* fixed_pool::take_quickly() noexcept {
    void* const block = is_quick_ ? store_.depot().take_quickly() : nullptr;
    if (block == nullptr) return nullptr;
    store_.note_peak();
    ++calls_.allocations;
    return block;
}

void* fixed_pool::try_allocate_slow() noexcept {
    if (void* const block = take_quickly()) [[likely]]
        return block;
    return try_allocate_seldom();
}

void* fixed_pool::allocate_slow() {
    if (void* const block = take_quickly()) [[likely]]
        return block;
    return allocate_seldom();
}

void* fixed_pool::try_allocate_seldom() noexcept {
    void* const block = take();
    if (block == nullptr) ++calls_.failures;
    return block;
}

void* fixed_pool::allocate_seldom() {
    return insist(1, [this] { return take(); });
}

shortage fixed_pool::shortage_of(std::size_t blocks) const noexcept {
    std::size_t requested = unlimited;
    std::size_t limit = unlimited;
    (void)base::multiply(blocks, layout_.block_size, requested);
    (void)base::multiply(options_.maximum_blocks, layout_.block_size, limit);
    return {.pool = options_.name,
            .requested = requested,
            .live = store_.live() * layout_.block_size,
            .reserved = regions_.reserved_bytes(),
            .limit = limit,
            .available = from().available()};
}

void* fixed_pool::allocate_zeroed() {
    void* const block = allocate();
    return std::memset(block, 0, layout_.block_size);
}

allocation fixed_pool::allocate_at_least() {
    auto* const block = static_cast<std::byte*>(allocate());
    const std::size_t rest = layout_.stride - layout_.block_size;
    if (watched_) base::permit(block + layout_.block_size, rest);
    if (options_.zero_on_allocate) std::memset(block + layout_.block_size, 0, rest);
    return {block, layout_.stride};
}

bool fixed_pool::take_n(void** blocks, std::size_t count) noexcept {
    if (count - 1 < store_.loaded.count()) [[likely]] {
        store_.loaded.pop_many(blocks, count);
        return true;
    }
    if (count > options_.maximum_blocks || store_.live() > options_.maximum_blocks - count) return false;
    std::size_t taken = 0;
    const std::size_t slabs = regions_.slabs();
    const std::size_t peak = store_.peak();
    const call_counts calls = calls_;
    if (is_exact() || !is_open_) { // one by one, so that each is counted, checked and told
        while (taken < count) {
            void* const block = take();
            if (block == nullptr) break;
            blocks[taken++] = block;
        }
    } else {
        for (std::size_t more = 1; taken < count && more != 0; taken += more) {
            more = store_.take_many(blocks + taken, count - taken);
            if (more == 0 && grow()) more = store_.take_many(blocks + taken, count - taken);
        }
    }
    if (taken == count) return true;
    deallocate_n(blocks, taken);
    shrink_to(slabs);
    store_.set_peak(peak);
    calls_ = calls;
    return false;
}

bool fixed_pool::try_allocate_n(void** blocks, std::size_t count) noexcept {
    if (take_n(blocks, count)) return true;
    ++calls_.failures;
    return false;
}

void fixed_pool::allocate_n(void** blocks, std::size_t count) {
    (void)insist(count, [&] { return take_n(blocks, count); });
}

// Freeing.

// To the end of the stride: `allocate_at_least` gives that much.
void fixed_pool::wipe(void* block) noexcept {
    if (watched_) base::permit(block, layout_.stride);
    std::memset(block, 0, layout_.stride);
}

// Pools that erase have no magazines: what is not idle is live or retired.
void fixed_pool::wipe_live() noexcept {
    for (std::uint32_t id = 0; id < regions_.table().end_id(); ++id) {
        const engine::slab_table::entry& entry = regions_.table().at(id);
        if (entry.begin == nullptr) continue;
        for (std::uint32_t index = 0; index < entry.record->blocks; ++index) {
            if (!entry.record->is_idle(index)) wipe(entry.begin + index * layout_.stride);
        }
    }
}

bool fixed_pool::retire(void* block) noexcept {
    engine::position at;
    if (!is_open_ || !store_.heap().find(block, at) || !store_.heap().withdraw(engine::word_run(at)))
        return false;
    ++calls_.deallocations;
    return true;
}

inline void fixed_pool::note_taken_back(void* block) noexcept {
    store_.note_flushed(1);
    if (options_.erase_on_free) wipe(block);
    if (watched_) base::forbid(block, layout_.stride);
    ++calls_.deallocations;
}

CENOTE_INLINE bool fixed_pool::give_quickly(void* block) noexcept {
    if (store_.flushed() >= quick_until_ || !store_.depot().put_quickly(block)) return false;
    store_.note_flushed(1);
    ++calls_.deallocations;
    return true;
}

bool fixed_pool::try_deallocate(void* block) noexcept {
    return give_quickly(block) || try_deallocate_seldom(block);
}

bool fixed_pool::try_deallocate_seldom(void* block) noexcept {
    if (!is_exact() || !is_open_ || !store_.depot().try_put_exact(block)) return false;
    note_taken_back(block);
    if (store_.flushed() > quick_until_) give_back_what_is_idle();
    return true;
}

void fixed_pool::take_back_exactly(void* block) noexcept {
    if (!is_open_)
        return base::report_misuse({misuse::foreign_pointer, options_.name, block, layout_.block_size});
    if (!store_.depot().put_exact(block)) return;
    note_taken_back(block);
}

void fixed_pool::deallocate_slow(void* block) noexcept {
    if (!give_quickly(block)) deallocate_seldom(block);
}

void fixed_pool::deallocate_seldom(void* block) noexcept {
    if (store_.flushed() < quick_until_) { // of another slab than the last, or of one that was full
        if (!store_.depot().put_exact(block)) return;
        store_.note_flushed(1);
        ++calls_.deallocations;
        return;
    }
    if (is_exact() || !is_open_) {
        take_back_exactly(block);
    } else {
        const std::size_t before = store_.flushed();
        store_.flush(block);
        // Traffic that stays within the magazines is traffic too: it shows what is not needed.
        if (store_.flushed() == before) store_.note_flushed(store_.capacity());
    }
    give_back_what_is_idle();
}

void fixed_pool::deallocate_n(void* const* blocks, std::size_t count) noexcept {
    if (count - 1 < store_.loaded.room()) [[likely]]
        return store_.loaded.push_many(blocks, count);
    if (is_exact() || !is_open_ || walks_ != 0) {
        for (std::size_t i = 0; i < count; ++i) deallocate(blocks[i]);
        return;
    }
    while (count != 0) { // a magazine at a time, so that a surplus is seen
        const std::size_t some = count < store_.loaded.capacity() ? count : store_.loaded.capacity();
        const std::size_t fits = some < store_.loaded.room() ? some : store_.loaded.room();
        store_.put_many(blocks, fits);
        blocks += fits;
        count -= fits;
        if (count == 0) return;
        deallocate_slow(*blocks++);
        --count;
    }
}

void fixed_pool::deallocate(void* block, std::size_t size) noexcept {
    if (size > layout_.block_size)
        return base::report_misuse({misuse::wrong_size, options_.name, block, layout_.block_size});
    deallocate(block);
}

void fixed_pool::deallocate_erased(void* block) noexcept {
    if (is_live(block)) wipe(block);
    deallocate(block);
}

// Questions.

bool fixed_pool::owns(const void* pointer) const noexcept {
    engine::position at;
    return is_open_ && store_.heap().find(pointer, at);
}

bool fixed_pool::is_live(const void* pointer) const noexcept {
    engine::position at;
    return is_open_ && store_.heap().find(pointer, at) && at.record->is_out(at.index) &&
           !store_.holds(pointer);
}

std::size_t fixed_pool::index_of(const void* block) const noexcept {
    engine::position at;
    if (!is_open_ || !store_.heap().find(block, at)) return unlimited;
    return at.id * layout_.blocks_per_slab + at.index;
}

void* fixed_pool::at(std::size_t index) const noexcept {
    const std::size_t id = index / layout_.blocks_per_slab;
    const std::size_t place = index % layout_.blocks_per_slab;
    if (id >= regions_.table().end_id()) return nullptr;
    const auto& entry = regions_.table().at(static_cast<std::uint32_t>(id));
    if (entry.begin == nullptr || place >= entry.record->blocks) return nullptr;
    return entry.begin + place * layout_.stride;
}

void* fixed_pool::next_live(engine::position& at) const noexcept {
    return engine::next_out(regions_.table(), at, [this](std::uint32_t) { return layout_.stride; });
}

pool_stats fixed_pool::stats() const noexcept {
    pool_stats result;
    result.live = store_.live();
    result.cached = store_.cached();
    result.idle = store_.heap().idle();
    result.abandoned = store_.depot().written_off();
    result.blocks = store_.heap().blocks();
    result.peak_live = store_.peak();
    result.live_bytes = result.live * layout_.block_size;
    result.reserved_bytes = regions_.reserved_bytes();
    if (options_.stats) result.calls = calls_;
    if (options_.adaptive) result.adapted = retention_.learned();
    return result;
}

bool fixed_pool::is_valid() const noexcept {
    return !is_open_ ||
           (store_.is_valid() && regions_.is_valid() && blocks_reserved() <= options_.maximum_blocks);
}

} // namespace cenote::inline v0_1
