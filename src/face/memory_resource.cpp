// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>
#include <cenote/base/misuse_trap.hpp>
#include <cenote/face/memory_resource.hpp>

#include <cstring>

namespace cenote::inline v0_1 {
namespace {

using sync::memory_order_relaxed;

constexpr std::size_t at_least_one(std::size_t size) noexcept {
    return size != 0 ? size : 1;
}

void zero_behind(void* block, std::size_t old_size, std::size_t new_size) noexcept {
    if (new_size > old_size) std::memset(static_cast<std::byte*>(block) + old_size, 0, new_size - old_size);
}

} // namespace

// Counting.

void memory_resource::note_live(std::size_t bytes) noexcept {
    const std::size_t live = live_.fetch_add(bytes, memory_order_relaxed) + bytes;
    std::size_t peak = peak_.load(memory_order_relaxed);
    while (live > peak && !peak_.compare_exchange_weak(peak, live, memory_order_relaxed)) {
    }
}

// What was allocated before a reset may come back after it: that is misuse, but no reason to count below
// zero.
void memory_resource::note_gone(std::size_t bytes) noexcept {
    std::size_t live = live_.load(memory_order_relaxed);
    while (!live_.compare_exchange_weak(live, live > bytes ? live - bytes : 0, memory_order_relaxed)) {
    }
}

memory_stats memory_resource::stats() const noexcept {
    const levels now = look();
    memory_stats result{now.live_bytes, now.reserved_bytes, {}, {}};
    if (!options_.stats) return result;
    result.live_bytes = live_.load(memory_order_relaxed);
    result.peak_bytes = peak_.load(memory_order_relaxed);
    result.calls =
        call_counts{allocations_.load(memory_order_relaxed), deallocations_.load(memory_order_relaxed),
                    failures_.load(memory_order_relaxed)};
    return result;
}

shortage memory_resource::shortage_of(std::size_t size) const noexcept {
    const levels now = look();
    return {.pool = options_.name,
            .requested = size,
            .live = now.live_bytes,
            .reserved = now.reserved_bytes,
            .limit = now.limit,
            .available = now.available};
}

// Allocation.

void* memory_resource::take_zeroed(std::size_t size, std::size_t alignment) noexcept {
    void* const block = take(size, alignment);
    return block != nullptr ? std::memset(block, 0, size) : nullptr;
}

void* memory_resource::insist(std::size_t size, std::size_t /*alignment*/) {
    base::raise_out_of_memory(shortage_of(size));
}

void* memory_resource::get(std::size_t size, std::size_t alignment, memory_options wanted) noexcept {
    if (!base::is_power_of_two(alignment)) return nullptr;
    size = at_least_one(size);
    void* const block =
        has(wanted, memory_options::zero) ? take_zeroed(size, alignment) : take(size, alignment);
    if (block != nullptr && options_.stats) {
        allocations_.fetch_add(1, memory_order_relaxed);
        note_live(size);
    }
    return block;
}

// What is no alignment stays none, whatever a handler frees.
void* memory_resource::get_or_ask(std::size_t size, std::size_t alignment, memory_options wanted) {
    if (!base::is_power_of_two(alignment)) return nullptr;
    for (unsigned attempt = 0;; ++attempt) {
        if (void* const block = get(size, alignment, wanted)) return block;
        if (!engine::may_retry(options_.on_exhaustion, attempt, shortage_of(size), this)) return nullptr;
    }
}

// A pool's handler may find a block yet, and its message knows the limit.
void* memory_resource::insist_or_abort(std::size_t size, std::size_t alignment) noexcept {
#if defined(__cpp_exceptions)
    try {
        return insist(size, alignment);
    } catch (const out_of_memory& refusal) {
        (void)abort_on_exhaustion(nullptr, refusal.details());
    } catch (...) {
        (void)abort_on_exhaustion(nullptr, shortage_of(size));
    }
    return nullptr;
#else
    return insist(size, alignment); // prints and aborts
#endif
}

void* memory_resource::refuse(std::size_t size, std::size_t alignment, memory_options wanted,
                              when_exhausted then) {
    if (options_.stats) failures_.fetch_add(1, memory_order_relaxed);
    if (has(wanted, memory_options::no_fail)) then = when_exhausted::abort;
    const bool aborts = then == when_exhausted::abort;
    if (then == when_exhausted::null) return nullptr;
    if (!base::is_power_of_two(alignment)) {
        if (aborts) (void)abort_on_exhaustion(nullptr, shortage_of(size));
        base::raise_out_of_memory(shortage_of(size));
    }
    void* const block =
        aborts ? insist_or_abort(at_least_one(size), alignment) : insist(at_least_one(size), alignment);
    if (has(wanted, memory_options::zero)) std::memset(block, 0, size);
    if (options_.stats) {
        failures_.fetch_sub(1, memory_order_relaxed);
        allocations_.fetch_add(1, memory_order_relaxed);
        note_live(at_least_one(size));
    }
    return block;
}

void* memory_resource::allocate(std::size_t size, std::size_t alignment, memory_options wanted) {
    if (void* const block = get_or_ask(size, alignment, wanted)) return block;
    return refuse(size, alignment, wanted, options_.then);
}

void* memory_resource::try_allocate(std::size_t size, std::size_t alignment, memory_options wanted) noexcept {
    if (void* const block = get(size, alignment, wanted)) return block;
    if (!has(wanted, memory_options::no_fail)) return refuse(size, alignment, wanted, when_exhausted::null);
    return refuse(size, alignment, wanted, when_exhausted::abort);
}

// std::pmr's callers take what comes for a block.
void* memory_resource::do_allocate(std::size_t size, std::size_t alignment) {
    if (void* const block = get_or_ask(size, alignment, memory_options::none)) return block;
    const bool aborts = options_.then == when_exhausted::abort;
    return refuse(size, alignment, memory_options::none,
                  aborts ? when_exhausted::abort : when_exhausted::raise);
}

// What a pool refuses is live as before, and no call that worked. Of a block that was written to after its
// free, or a call during another thread's walk, it tells and goes on.
void memory_resource::do_deallocate(void* block, std::size_t size, std::size_t alignment) {
    if (!options_.stats) return give(block, at_least_one(size), alignment);
    misuse_trap told(misuse_trap::then::pass_on);
    give(block, at_least_one(size), alignment);
    const misuse kind = told.first().kind;
    if (told.count() != 0 && kind != misuse::use_after_free && kind != misuse::not_quiet) return;
    deallocations_.fetch_add(1, memory_order_relaxed);
    note_gone(at_least_one(size));
}

// Reallocation.

bool memory_resource::is_misused(void*, std::size_t, std::size_t) noexcept {
    return false;
}

bool memory_resource::resize(void*, std::size_t, std::size_t, std::size_t) noexcept {
    return false;
}

bool memory_resource::resized(void* block, std::size_t old_size, std::size_t new_size, std::size_t alignment,
                              memory_options wanted) noexcept {
    if (!base::is_power_of_two(alignment) || base::padding_to(block, alignment) != 0 ||
        !resize(block, at_least_one(old_size), at_least_one(new_size), alignment))
        return false;
    if (has(wanted, memory_options::zero)) zero_behind(block, old_size, new_size);
    if (options_.stats) {
        note_gone(at_least_one(old_size));
        note_live(at_least_one(new_size));
    }
    return true;
}

void* memory_resource::moved(void* fresh, void* block, std::size_t old_size, std::size_t new_size,
                             std::size_t alignment) noexcept {
    if (fresh == nullptr) return nullptr;
    std::memcpy(fresh, block, old_size < new_size ? old_size : new_size);
    deallocate(block, old_size, alignment);
    return fresh;
}

void* memory_resource::reallocate(void* block, std::size_t old_size, std::size_t new_size,
                                  std::size_t alignment, memory_options wanted) {
    if (block == nullptr) return allocate(new_size, alignment, wanted);
    if (is_misused(block, at_least_one(old_size), alignment)) return nullptr;
    if (resized(block, old_size, new_size, alignment, wanted)) return block;
    return moved(allocate(new_size, alignment, wanted), block, old_size, new_size, alignment);
}

void* memory_resource::try_reallocate(void* block, std::size_t old_size, std::size_t new_size,
                                      std::size_t alignment, memory_options wanted) noexcept {
    if (block == nullptr) return try_allocate(new_size, alignment, wanted);
    if (is_misused(block, at_least_one(old_size), alignment)) return nullptr;
    if (resized(block, old_size, new_size, alignment, wanted)) return block;
    return moved(try_allocate(new_size, alignment, wanted), block, old_size, new_size, alignment);
}

bool memory_resource::reset() noexcept {
    if (!do_reset()) return false;
    live_.store(0, memory_order_relaxed);
    return true;
}

} // namespace cenote::inline v0_1
