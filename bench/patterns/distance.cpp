// cenote: SPDX-License-Identifier: MIT
#include "patterns/distance.hpp"

#include "patterns/basics.hpp"
#include "patterns/crew.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <pthread.h>

namespace cenote::bench {
namespace {

constexpr std::uint32_t runs = 8;
constexpr std::uint32_t trips = 40; // of a run: few enough that some run is not interrupted

struct court {
    int one = 0;
    int other = 0;
    double best = std::numeric_limits<double>::infinity();
    alignas(64) std::atomic<std::uint32_t> ball{0}; // odd: with the other

    void wait_for(std::uint32_t number) const {
        while (ball.load(std::memory_order_acquire) != number) __builtin_ia32_pause();
    }
};

void* serve(void* arena) {
    court& here = *static_cast<court*>(arena);
    bind_to(here.one);
    here.wait_for(1); // the other is there
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
    bind_to(here.other);
    for (std::uint32_t number = 1; number < 2 * runs * trips; number += 2) {
        here.ball.store(number, std::memory_order_release);
        here.wait_for(number + 1);
    }
    here.ball.store(2 * runs * trips + 1, std::memory_order_release);
    return nullptr;
}

} // namespace

// Threads of its own, which allocate nothing: the contender is not touched.
double round_trip_ns(int one, int other) {
    court here{.one = one, .other = other};
    pthread_t server{};
    pthread_t answerer{};
    if (::pthread_create(&server, nullptr, serve, &here) != 0) return 0;
    if (::pthread_create(&answerer, nullptr, answer, &here) != 0) {
        answer(&here); // on this thread
    } else {
        ::pthread_join(answerer, nullptr);
    }
    ::pthread_join(server, nullptr);
    return here.best;
}

} // namespace cenote::bench
