// cenote: SPDX-License-Identifier: MIT
//
// The allocator that the program would have called without the recorder, and the few bytes that serve the
// dynamic linker while that is being looked up (dlsym may itself call calloc).
#pragma once

#include <atomic>
#include <cstddef>

namespace cenote::recorder {

struct allocator {
    void* (*malloc)(std::size_t);
    void* (*calloc)(std::size_t, std::size_t);
    void* (*realloc)(void*, std::size_t);
    void (*free)(void*);
    int (*posix_memalign)(void**, std::size_t, std::size_t);
    void* (*aligned_alloc)(std::size_t, std::size_t);
    void* (*memalign)(std::size_t, std::size_t);
    void* (*valloc)(std::size_t);
    void* (*pvalloc)(std::size_t);
};

extern allocator real;

enum class readiness : int { unknown, preparing, passing, recording };
extern std::atomic<readiness> state;

// Looks up the allocator and opens the stream at the first call; false while that is going on in this very
// thread, when the caller must be served from the bootstrap bytes.
[[nodiscard]] bool prepare() noexcept;

[[nodiscard]] inline bool ready() noexcept {
    return state.load(std::memory_order_acquire) >= readiness::passing || prepare();
}

[[nodiscard]] void* bootstrap_allocate(std::size_t size, std::size_t alignment) noexcept;
[[nodiscard]] bool is_bootstrap(const void* p) noexcept;
[[nodiscard]] std::size_t bootstrap_size(const void* p) noexcept;

} // namespace cenote::recorder
