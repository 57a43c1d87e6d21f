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

/// Makes a block of `old_bytes` one of `new_bytes` where it is; both fit the pool. False when it cannot.
template<raw_pool Pool>
[[nodiscard]] bool resize_in([[maybe_unused]] Pool& pool, [[maybe_unused]] void* block,
                             [[maybe_unused]] std::size_t old_bytes, [[maybe_unused]] std::size_t new_bytes,
                             [[maybe_unused]] std::size_t alignment) noexcept {
    if constexpr (requires { pool.try_resize(block, new_bytes); }) {
        return pool.try_resize(block, new_bytes);
    } else if constexpr (requires { pool.try_extend(block, old_bytes, new_bytes); }) {
        return pool.try_extend(block, old_bytes, new_bytes) || new_bytes <= old_bytes;
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
