// cenote: SPDX-License-Identifier: MIT
//
// Whose turn it is: a number that one worker passes on and others wait for, first spinning, then asleep in
// the kernel, so that workers beyond the number of processors do not keep the one from running that they wait
// for.
#pragma once

#include "replay/ticks.hpp"

#include <atomic>
#include <climits>
#include <cstdint>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cenote::tool {

// What a worker's waits took: measured only when there was something to wait for.
struct waiting {
    std::uint64_t count = 0;
    std::uint64_t wall_ns = 0;
    std::uint64_t processor_ns = 0; // of waiting, and of waking those that waited
};

// Counts what is done in its scope as waiting.
class waiting_scope {
public:
    explicit waiting_scope(waiting& sum) : sum_(sum), wall_(wall_ns()), processor_(thread_ns()) {}
    ~waiting_scope() {
        sum_.processor_ns += thread_ns() - processor_;
        sum_.wall_ns += wall_ns() - wall_;
    }
    waiting_scope(const waiting_scope&) = delete;
    waiting_scope& operator=(const waiting_scope&) = delete;

private:
    waiting& sum_;
    std::uint64_t wall_;
    std::uint64_t processor_;
};

class turn_word {
public:
    // Zeroed memory is turn 0.
    [[nodiscard]] bool is(std::uint32_t turn) const {
        return (word_.load(std::memory_order_acquire) & ~asleep) == turn;
    }

    // From outside a replay only: nobody waits.
    void reset() { word_.store(0, std::memory_order_relaxed); }

    void pass(std::uint32_t turn, waiting& sum) {
        const std::uint32_t old = word_.exchange(turn, std::memory_order_acq_rel);
        if ((old & asleep) == 0) [[likely]]
            return;
        const waiting_scope time(sum);
        futex(FUTEX_WAKE_PRIVATE, INT_MAX);
    }

    void await(std::uint32_t turn, waiting& sum) {
        if (is(turn)) [[likely]]
            return;
        ++sum.count;
        const waiting_scope time(sum);
        for (int i = 0; i < spins; ++i) {
            relax();
            if (is(turn)) return;
        }
        for (;;) {
            std::uint32_t now = word_.load(std::memory_order_acquire);
            if ((now & ~asleep) == turn) return;
            if ((now & asleep) == 0 &&
                !word_.compare_exchange_strong(now, now | asleep, std::memory_order_acq_rel))
                continue;
            futex(FUTEX_WAIT_PRIVATE, now | asleep);
        }
    }

private:
    static constexpr std::uint32_t asleep = std::uint32_t{1} << 31; // someone sleeps in the kernel
    static constexpr int spins = 100;                               // some microseconds

    static void relax() {
#if defined(__x86_64__)
        _mm_pause();
#endif
    }

    void futex(int what, std::uint32_t value) {
        ::syscall(SYS_futex, &word_, what, value, nullptr, nullptr, 0);
    }

    std::atomic<std::uint32_t> word_{0};
};
static_assert(sizeof(turn_word) == 4 && std::atomic<std::uint32_t>::is_always_lock_free);

} // namespace cenote::tool
