// cenote: SPDX-License-Identifier: MIT
//
// An allocator in C as a user writes one.
#pragma once

#include <cenote/cenote.h>

#include <cstddef>
#include <cstdint>

namespace cenote::test {

/// On the heap; counts, and can run out.
struct counted {
    std::size_t live = 0;
    std::size_t calls = 0;
    std::size_t fails_at = SIZE_MAX; // the call that finds nothing, and all behind it

    static void* allocate(void* context, std::size_t size, std::size_t alignment, unsigned options) {
        auto& self = *static_cast<counted*>(context);
        if (++self.calls >= self.fails_at) return nullptr;
        self.live += size;
        return cenote_allocate(&self.heap, size, alignment, options);
    }
    static void* reallocate(void*, void*, std::size_t, std::size_t, std::size_t, unsigned) { return nullptr; }
    static cenote_status deallocate(void* context, void* block, std::size_t size, std::size_t alignment) {
        auto& self = *static_cast<counted*>(context);
        self.live -= size;
        return cenote_deallocate(&self.heap, block, size, alignment);
    }
    [[nodiscard]] cenote_allocator face() { return {this, allocate, reallocate, deallocate, nullptr}; }

    cenote_allocator heap = cenote_heap_allocator();
};

} // namespace cenote::test
