// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sync.hpp>

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

} // namespace
