// cenote: SPDX-License-Identifier: MIT
//
// What all loops share. A loop is one pattern of traffic over any contender: `prepare` makes the contender
// and gets the blocks that stay live, `run(steps)` says how long the timed part took. Loops write the first
// word of every block they get, as a program would, and tell the compiler after every get and put that memory
// may have changed, so that the contender's state lives in memory. Orders and indices come from fixed seeds:
// all contenders see the same.
#pragma once

#include "contender.hpp"

#include <cstdint>
#include <ctime>

namespace cenote::bench {

inline void escape(void* data) {
    asm volatile("" : : "r"(data) : "memory");
}

inline void clobber() {
    asm volatile("" : : : "memory");
}

inline double clock_ns(clockid_t clock) {
    std::timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

inline double process_cpu_ns() {
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

// The loop that follows begins at about the same place of a line of the cache for every contender, and in
// every build. Where all branches of a short loop stand in one line, some processors take a cycle more than
// where they stand in two: half as much again for a pair, by the chance of a build.
inline void begin_in_line() {
#if defined(__x86_64__)
    asm volatile(".p2align 6\n\t.skip 16, 0x90");
#endif
}

// Processor time of this process. No function is called with what is timed: a closure's captures would live
// in memory, and the loop's own counter with them.
class cpu_watch {
public:
    [[nodiscard]] sample read() const { return {.ns = process_cpu_ns() - start_}; }

private:
    double start_ = process_cpu_ns();
};

inline void touch(void* block) {
    *static_cast<std::size_t*>(block) = 1;
    escape(block);
}

template<gives_blocks C>
void* get_touched(C& pool) {
    void* const block = pool.get();
    touch(block);
    return block;
}

template<gives_blocks C>
void put_seen(C& pool, void* block) {
    pool.put(block);
    clobber();
}

// Cheap numbers that look random.
class dice {
public:
    explicit dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
    // Below `limit`, which is below 2^32.
    std::size_t below(std::size_t limit) {
        state_ = state_ * 6364136223846793005u + 1442695040888963407u;
        return static_cast<std::size_t>(((state_ >> 32) * limit) >> 32);
    }
    std::size_t size() { return smallest_random + below(largest_random - smallest_random + 1); }

private:
    std::uint64_t state_;
};

} // namespace cenote::bench
