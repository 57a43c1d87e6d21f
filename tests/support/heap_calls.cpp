// cenote: SPDX-License-Identifier: MIT
#include "support/heap_calls.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

// ThreadSanitizer brings an operator new of its own: there nothing is counted.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CENOTE_HEAP_IS_THE_SANITIZERS 1
#endif
#endif

namespace {

std::atomic<std::size_t> calls{0};

#if !defined(CENOTE_HEAP_IS_THE_SANITIZERS)

void* get(std::size_t bytes, std::size_t alignment) noexcept {
    calls.fetch_add(1, std::memory_order_relaxed);
    if (alignment <= alignof(std::max_align_t)) return std::malloc(bytes == 0 ? 1 : bytes);
#if defined(_WIN32)
    return ::_aligned_malloc(bytes == 0 ? 1 : bytes, alignment);
#else
    void* data = nullptr;
    return ::posix_memalign(&data, alignment, bytes) == 0 ? data : nullptr;
#endif
}

void free_aligned(void* data, std::size_t alignment) noexcept {
#if defined(_WIN32)
    if (alignment > alignof(std::max_align_t)) return ::_aligned_free(data);
#endif
    (void)alignment;
    std::free(data);
}

void* get_or_throw(std::size_t bytes, std::size_t alignment) {
    if (void* const data = get(bytes, alignment)) return data;
    throw std::bad_alloc();
}

#endif

} // namespace

namespace cenote::test {

std::size_t heap_calls() noexcept {
    return calls.load(std::memory_order_relaxed);
}

} // namespace cenote::test

#if !defined(CENOTE_HEAP_IS_THE_SANITIZERS)

void* operator new(std::size_t bytes) {
    return get_or_throw(bytes, 1);
}
void* operator new[](std::size_t bytes) {
    return get_or_throw(bytes, 1);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return get_or_throw(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
    return get_or_throw(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
    return get(bytes, 1);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
    return get(bytes, 1);
}
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return get(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return get(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* data) noexcept {
    std::free(data);
}
void operator delete[](void* data) noexcept {
    std::free(data);
}
void operator delete(void* data, std::size_t) noexcept {
    std::free(data);
}
void operator delete[](void* data, std::size_t) noexcept {
    std::free(data);
}
void operator delete(void* data, std::align_val_t alignment) noexcept {
    free_aligned(data, static_cast<std::size_t>(alignment));
}
void operator delete[](void* data, std::align_val_t alignment) noexcept {
    free_aligned(data, static_cast<std::size_t>(alignment));
}
void operator delete(void* data, std::size_t, std::align_val_t alignment) noexcept {
    free_aligned(data, static_cast<std::size_t>(alignment));
}
void operator delete[](void* data, std::size_t, std::align_val_t alignment) noexcept {
    free_aligned(data, static_cast<std::size_t>(alignment));
}

#endif
