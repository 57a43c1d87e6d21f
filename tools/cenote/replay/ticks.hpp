// cenote: SPDX-License-Identifier: MIT
//
// The clocks of a replay: processor time for a whole pass, and the finest counter there is for a single
// operation.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace cenote::tool {

// In ticks, whose length `measure_ticks` says. On x86-64 the time stamp counter, fenced so that it is read in
// its place.
inline std::uint64_t ticks() {
#if defined(__x86_64__)
    _mm_lfence();
    const std::uint64_t now = __rdtsc();
    _mm_lfence();
    return now;
#else
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

inline std::uint64_t clock_ns(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

// Of this process, all threads, user and system: what other programs on the machine take does not count.
inline std::uint64_t processor_ns() {
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

// Of the calling thread alone.
inline std::uint64_t thread_ns() {
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

inline std::uint64_t wall_ns() {
    return clock_ns(CLOCK_MONOTONIC);
}

} // namespace cenote::tool
