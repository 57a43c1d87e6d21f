// cenote: SPDX-License-Identifier: MIT
#include <cenote/concurrent/concurrent_multi_pool.hpp>

#include "shared_impl.hpp"

#include <algorithm>
#include <cstring>

namespace cenote::inline v0_1 {

template class engine::shared<multi_pool>;

concurrent_multi_pool::~concurrent_multi_pool() = default;

// Allocation.

// A thread's first block is taken from the slabs, so that a refusal leaves nothing behind; then the thread
// gets its cache.
void* concurrent_multi_pool::take(std::size_t size, std::size_t alignment) noexcept {
    if (!base::is_power_of_two(alignment)) return nullptr;
    multi_pool& core = shared_.core();
    const bool has_class = size <= core.largest_ && alignment <= core.largest_;
    engine::thread_cache* const mine = has_class ? shared_.cache_here() : nullptr;
    if (mine != nullptr) return shared_.take(*mine, core.class_for(size, alignment));
    void* block = nullptr;
    {
        const section here(shared_);
        if (!shared_.open()) return nullptr;
        report_disturbance();
        shared_.recount(false);
        block = core.take(size, alignment);
    }
    if (block != nullptr && has_class) (void)shared_.join(true);
    return block;
}

void* concurrent_multi_pool::try_allocate_slow(std::size_t size, std::size_t alignment) noexcept {
    void* const block = take(size, alignment);
    if (block == nullptr) shared_.count_failure();
    return block;
}

void* concurrent_multi_pool::allocate_slow(std::size_t size, std::size_t alignment) {
    if (!base::is_power_of_two(alignment)) {
        base::raise_bad_options(name(), "the alignment of a request is not a power of two");
    }
    for (unsigned attempt = 0;; ++attempt) {
        if (void* const block = take(size, alignment)) return block;
        if (!may_retry(attempt, size)) break;
    }
    shared_.count_failure();
    base::raise_out_of_memory(shortage_of(size));
}

bool concurrent_multi_pool::may_retry(unsigned attempt, std::size_t size) {
    return engine::may_retry(shared_.core().options_.on_exhaustion, attempt, shortage_of(size), this);
}

shortage concurrent_multi_pool::shortage_of(std::size_t size) noexcept {
    const section here(shared_);
    multi_pool& core = shared_.core();
    shared_.recount(false);
    shortage what = core.shortage_of(size);
    for (std::uint32_t c = 0; c < core.classes(); ++c) {
        what.cached += shared_.cached_elsewhere(c) * engine::class_size(c);
    }
    what.reserved += shared_.bought_bytes();
    return what;
}

void* concurrent_multi_pool::allocate_zeroed(std::size_t size, std::size_t alignment) {
    void* const block = allocate(size, alignment);
    return std::memset(block, 0, size);
}

allocation concurrent_multi_pool::allocate_at_least(std::size_t size, std::size_t alignment) {
    const multi_pool& core = shared_.core();
    const bool rounds =
        size <= core.largest_ && alignment <= core.largest_ && base::is_power_of_two(alignment);
    if (rounds) size = engine::class_size(core.class_for(size, alignment));
    return {allocate(size, alignment), size};
}

// What was taken goes back when not all can be had, and what was reserved for it.
bool concurrent_multi_pool::take_n(std::size_t size, void** blocks, std::size_t count) noexcept {
    multi_pool& core = shared_.core();
    std::size_t slabs = 0;
    std::size_t kept = 0;
    std::size_t peak = 0;
    {
        const section here(shared_);
        if (!shared_.open()) return false;
        slabs = core.regions_.slabs();
        kept = core.large_.kept();
        peak = core.peak_;
    }
    std::size_t taken = 0;
    while (taken < count) {
        engine::thread_cache* const mine = size <= core.largest_ ? shared_.cache_here() : nullptr;
        if (mine != nullptr) {
            const std::size_t more =
                shared_.take_many(*mine, engine::class_of(size), blocks + taken, count - taken);
            if (more == 0) break;
            taken += more;
        } else if (void* const block = take(size, default_alignment)) {
            blocks[taken++] = block;
        } else {
            break;
        }
    }
    if (taken == count) return true;
    deallocate_n(blocks, taken);
    shared_.release_cache();
    const section here(shared_);
    core.shrink_to(slabs);
    (void)core.large_.release_kept(kept);
    // Without these blocks, but with what other threads had and called meanwhile.
    core.peak_ = std::max({peak, core.live_, core.peak_ - std::min(taken, core.peak_)});
    core.calls_.allocations -= taken;
    core.calls_.deallocations -= taken;
    return false;
}

bool concurrent_multi_pool::try_allocate_n(std::size_t size, void** blocks, std::size_t count) noexcept {
    if (take_n(size, blocks, count)) return true;
    shared_.count_failure();
    return false;
}

void concurrent_multi_pool::allocate_n(std::size_t size, void** blocks, std::size_t count) {
    for (unsigned attempt = 0; !take_n(size, blocks, count); ++attempt) {
        std::size_t bytes = unlimited;
        (void)base::multiply(size, count, bytes);
        if (may_retry(attempt, bytes)) continue;
        shared_.count_failure();
        base::raise_out_of_memory(shortage_of(bytes));
    }
}

concurrent_multi_pool::local concurrent_multi_pool::local_cache() {
    engine::thread_cache* mine = shared_.cache_here();
    if (mine == nullptr) mine = shared_.join(true);
    return {*this, mine != nullptr ? mine->stocks : nullptr};
}

// Freeing.

void concurrent_multi_pool::deallocate_slow(std::uint32_t size_class, void* block) noexcept {
    engine::thread_cache* mine = shared_.cache_here();
    if (mine == nullptr) mine = shared_.join(false);
    if (mine != nullptr) return shared_.give(*mine, size_class, block);
    if (!shared_.is_open()) return base::report_misuse({misuse::foreign_pointer, name(), block, 0});
    const section here(shared_);
    report_disturbance();
    shared_.recount(false);
    shared_.core().deallocate_slow(block, size_class);
}

// Large, of a slab whose place in the table another one has, or none of the pool's.
void concurrent_multi_pool::deallocate_apart(void* block) noexcept {
    const std::uint32_t owner = shared_.core().regions_.table().owner_of(block);
    if (owner == is_large) return deallocate_large(block);
    put(owner, block);
}

void concurrent_multi_pool::deallocate_large(void* block) noexcept {
    if (block == nullptr) return;
    const section here(shared_);
    report_disturbance();
    shared_.core().deallocate_large(block);
}

void concurrent_multi_pool::deallocate_large(void* block, std::size_t size) noexcept {
    const section here(shared_);
    report_disturbance();
    shared_.core().deallocate_large(block, size);
}

void concurrent_multi_pool::deallocate_n(void* const* blocks, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) deallocate(blocks[i]);
}

void concurrent_multi_pool::deallocate_erased(void* block) noexcept {
    if (is_live(block)) shared_.core().wipe(block, size_of(block));
    deallocate(block);
}

// Another thread's call during a walk; told only where every call comes by here.
void concurrent_multi_pool::report_disturbance() const noexcept {
    const multi_pool& core = shared_.core();
    if (!core.options_.checks || !shared_.is_disturbing()) return;
    core.regions_.report({misuse::not_quiet, core.options_.name, nullptr, 0});
}

// Questions.

bool concurrent_multi_pool::owns(const void* pointer) const noexcept {
    const section here(shared_);
    return shared_.core().owns(pointer);
}

bool concurrent_multi_pool::is_live(const void* pointer) const noexcept {
    const section here(shared_);
    const multi_pool& core = shared_.core();
    const std::uint32_t owner = core.regions_.table().owner_of(pointer);
    return core.is_live(pointer) && (owner == is_large || !shared_.holds(pointer, owner));
}

std::size_t concurrent_multi_pool::size_of(const void* block) const noexcept {
    const section here(shared_);
    return shared_.core().size_of(block);
}

std::size_t concurrent_multi_pool::index_of(const void* block) const noexcept {
    const section here(shared_);
    return shared_.core().index_of(block);
}

void* concurrent_multi_pool::at(std::size_t index) const noexcept {
    const section here(shared_);
    return shared_.core().at(index);
}

bool concurrent_multi_pool::is_instrumented() const noexcept {
    return shared_.cache_here() == nullptr || shared_.walks() != 0;
}

multi_pool::cursor concurrent_multi_pool::begin_of_walk() const noexcept {
    const section here(shared_);
    const multi_pool& core = shared_.core();
    return {.slab_end = core.regions_.table().end_id(), .large_end = core.large_.end_id()};
}

void* concurrent_multi_pool::next_live(multi_pool::cursor& at, std::size_t& size) const noexcept {
    const section here(shared_);
    return shared_.core().next_live(at, size);
}

pool_stats concurrent_multi_pool::stats() const noexcept {
    return shared_.levels(false);
}

pool_stats concurrent_multi_pool::stats(quiet_t) const noexcept {
    return shared_.levels(true);
}

bool concurrent_multi_pool::is_valid() const noexcept {
    return shared_.is_valid();
}

// Memory.

std::size_t concurrent_multi_pool::required_bytes(const concurrent_multi_pool_options& wanted) {
    const multi_pool_options sizes = checked(wanted);
    const std::size_t bytes = multi_pool::required_bytes(sizes, wanted.threads);
    const std::size_t largest = sizes.slab_bytes / 8;
    const std::size_t entries = multi_pool::entries_for(true, sizes.initial_bytes, largest, wanted.threads);
    std::size_t caches = 0;
    if (entries != 0) {
        const std::size_t unit = engine::unit_bytes_for(engine::class_of(largest) + 1, entries);
        caches = sharing::bytes_of_units(unit, wanted.threads + 1) + sharing::unit_alignment - 1;
    }
    std::size_t all = 0;
    if (!base::add(bytes, caches, all)) {
        base::raise_bad_options(wanted.name, "so many bytes are more than memory can hold");
    }
    return all;
}

void concurrent_multi_pool::reset() noexcept {
    if (shared_.core().options_.checks && shared_.is_walked()) {
        return base::report_misuse({misuse::not_quiet, name(), nullptr, 0});
    }
    shared_.reset();
}

trim_result concurrent_multi_pool::trim() noexcept {
    return shared_.trim();
}

void concurrent_multi_pool::release_thread_caches() noexcept {
    shared_.release_cache();
}

void concurrent_multi_pool::reserve(std::size_t size, std::size_t blocks, touch pages) {
    for (unsigned attempt = 0;; ++attempt) {
        {
            const section here(shared_);
            shared_.recount(false);
            if (shared_.open() && shared_.core().try_reserve(size, blocks)) {
                if (pages == touch::yes) shared_.core().populate();
                break;
            }
        }
        std::size_t bytes = unlimited;
        (void)base::multiply(size, blocks, bytes);
        if (!may_retry(attempt, bytes)) base::raise_out_of_memory(shortage_of(bytes));
    }
    (void)shared_.join(true); // the cache of this thread is memory too
}

} // namespace cenote::inline v0_1
