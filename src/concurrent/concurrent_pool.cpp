// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sanitizer.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/source/region.hpp>

#include "shared_impl.hpp"

#include <algorithm>
#include <cstring>

namespace cenote::inline v0_1 {

template class engine::shared<fixed_pool>;

concurrent_pool::~concurrent_pool() = default;

// Allocation.

namespace {

// Another line of the first page for each pool and thread, so that no other page is touched for it.
std::uint32_t place_of_first(std::uint64_t number, const engine::block_layout& layout) noexcept {
    constexpr std::uint64_t line = 64;
    constexpr std::uint64_t page = 4096;
    return static_cast<std::uint32_t>(layout.by_stride.quotient(number * line % page));
}

} // namespace

// A thread's first block is taken from the slabs, so that a refusal leaves nothing behind; then the thread
// gets its cache.
void* concurrent_pool::take() noexcept {
    if (engine::thread_cache* const mine = shared_.cache_here()) return shared_.take(*mine, 0);
    void* block = nullptr;
    {
        const section here(shared_);
        if (!shared_.open()) return nullptr;
        report_disturbance();
        fixed_pool& core = shared_.core();
        if (!core.is_exact())
            core.store_.heap().begin_at(place_of_first(shared_.id() + shared_.caches(), core.layout_));
        block = core.take();
    }
    if (block != nullptr) (void)shared_.join(true);
    return block;
}

void* concurrent_pool::try_allocate_slow() noexcept {
    void* const block = take();
    if (block == nullptr) shared_.count_failure();
    return block;
}

void* concurrent_pool::allocate_slow() {
    for (unsigned attempt = 0;; ++attempt) {
        if (void* const block = take()) return block;
        if (!may_retry(attempt, 1)) break;
    }
    shared_.count_failure();
    base::raise_out_of_memory(shortage_of(1));
}

bool concurrent_pool::may_retry(unsigned attempt, std::size_t blocks) {
    return engine::may_retry(shared_.core().options_.on_exhaustion, attempt, shortage_of(blocks), this);
}

shortage concurrent_pool::shortage_of(std::size_t blocks) noexcept {
    const section here(shared_);
    shared_.recount(false);
    shortage what = shared_.core().shortage_of(blocks);
    what.cached = shared_.cached_elsewhere(0) * block_size();
    what.reserved += shared_.bought_bytes();
    return what;
}

void* concurrent_pool::allocate_zeroed() {
    void* const block = allocate();
    return std::memset(block, 0, block_size());
}

allocation concurrent_pool::allocate_at_least() {
    auto* const block = static_cast<std::byte*>(allocate());
    const fixed_pool& core = shared_.core();
    const std::size_t rest = stride() - block_size();
    if (core.watched_) base::permit(block + block_size(), rest);
    if (core.options_.zero_on_allocate) std::memset(block + block_size(), 0, rest);
    return {block, stride()};
}

bool concurrent_pool::take_n(void** blocks, std::size_t count) noexcept {
    const std::uint64_t id = shared_.id();
    engine::thread_cache& mine = engine::first_cache(id);
    if (!mine.is_of(id) || count - 1 >= mine.own.loaded.count()) [[unlikely]]
        return take_n_slow(blocks, count);
    mine.own.loaded.pop_many(blocks, count);
    return true;
}

// What was taken goes back when not all can be had, and what was reserved for it.
bool concurrent_pool::take_n_slow(void** blocks, std::size_t count) noexcept {
    if (count == 0) return true;
    engine::thread_cache* const mine = shared_.cache_here();
    if (mine != nullptr && mine->own.pop_many(blocks, count)) return true;
    std::size_t slabs = 0;
    std::size_t peak = 0;
    {
        const section here(shared_);
        if (!shared_.open()) return false;
        shared_.recount(false);
        const fixed_pool& core = shared_.core();
        if (count > core.options_.maximum_blocks) return false;
        slabs = core.regions_.slabs();
        peak = core.store_.peak();
    }
    std::size_t taken = 0;
    while (taken < count) {
        if (engine::thread_cache* const now = shared_.cache_here()) {
            const std::size_t more = shared_.take_many(*now, 0, blocks + taken, count - taken);
            if (more == 0) break;
            taken += more;
        } else if (void* const block = take()) {
            blocks[taken++] = block;
        } else {
            break;
        }
    }
    if (taken == count) return true;
    deallocate_n(blocks, taken);
    shared_.release_cache();
    const section here(shared_);
    fixed_pool& core = shared_.core();
    core.shrink_to(slabs);
    // Without these blocks, but with what other threads had and called meanwhile.
    const std::size_t of_others = core.store_.peak() - std::min(taken, core.store_.peak());
    core.store_.set_peak(std::max(peak, of_others));
    core.calls_.allocations -= taken;
    core.calls_.deallocations -= taken;
    return false;
}

bool concurrent_pool::try_allocate_n(void** blocks, std::size_t count) noexcept {
    if (take_n(blocks, count)) return true;
    shared_.count_failure();
    return false;
}

void concurrent_pool::allocate_n(void** blocks, std::size_t count) {
    for (unsigned attempt = 0; !take_n(blocks, count); ++attempt) {
        if (may_retry(attempt, count)) continue;
        shared_.count_failure();
        base::raise_out_of_memory(shortage_of(count));
    }
}

concurrent_pool::local concurrent_pool::local_cache() {
    engine::thread_cache* mine = shared_.cache_here();
    if (mine == nullptr) mine = shared_.join(true);
    return {*this, mine != nullptr ? *mine : engine::no_cache()};
}

// Freeing.

void concurrent_pool::deallocate_slow(void* block) noexcept {
    engine::thread_cache* mine = shared_.cache_here();
    if (mine == nullptr) mine = shared_.join(false);
    if (mine != nullptr) return shared_.give(*mine, 0, block);
    if (!shared_.is_open()) {
        return base::report_misuse({misuse::foreign_pointer, name(), block, block_size()});
    }
    const section here(shared_);
    report_disturbance();
    shared_.core().deallocate_slow(block);
}

void concurrent_pool::deallocate_n(void* const* blocks, std::size_t count) noexcept {
    const std::uint64_t id = shared_.id();
    engine::thread_cache& here = engine::first_cache(id);
    if (here.is_of(id) && count - 1 < here.own.loaded.room()) [[likely]]
        return here.own.loaded.push_many(blocks, count);
    if (count == 0) return;
    if (shared_.cache_here() == nullptr) (void)shared_.join(false);
    if (engine::thread_cache* const mine = shared_.cache_here()) {
        if (mine->own.push_many(blocks, count)) return;
        return shared_.give_many(*mine, 0, blocks, count);
    }
    for (std::size_t i = 0; i < count; ++i) deallocate_slow(blocks[i]);
}

void concurrent_pool::deallocate(void* block, std::size_t size) noexcept {
    if (size > block_size()) return base::report_misuse({misuse::wrong_size, name(), block, block_size()});
    deallocate(block);
}

void concurrent_pool::deallocate_erased(void* block) noexcept {
    if (is_live(block)) shared_.core().wipe(block);
    deallocate(block);
}

bool concurrent_pool::retire(void* block) noexcept {
    const section here(shared_);
    return shared_.core().retire(block);
}

// Another thread's call during a walk; told only where every call comes by here.
void concurrent_pool::report_disturbance() const noexcept {
    const fixed_pool& core = shared_.core();
    if (!core.options_.checks || !shared_.is_disturbing()) return;
    core.store_.depot().report(misuse::not_quiet, nullptr);
}

// Questions.

bool concurrent_pool::owns(const void* pointer) const noexcept {
    const section here(shared_);
    return shared_.core().owns(pointer);
}

bool concurrent_pool::is_live(const void* pointer) const noexcept {
    const section here(shared_);
    return shared_.core().is_live(pointer) && !shared_.holds(pointer, 0);
}

std::size_t concurrent_pool::index_of(const void* block) const noexcept {
    const section here(shared_);
    return shared_.core().index_of(block);
}

void* concurrent_pool::at(std::size_t index) const noexcept {
    const section here(shared_);
    return shared_.core().at(index);
}

std::uint32_t concurrent_pool::end_of_walk() const noexcept {
    const section here(shared_);
    return shared_.core().regions_.table().end_id();
}

void* concurrent_pool::next_live(engine::position& at) const noexcept {
    const section here(shared_);
    return shared_.core().next_live(at);
}

pool_stats concurrent_pool::stats() const noexcept {
    return shared_.levels(false);
}

pool_stats concurrent_pool::stats(quiet_t) const noexcept {
    return shared_.levels(true);
}

bool concurrent_pool::is_valid() const noexcept {
    return shared_.is_valid();
}

// Memory.

std::size_t concurrent_pool::required_bytes(const concurrent_pool_options& wanted) {
    std::size_t bytes = 0;
    if (const char* const flaw = try_required_bytes(wanted, bytes)) {
        base::raise_bad_options(wanted.name, flaw);
    }
    return bytes;
}

const char* concurrent_pool::try_required_bytes(const concurrent_pool_options& wanted,
                                                std::size_t& bytes) noexcept {
    if (const char* const flaw = wanted.flaw()) return flaw;
    std::size_t unit_bytes = 0;
    if (const char* const flaw =
            fixed_pool::try_required_bytes(wanted.to_fixed(), wanted.threads, bytes, unit_bytes)) {
        return flaw;
    }
    std::size_t caches = 0;
    if (unit_bytes != 0) {
        caches = sharing::bytes_of_units(unit_bytes, wanted.threads + 1) + sharing::unit_alignment - 1;
    }
    return base::add(bytes, caches, bytes) ? nullptr : "so many blocks are more than memory can hold";
}

void concurrent_pool::reset() noexcept {
    if (shared_.core().options_.checks && shared_.is_walked()) {
        return base::report_misuse({misuse::not_quiet, name(), nullptr, block_size()});
    }
    shared_.reset();
}

trim_result concurrent_pool::trim() noexcept {
    return shared_.trim();
}

void concurrent_pool::release_thread_caches() noexcept {
    shared_.release_cache();
}

bool concurrent_pool::try_open() noexcept {
    const section here(shared_);
    return shared_.core().try_open();
}

void concurrent_pool::reserve(std::size_t blocks, touch pages) {
    for (unsigned attempt = 0;; ++attempt) {
        {
            const section here(shared_);
            fixed_pool& core = shared_.core();
            if (shared_.open() && core.try_reserve(blocks)) {
                if (pages == touch::yes && !core.watched_) core.regions_.populate();
                break;
            }
        }
        if (!may_retry(attempt, blocks)) base::raise_out_of_memory(shortage_of(blocks));
    }
    (void)shared_.join(true); // the cache of this thread is memory too
}

} // namespace cenote::inline v0_1
