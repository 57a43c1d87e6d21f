// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sync.hpp>

#include "support/gate.hpp"
#include "support/slowness.hpp"

#include <deque>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace {

using namespace cenote;

constinit sync::atomic<int> counter{0};

TEST(sync, an_atomic_stands_in_static_storage_and_loses_no_update) {
    counter.store(0, sync::memory_order_relaxed);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([] {
            for (int n = 0; n < 10000; ++n) counter.fetch_add(1, sync::memory_order_relaxed);
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(counter.load(sync::memory_order_acquire), 40000);
}

TEST(sync, what_was_written_before_a_release_is_seen_after_the_acquire) {
    for (int round = 0; round < 200; ++round) {
        sync::atomic<bool> ready{false};
        int value = 0;
        std::thread writer([&] {
            value = round;
            ready.store(true, sync::memory_order_release);
        });
        while (!ready.load(sync::memory_order_acquire)) std::this_thread::yield();
        ASSERT_EQ(value, round);
        writer.join();
    }
}

TEST(sync, a_wait_ends_at_its_deadline) {
    const sync::atomic<std::uint32_t> word{7};
    for (const std::int64_t nanoseconds : {0, 100'000, 3'000'000}) {
        const std::int64_t deadline = sync::steady_now() + nanoseconds;
        while (sync::real::wait_until(word, 7, deadline)) {
        }
        EXPECT_GE(sync::steady_now(), deadline);
    }
    EXPECT_FALSE(sync::real::wait_until(word, 7, 0));
    EXPECT_FALSE(sync::real::wait_until(word, 7, -5));
}

TEST(sync, a_wait_ends_when_the_word_changes) {
    for (const std::int64_t deadline : {sync::no_deadline, sync::steady_now() + 60'000'000'000}) {
        sync::atomic<std::uint32_t> word{7};
        std::thread other([&] {
            word.store(8, sync::memory_order_release);
            sync::real::wake_waiter(word);
        });
        while (word.load(sync::memory_order_acquire) == 7)
            ASSERT_TRUE(sync::real::wait_until(word, 7, deadline));
        other.join();
    }
}

// In every round some may be about to sleep while the last one comes.
TEST(sync, whoever_sleeps_on_a_word_is_woken_by_the_last_to_come) {
    constexpr int crowd = 8; // more than run at once, so that several sleep
    const std::size_t rounds = test::scaled(500, 100);
    std::deque<test::gate> gates;
    std::deque<sync::atomic<int>> come;
    for (std::size_t round = 0; round < rounds; ++round) {
        gates.emplace_back(std::size_t{crowd});
        come.emplace_back(0);
    }
    sync::atomic<int> early{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < crowd; ++i) {
        threads.emplace_back([&] {
            for (std::size_t round = 0; round < rounds; ++round) {
                come[round].fetch_add(1, sync::memory_order_relaxed);
                gates[round].arrive_and_wait();
                if (come[round].load(sync::memory_order_relaxed) != crowd)
                    early.fetch_add(1, sync::memory_order_relaxed);
            }
        });
    }
    for (std::thread& one : threads) one.join();
    EXPECT_EQ(early.load(sync::memory_order_relaxed), 0);
}

} // namespace
