// cenote: SPDX-License-Identifier: MIT
//
// What one copy of the library does for a test of several: pools in static storage and on the heap, used from
// any thread. The same code stands in the program and in each plugin; this face is all that they share.
#pragma once

#include <cstddef>

namespace cenote::test {

struct copy_face {
    /// Uses all pools from the calling thread, and leaves blocks in its caches. Null, or what went wrong.
    const char* (*use)(unsigned seed);
    /// Quiet: whether all blocks are back and every pool is whole. Null, or what is not.
    const char* (*check)();
    void* (*allocate)();
    void (*deallocate)(void* block);
    bool (*owns)(const void* block);
    /// Whether the calling thread has a cache.
    bool (*has_cache)();
    /// Ends the pools on the heap.
    void (*close)();
    /// Where the calling thread's table of caches is.
    const void* (*table)();
};

inline constexpr const char* copy_symbol = "cenote_test_copy";
using copy_function = const copy_face*();

} // namespace cenote::test

extern "C" __attribute__((visibility("default"))) const cenote::test::copy_face* CENOTE_TEST_COPY();
