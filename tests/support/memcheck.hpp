// cenote: SPDX-License-Identifier: MIT
//
// What tests say to memcheck when they read, on purpose, what a pool calls undefined.
#pragma once

#include <cstddef>

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif

namespace cenote::test {

/// The contents of these bytes are to be read, whatever the pool promises of them.
inline void read_on_purpose([[maybe_unused]] const void* data, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(VALGRIND_MAKE_MEM_DEFINED)
    (void)VALGRIND_MAKE_MEM_DEFINED(data, bytes);
#endif
}

} // namespace cenote::test
