// cenote: SPDX-License-Identifier: MIT
//
// One way to ask any pool for bytes, for the faces: a pool of several sizes takes size and alignment, a pool
// of one size serves what fits its block. What a pool can beyond that is found out here.
#pragma once

#include <cenote/base/error.hpp>

#include <concepts>
#include <cstddef>

namespace cenote::inline v0_1 {

/// Takes requests of any size: multi_pool and its kin.
template<class Pool>
concept sized_pool = requires(Pool& pool, void* block, std::size_t n) {
    { pool.allocate(n, n) } -> std::same_as<void*>;
    { pool.deallocate(block, n, n) } noexcept;
};

/// Has blocks of one size: fixed_pool and its kin.
template<class Pool>
concept block_pool = requires(Pool& pool, const Pool& same, void* block) {
    { pool.allocate() } -> std::same_as<void*>;
    { pool.deallocate(block) } noexcept;
    { same.block_size() } -> std::same_as<std::size_t>;
    { same.alignment() } -> std::same_as<std::size_t>;
};

/// What a face can stand before.
template<class Pool>
concept raw_pool = sized_pool<Pool> || block_pool<Pool>;

namespace base {

/// Whether the pool can serve such a request at all.
template<raw_pool Pool>
[[nodiscard]] bool fits(const Pool& pool, std::size_t bytes, std::size_t alignment) noexcept {
    if constexpr (sized_pool<Pool>) {
        return true;
    } else {
        return bytes <= pool.block_size() && alignment <= pool.alignment();
    }
}

/// For requests that fit.
template<raw_pool Pool>
[[nodiscard]] void* allocate_from(Pool& pool, std::size_t bytes, std::size_t alignment) {
    if constexpr (sized_pool<Pool>) {
        return pool.allocate(bytes, alignment);
    } else {
        return pool.allocate();
    }
}

template<raw_pool Pool>
void deallocate_to(Pool& pool, void* block, std::size_t bytes, std::size_t alignment) noexcept {
    if constexpr (sized_pool<Pool>) {
        pool.deallocate(block, bytes, alignment);
    } else {
        pool.deallocate(block);
    }
}

/// Null when there are none.
template<raw_pool Pool>
[[nodiscard]] void* try_allocate_from(Pool& pool, std::size_t bytes, std::size_t alignment) noexcept {
    if constexpr (sized_pool<Pool>) {
        return pool.try_allocate(bytes, alignment);
    } else {
        return pool.try_allocate();
    }
}

/// Behind a lock.
template<class Pool>
concept locked_pool = requires(Pool& pool) { pool.with([](auto&) {}); };

/// Whether the pool, where it judges exactly at every call, finds that no block of these bytes is live here,
/// and then tells of it as at a free. Of another thread's block that comes to life meanwhile it tells, too.
template<raw_pool Pool>
[[nodiscard]] bool is_misused([[maybe_unused]] Pool& pool, [[maybe_unused]] void* block,
                              [[maybe_unused]] std::size_t bytes,
                              [[maybe_unused]] std::size_t alignment) noexcept {
    if constexpr (locked_pool<Pool>) {
        return pool.with([&](auto& inner) { return is_misused(inner, block, bytes, alignment); });
    } else if constexpr (requires { pool.check(block, bytes); }) {
        return !pool.check(block, bytes);
    } else if constexpr (requires { pool.is_live(block); }) {
        if constexpr (requires { pool.is_instrumented(); }) {
            if (!pool.is_instrumented()) return false;
        }
        bool is_wrong = false;
        const bool is_live = pool.is_live(block);
        if constexpr (requires { pool.size_of(block); }) is_wrong = is_live && bytes > pool.size_of(block);
        if (is_live && !is_wrong) return false;
        if constexpr (requires { pool.local_cache(); }) { // its free could be that of another thread's block
            const misuse kind = is_wrong           ? misuse::wrong_size
                                : pool.owns(block) ? misuse::double_free
                                                   : misuse::foreign_pointer;
            report_misuse({kind, pool.name(), block, 0});
        } else {
            deallocate_to(pool, block, bytes, alignment); // tells, and changes nothing
        }
        return true;
    } else {
        return false;
    }
}

/// Makes a block of `old_bytes` one of `new_bytes` where it is; both fit the pool. False when it cannot.
template<raw_pool Pool>
[[nodiscard]] bool resize_in([[maybe_unused]] Pool& pool, [[maybe_unused]] void* block,
                             [[maybe_unused]] std::size_t old_bytes, [[maybe_unused]] std::size_t new_bytes,
                             [[maybe_unused]] std::size_t alignment) noexcept {
    if constexpr (locked_pool<Pool>) {
        return pool.with(
            [&](auto& inner) { return resize_in(inner, block, old_bytes, new_bytes, alignment); });
    } else if constexpr (requires { pool.try_resize(block, new_bytes); }) {
        return pool.try_resize(block, new_bytes);
    } else if constexpr (requires { pool.try_resize(block, old_bytes, new_bytes); }) {
        return pool.try_resize(block, old_bytes, new_bytes);
    } else if constexpr (requires { pool.rounded_size(new_bytes), pool.is_instrumented(); }) {
        // The same size class; where every call is told to a sanitizer, the bytes behind the old size may not
        // be touched.
        return alignment <= pool.default_alignment && old_bytes <= pool.largest_block() &&
               new_bytes <= pool.largest_block() && !pool.is_instrumented() &&
               pool.rounded_size(old_bytes) == pool.rounded_size(new_bytes);
    } else {
        return block_pool<Pool>; // a block is as long as it is
    }
}

/// Idle memory goes back; returns how many bytes.
template<raw_pool Pool>
std::size_t trim_of(Pool& pool) noexcept {
    const auto result = pool.trim();
    if constexpr (requires { result.returned_bytes; }) {
        return result.returned_bytes;
    } else {
        return result;
    }
}

/// `Levels{bytes live, bytes reserved}`.
template<class Levels, raw_pool Pool>
[[nodiscard]] Levels levels_of(const Pool& pool) noexcept {
    const auto now = pool.stats();
    return {now.live_bytes, now.reserved_bytes};
}

/// Throws for a request larger than any block of the pool.
template<raw_pool Pool>
[[noreturn]] void raise_too_large(const Pool& pool, std::size_t bytes) {
    shortage what;
    what.pool = pool.name();
    what.requested = bytes;
    if constexpr (block_pool<Pool>) what.limit = pool.block_size();
    raise_out_of_memory(what);
}

} // namespace base
} // namespace cenote::inline v0_1
