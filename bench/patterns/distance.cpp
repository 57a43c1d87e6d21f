// cenote: SPDX-License-Identifier: MIT
#include "patterns/distance.hpp"

#include "patterns/basics.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <pthread.h>
#include <sched.h>

namespace cenote::bench {
namespace {

constexpr std::uint32_t runs = 8;
constexpr std::uint32_t trips = 40; // of a run: few enough that some run is not interrupted

struct court {
    double best = std::numeric_limits<double>::infinity();
    std::atomic<bool> is_over{false};
    alignas(64) std::atomic<std::uint32_t> ball{0}; // odd: with the other

    void wait_for(std::uint32_t number) const {
        while (ball.load(std::memory_order_acquire) != number) __builtin_ia32_pause();
    }
};

void* serve(void* arena) {
    court& here = *static_cast<court*>(arena);
    here.wait_for(1); // the other is there, or never will be
    if (here.is_over.load(std::memory_order_relaxed)) return nullptr;
    std::uint32_t number = 2;
    for (std::uint32_t run = 0; run < runs; ++run) {
        const double start = clock_ns(CLOCK_MONOTONIC);
        for (std::uint32_t trip = 0; trip < trips; ++trip, number += 2) {
            here.ball.store(number, std::memory_order_release);
            here.wait_for(number + 1);
        }
        here.best = std::min(here.best, (clock_ns(CLOCK_MONOTONIC) - start) / trips);
    }
    return nullptr;
}

void* answer(void* arena) {
    court& here = *static_cast<court*>(arena);
    for (std::uint32_t number = 1; number < 2 * runs * trips; number += 2) {
        here.ball.store(number, std::memory_order_release);
        here.wait_for(number + 1);
    }
    here.ball.store(2 * runs * trips + 1, std::memory_order_release);
    return nullptr;
}

// On its core from the first instruction on, or not at all.
bool start_on(int core, pthread_t& one, void* (*life)(void*), court& here) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    pthread_attr_t wanted;
    ::pthread_attr_init(&wanted);
    const bool is_started = ::pthread_attr_setaffinity_np(&wanted, sizeof set, &set) == 0 &&
                            ::pthread_create(&one, &wanted, life, &here) == 0;
    ::pthread_attr_destroy(&wanted);
    return is_started;
}

} // namespace

// Threads of its own, which call nothing of the contender.
double round_trip_ns(int one, int other) {
    court here;
    pthread_t server{};
    pthread_t answerer{};
    if (one == other || !start_on(one, server, serve, here)) return 0;
    const bool is_answered = start_on(other, answerer, answer, here);
    if (is_answered) {
        ::pthread_join(answerer, nullptr);
    } else {
        here.is_over.store(true, std::memory_order_relaxed);
        here.ball.store(1, std::memory_order_release);
    }
    ::pthread_join(server, nullptr);
    return is_answered ? here.best : 0;
}

} // namespace cenote::bench
