// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sanitizer.hpp>
#include <cenote/pool/fixed_pool.hpp>

#include <cstring>

namespace cenote {
namespace {

/// A surplus goes back when it was one for a whole window: until as many blocks were flushed as this many
/// times the blocks there are.
constexpr std::size_t window = 2;

} // namespace

fixed_pool::~fixed_pool() {
    store_.suspend(); // a double free in a magazine would hide a leak
    const std::size_t leaked = store_.heap().out();
    if (leaked != 0) base::report_leak({options_.name, leaked, leaked * layout_.block_size}, options_.checks);
    if (options_.erase_on_free) wipe_live();
    if (watched_) {
        for (const auto* region = regions_.first(); region != nullptr; region = region->next) {
            base::permit(region->data, region->bytes);
        }
    }
    regions_.release_all();
}

// Allocation.

void* fixed_pool::take() noexcept {
    if (!is_open_ && !open()) return nullptr;
    void* block = store_.refill();
    if (block == nullptr) {
        const std::size_t slabs = regions_.slabs();
        if (slabs != regions_.used() || !grow())
            return nullptr; // with places left the source would not back one
        block = store_.refill();
        if (block == nullptr) {
            shrink_to(slabs);
            return nullptr;
        }
    }
    if (is_exact()) {
        store_.note_peak();
        if (watched_) base::permit(block, layout_.block_size);
        if (options_.zero_on_allocate) std::memset(block, 0, layout_.block_size);
        ++calls_.allocations;
    }
    return block;
}

void* fixed_pool::try_allocate_slow() noexcept {
    void* const block = take();
    if (block == nullptr) ++calls_.failures;
    return block;
}

void* fixed_pool::allocate_slow() {
    for (unsigned attempt = 0;; ++attempt) {
        if (void* const block = take()) return block;
        if (!may_retry(attempt, 1)) break;
    }
    ++calls_.failures;
    base::raise_out_of_memory(shortage_of(1));
}

bool fixed_pool::may_retry(unsigned attempt, std::size_t blocks) {
    return engine::may_retry(options_.on_exhaustion, attempt, shortage_of(blocks), is_handling_);
}

shortage fixed_pool::shortage_of(std::size_t blocks) const noexcept {
    std::size_t requested = unlimited;
    std::size_t limit = unlimited;
    (void)base::multiply(blocks, layout_.block_size, requested);
    (void)base::multiply(options_.maximum_blocks, layout_.block_size, limit);
    return {options_.name, requested, store_.live() * layout_.block_size, regions_.reserved_bytes(), limit};
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
    if (count > options_.maximum_blocks || store_.live() > options_.maximum_blocks - count) return false;
    std::size_t taken = 0;
    const std::size_t slabs = regions_.slabs();
    const std::size_t peak = store_.peak();
    const call_counts calls = calls_;
    if (is_exact() || !is_open_) { // one by one, so that each is counted, checked and told
        while (taken < count) {
            void* const block = store_.loaded.is_empty() ? take() : store_.loaded.pop();
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
    for (unsigned attempt = 0; !take_n(blocks, count); ++attempt) {
        if (may_retry(attempt, count)) continue;
        ++calls_.failures;
        base::raise_out_of_memory(shortage_of(count));
    }
}

// Freeing.

// To the end of the stride: `allocate_at_least` gives that much.
void fixed_pool::wipe(void* block) noexcept {
    if (watched_) base::permit(block, layout_.stride);
    std::memset(block, 0, layout_.stride);
}

void fixed_pool::wipe_live() noexcept {
    engine::position at{0, 0, nullptr};
    while (void* const block = next_live(at)) wipe(block);
}

void fixed_pool::take_back_exactly(void* block) noexcept {
    if (!is_open_)
        return base::report_misuse({misuse::foreign_pointer, options_.name, block, layout_.block_size});
    if (!store_.depot().put_exact(block)) return;
    store_.note_flushed(1);
    if (options_.erase_on_free) wipe(block);
    if (watched_) base::forbid(block, layout_.stride);
    ++calls_.deallocations;
}

void fixed_pool::deallocate_slow(void* block) noexcept {
    if (is_exact() || !is_open_) {
        take_back_exactly(block);
    } else {
        store_.flush(block);
    }
    const bool window_is_over = store_.flushed() >= window * store_.heap().blocks();
    if (window_is_over && walks_ == 0 && options_.trim == trim::automatic) give_back_surplus();
}

void fixed_pool::deallocate_n(void* const* blocks, std::size_t count) noexcept {
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
    result.blocks = store_.heap().blocks();
    result.peak_live = store_.peak();
    result.live_bytes = result.live * layout_.block_size;
    result.reserved_bytes = regions_.reserved_bytes();
    if (options_.stats) result.calls = calls_;
    return result;
}

bool fixed_pool::is_valid() const noexcept {
    return !is_open_ ||
           (store_.is_valid() && regions_.is_valid() && blocks_reserved() <= options_.maximum_blocks);
}

// Memory back.

void fixed_pool::reset() noexcept {
    if (walks_ != 0 && options_.checks) return store_.depot().report(misuse::not_quiet, nullptr);
    if (!is_open_) return;
    if (options_.erase_on_free) wipe_live();
    store_.reset();
}

void fixed_pool::release_idle_regions() noexcept {
    while (engine::region_header* const idle = regions_.youngest_idle()) {
        if (idle == regions_.first()) return; // it holds the magazines
        store_.depot().abandon(*idle);
        regions_.release(idle);
    }
}

void fixed_pool::give_back_surplus() noexcept {
    store_.depot().drain(store_.depot().fewest_full());
    store_.heap().give_idle_slabs(store_.heap().fewest_kept());
    release_idle_regions();
    regions_.decommit_idle(unlimited);
    store_.depot().forget_fewest();
    store_.heap().forget_fewest();
    store_.forget_flushed();
}

std::size_t fixed_pool::trim() noexcept {
    if (!is_open_ || walks_ != 0) return 0;
    const std::size_t before = regions_.reserved_bytes();
    store_.suspend();
    store_.depot().drain(unlimited);
    store_.heap().give_idle_slabs(unlimited);
    release_idle_regions();
    std::size_t decommitted = 0;
    if (regions_.used() == 0) {
        store_.strip();
        regions_.release_all();
    } else {
        store_.resume();
        decommitted = regions_.decommit_idle(unlimited);
    }
    return before - regions_.reserved_bytes() + decommitted;
}

} // namespace cenote
