// cenote: SPDX-License-Identifier: MIT
//
// Workers stand on their cores, and it is known when one had to wait for its own.
#include "patterns/crew.hpp"
#include "patterns/measure.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <gtest/gtest.h>
#include <sched.h>
#include <thread>

namespace cenote::bench {
namespace {

TEST(crew, binds_each_worker_to_a_core_of_its_turn) {
    const std::vector<int> cores = usable_cores();
    const unsigned size = static_cast<unsigned>(cores.size()) + 1;
    std::vector<cpu_set_t> seen(size);
    {
        crew all(size);
        all.start([&](crew::worker& self) {
            ::sched_getaffinity(0, sizeof(cpu_set_t), &seen[self.number()]);
            while (self.next() != 0) {
                self.begin();
                self.end();
            }
        });
        EXPECT_GT(all.run(1).ns, 0);
    }
    for (unsigned i = 0; i < size; ++i) {
        EXPECT_EQ(CPU_COUNT(&seen[i]), 1) << i;
        EXPECT_TRUE(CPU_ISSET(cores[i % cores.size()], &seen[i])) << i;
    }
}

TEST(crew, hands_every_worker_the_steps_of_each_window) {
    std::atomic<std::size_t> sum{0};
    crew all(3);
    all.start([&](crew::worker& self) {
        while (const std::size_t steps = self.next()) {
            self.begin();
            sum += steps;
            self.end();
        }
    });
    (void)all.run(5);
    EXPECT_EQ(sum, 15u);
    (void)all.run(100);
    EXPECT_EQ(sum, 315u);
}

TEST(crew, counts_for_each_thread_what_its_core_gave_it) {
    const unsigned cores = static_cast<unsigned>(usable_cores().size());
    for (const unsigned size : {2 * cores, 4 * cores}) {
        crew all(size);
        all.start([&](crew::worker& self) {
            while (self.next() != 0) {
                self.begin();
                self.end();
            }
        });
        const sample got = all.run(1);
        EXPECT_DOUBLE_EQ(got.share, static_cast<double>(cores) / size);
        EXPECT_EQ(got.waited_ns, 0) << "more threads than cores wait by design";
        EXPECT_GT(got.busy_ns, 0) << "but it is known how long they worked";
    }
}

constexpr std::chrono::milliseconds nap{30};
constexpr double nap_ns = 30e6;

// The window of that many workers, in which the first sleeps.
sample window_with_a_nap(unsigned size) {
    crew all(size);
    all.start([&](crew::worker& self) {
        while (self.next() != 0) {
            self.begin();
            if (self.number() == 0) std::this_thread::sleep_for(nap);
            self.end();
        }
    });
    return all.run(1);
}

TEST(crew, counts_processor_time_of_one_worker_and_wall_time_of_several) {
    EXPECT_LT(window_with_a_nap(1).ns, nap_ns) << "who sleeps has no processor";
    EXPECT_GE(window_with_a_nap(2).ns, nap_ns);
}

TEST(cpu_watch, does_not_count_what_is_slept) {
    const cpu_watch watch;
    std::this_thread::sleep_for(nap);
    EXPECT_LT(watch.read().ns, nap_ns);
}

TEST(crew, begins_when_all_are_ready) {
    if (usable_cores().size() < 2) GTEST_SKIP() << "one core: who waits for its turn holds up nobody";
    std::atomic<unsigned> ready{0};
    std::array<unsigned, 2> seen{};
    crew all(2);
    all.start([&](crew::worker& self) {
        while (self.next() != 0) {
            if (self.number() == 1) std::this_thread::sleep_for(nap);
            ++ready;
            self.begin();
            seen[self.number()] = ready;
            self.end();
        }
    });
    (void)all.run(1);
    EXPECT_EQ(seen, (std::array<unsigned, 2>{2, 2}));
}

// One worker for each core; on the first's there is somebody else, until the worker has waited long enough.
struct hindered_loop {
    static constexpr std::size_t operations_a_step = 1;
    static constexpr std::size_t fixed_steps = 1;
    static constexpr double long_enough = 2e6;

    hindered_loop() : all(static_cast<unsigned>(usable_cores().size())) {
        hog = std::thread([this] {
            bind_to(usable_cores().front());
            while (!is_over.load(std::memory_order_relaxed)) {
            }
        });
        all.start([this](crew::worker& self) {
            while (self.next() != 0) {
                self.begin();
                const double start = clock_ns(CLOCK_MONOTONIC);
                const double before = waited_ns();
                while (self.number() == 0 &&
                       waited_ns() - before <
                           std::max(long_enough, 0.1 * (clock_ns(CLOCK_MONOTONIC) - start))) {
                }
                self.end();
            }
        });
    }
    ~hindered_loop() {
        is_over = true;
        hog.join();
    }
    hindered_loop(const hindered_loop&) = delete;
    hindered_loop& operator=(const hindered_loop&) = delete;
    sample run(std::size_t steps) { return all.run(steps); }

    std::atomic<bool> is_over{false};
    std::thread hog;
    crew all;
};

bool knows_who_waits() {
    return usable_cores().size() > 1 && std::filesystem::exists("/proc/thread-self/schedstat");
}

TEST(crew, knows_how_long_a_worker_waited_for_its_core) {
    if (!knows_who_waits()) GTEST_SKIP() << "one core, or a kernel that does not say who waits";
    hindered_loop loop;
    EXPECT_GE(loop.run(1).waited_ns, hindered_loop::long_enough);
}

TEST(crew, window_in_which_a_worker_waited_is_discarded) {
    if (!knows_who_waits()) GTEST_SKIP() << "one core, or a kernel that does not say who waits";
    hindered_loop loop;
    outcome result;
    take_windows(loop, 1, 1, 1e6, result);
    EXPECT_FALSE(result.is_clean);
    EXPECT_EQ(result.discarded, most_attempts);
}

} // namespace
} // namespace cenote::bench
