// cenote: SPDX-License-Identifier: MIT
//
// How long tests go on: as long as the machine is quick. Memcheck, sanitizers and emulators are not.
#pragma once

#include <cstddef>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif

namespace cenote::test {

/// How many times slower this program runs than it should: loops divide by it.
[[nodiscard]] inline std::size_t slowness() noexcept {
#if defined(CENOTE_TEST_SLOWNESS) // compiled for another processor
    return CENOTE_TEST_SLOWNESS;
#endif
#if defined(RUNNING_ON_VALGRIND)
    if (RUNNING_ON_VALGRIND) return 50;
#endif
#if defined(__SANITIZE_THREAD__)
    return 8;
#elif defined(__SANITIZE_ADDRESS__)
    return 4;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
    return 8;
#elif __has_feature(address_sanitizer)
    return 4;
#endif
#endif
    return 1;
}

/// `count`, or what a slow program can do of it; at least `least`.
[[nodiscard]] inline std::size_t scaled(std::size_t count, std::size_t least = 1) noexcept {
    const std::size_t some = count / slowness();
    return some < least ? least : some;
}

} // namespace cenote::test
